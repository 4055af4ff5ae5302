import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { ask, converse } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant, User } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

const PATH = "/llm-assistant/conversations/search";

async function find(user: User, q: string, filters: Record<string, string> = {}): Promise<Body[]> {
  const query = new URLSearchParams({ q, ...filters });
  return expect(await user.get(`${PATH}?${query}`), 200).data;
}

Deno.test("search_messages finds", async (t) => {
  const { owner } = await createTenant();
  const shop = await converse(
    owner,
    "How do I normalize the invoices of a shop?",
    "Put each invoice line into a table of its own, and refer to the Invoice by its number.",
  );
  const rain = await converse(
    owner,
    "Погода в Москве?",
    "Es regnet. Il pleut à Besançon. `<b>` is a tag & that is that. 東京は雨です。",
  );
  const texts = async (q: string, filters?: Record<string, string>) =>
    (await find(owner, q, filters)).map(({ id }) => id);

  await t.step("words, also in another form, best first", async () => {
    assert.deepEqual(await texts("invoice"), [shop.answer_id, shop.question_id]);
    assert.deepEqual(await texts("normalizing"), [shop.question_id]);
    assert.deepEqual(await texts("invoice -shop"), [shop.answer_id]);
    assert.deepEqual(await texts('"refer to the invoice"'), [shop.answer_id]);
    assert.deepEqual(
      (await texts("regnet or normalize")).toSorted(),
      [
        rain.answer_id,
        shop.question_id,
      ].toSorted(),
    );
  });
  await t.step("what is nearly right, and parts of words", async () => {
    const [hit] = await find(owner, "normalise");
    assert.deepEqual([hit?.id, hit?.matched], [shop.question_id, "similar"]);
    assert.equal((await find(owner, "invioce"))[0]?.matched, "similar");
    assert.deepEqual(await texts("egne"), [rain.answer_id]);
  });
  await t.step("some of the words, where nothing has all of them", async () => {
    const [hit] = await find(owner, "which invoice lines were paid twice");
    assert.deepEqual([hit?.id, hit?.matched], [shop.answer_id, "some"]);
    assert.deepEqual(await texts('"invoice paid"'), []);
  });
  await t.step("any language, with accents and without", async () => {
    assert.deepEqual(await texts("ПОГОДА"), [rain.question_id]);
    assert.deepEqual(await texts("besancon"), [rain.answer_id]);
    assert.deepEqual(await texts("東京"), [rain.answer_id]);
  });
  await t.step("nothing where there is nothing", async () => {
    for (
      const q of ["zzzqqqxx", "%", "_", "\\", "' or 1=1 --", "!!!", "-nothing", "&|!()", "<->"]
    ) {
      assert.deepEqual(await texts(q), [], q);
    }
  });
  await t.step("and shows where, as safe HTML", async () => {
    const [hit] = await find(owner, "invoices", { role: "user" });
    assert.equal(
      hit?.snippet,
      "How do I normalize the <mark>invoices</mark> of a shop?",
    );
    const [tag] = await find(owner, "besançon tag");
    assert.match(tag?.snippet, /<mark>Besançon<\/mark>/);
    assert.doesNotMatch(tag?.snippet.replaceAll(/<\/?mark>/g, ""), /<|&(?!amp;|lt;|gt;)/);
    assert.match((await find(owner, "invioce"))[0]?.snippet, /<mark>[Ii]nvoices?<\/mark>/);
  });
  await t.step("no HTML that somebody wrote", async () => {
    const evil = `sneaky <img src=x onerror=alert(1)> \uE000<script>\uE001 <mark>here</mark> a<b`;
    const { id } = await converse(owner, evil, "no");
    const [hit] = await find(owner, "sneaky here", { conversation_id: id });
    assert.match(hit?.snippet, /<mark>sneaky<\/mark>/);
    assert.doesNotMatch(hit?.snippet.replaceAll(/<\/?mark>/g, ""), /</);
    assert.equal(hit?.snippet.split("<mark>").length, hit?.snippet.split("</mark>").length);
  });
  await t.step("what filters leave", async () => {
    assert.deepEqual(await texts("invoice", { role: "user" }), [shop.question_id]);
    assert.deepEqual(await texts("invoice", { conversation_id: rain.id }), []);
    assert.deepEqual(await texts("invoice", { status: "archived" }), []);
    assert.equal((await texts("invoice", { status: "active" })).length, 2);
    assert.deepEqual(await texts("invoice", { project_id: shop.id }), []);
    assert.deepEqual(await texts("invoice", { assistant_id: shop.id }), []);
  });
  await t.step("page by page, each once", async () => {
    const { conversation } = await ask(owner, "", {
      messages: Array.from({ length: 7 }, (_, i) => ({
        role: "user" as const,
        content: `pageable ${"word ".repeat(i % 3)}`,
      })),
    });
    const query = `q=pageable&limit=3&conversation_id=${conversation.id}`;
    const pages = await collectPages(owner, `${PATH}?${query}`);
    assert.deepEqual(pages.map(({ length }) => length), [3, 3, 1]);
    const scores = pages.flat().map(({ score }) => score);
    assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
    assert.equal(new Set(pages.flat().map(({ id }) => id)).size, 7);
  });
});

Deno.test("search_messages refuses", async (t) => {
  const tenant = await createTenant();
  await t.step("bad input", async () => {
    for (const query of ["", "q=", `q=${"x".repeat(201)}`, "q=x&limit=0", "q=x&role=tool"]) {
      const answer = await tenant.owner.get(`${PATH}?${query}`);
      refused(answer, 422, "validation_failed");
    }
    refused(await tenant.owner.get(`${PATH}?q=x&cursor=x`), 400, "invalid_cursor");
  });
  await attack(t, { tenant, method: "GET", path: `${PATH}?q=secret`, stranger: "empty" });
});

Deno.test("search_messages tells nobody of another's messages", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const word = `w${crypto.randomUUID().replaceAll("-", "")}`;
  const { id } = await converse(owner, `secret ${word}`, `the answer to ${word}`);
  const [admin, member, stranger] = await Promise.all([
    tenant.user("admin"),
    tenant.user("member"),
    tenant.stranger(),
  ]);
  const rpc = (user: User, args: Body) => user.rest("POST", "/rpc/search_messages", args);
  const { organizationId: organization_id } = tenant;
  assert.equal((await find(owner, word)).length, 2);

  for (const [name, user] of Object.entries({ admin, member })) {
    await t.step(`not the ${name} of the organization`, async () => {
      for (const q of [word, word.slice(0, 20), `nothing or ${word}`, `-${word}`, "secret -x"]) {
        assert.deepEqual(await find(user, q), []);
        assert.deepEqual(await find(user, q, { conversation_id: id }), []);
      }
      // The owner's own mark in the index, asked for as a word.
      const mark = `/${owner.id}/${organization_id}`;
      for (const q of [mark, `"${mark}"`, `x or ${mark}`]) {
        assert.deepEqual(await find(user, q), []);
      }
    });
  }
  await t.step("not a stranger who names the organization", async () => {
    assert.equal((await rpc(stranger, { q: word, organization_id })).status, 404);
    assert.deepEqual((await rpc(stranger, { q: word })).body, []);
  });
  await t.step("not who was a member and is none any more", async () => {
    const leaver = await tenant.join("member");
    await converse(leaver, `mine ${word}`, "yes");
    assert.equal((await find(leaver, word)).length, 1);
    expect(
      await leaver.rest(
        "DELETE",
        `/memberships?user_id=eq.${leaver.id}&organization_id=eq.${organization_id}`,
      ),
      200,
    );
    assert.equal((await rpc(leaver, { q: word, organization_id })).status, 404);
  });
  await t.step("not in another organization of the same user", async () => {
    const home = await owner.get("/organizations?limit=100");
    const personal = expect(home, 200).data.find(({ kind }: Body) => kind === "personal");
    assert.deepEqual(await find(owner.in(personal.id), word), []);
  });
  await t.step("not a step of a pipeline, nor what it reads of tables", async () => {
    const claims = { organization_id, step_id: crypto.randomUUID() };
    const token = await mintToken(owner.id, { claims });
    const asStep = new User(owner.id, owner.email, token, organization_id);
    assert.deepEqual((await rpc(asStep, { q: word, organization_id })).body, []);
    for (const table of ["conversations", "messages", "conversation_turns"]) {
      assert.deepEqual((await asStep.rest("GET", `/${table}?select=id`)).body, [], table);
    }
    const list = await asStep.rest("POST", "/rpc/list_messages", { conversation_id: id });
    assert.equal(list.status, 404);
  });
  await t.step("nor is the index of texts anybody's to read", async () => {
    const { status } = await owner.rest("GET", "/message_documents?select=text");
    assert.ok([404, 400].includes(status), `answered ${status}`);
  });
});
