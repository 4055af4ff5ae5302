import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { ask, converse, reply } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/llm-assistant/conversations";
const UNKNOWN = "00000000-0000-4000-8000-00000000dead";

Deno.test("list_messages", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const first = await converse(owner, "1", "2");
  const { id } = first;
  const second = await converse(owner, "3", "4", { conversation_id: id });
  await converse(owner, "3b", "4b", { conversation_id: id, parent_id: first.answer_id });
  const path = `${PATH}/${id}/messages`;
  const texts = (pages: Body[][]) => pages.map((page) => page.map(({ content }) => content));

  await t.step("gives the branch that is shown, in pages, from either end", async () => {
    assert.deepEqual(texts(await collectPages(owner, `${path}?limit=3`)), [["1", "2", "3b"], [
      "4b",
    ]]);
    assert.deepEqual(texts(await collectPages(owner, `${path}?limit=3&order=desc`)), [
      ["4b", "3b", "2"],
      ["1"],
    ]);
  });
  await t.step("gives another branch, and all of the tree", async () => {
    assert.deepEqual(texts(await collectPages(owner, `${path}?branch=${second.question_id}`)), [
      ["1", "2", "3"],
    ]);
    assert.deepEqual(texts(await collectPages(owner, `${path}?branch=all&limit=4`)), [
      ["1", "2", "3", "4"],
      ["3b", "4b"],
    ]);
    assert.deepEqual(texts(await collectPages(owner, `${path}?branch=all&order=desc&limit=4`)), [
      ["4b", "3b", "4", "3"],
      ["2", "1"],
    ]);
  });
  await t.step("goes on in the branch that it began in", async () => {
    const page = expect(await owner.get(`${path}?limit=2`), 200);
    expect(await owner.patch(`${PATH}/${id}`, { current_message_id: second.answer_id }), 200);
    const rest = expect(await owner.get(`${path}?limit=2&cursor=${page.next_cursor}`), 200);
    assert.deepEqual(texts([rest.data]), [["3b", "4b"]]);
  });
  await t.step("gives long messages in shorter pages", async () => {
    const long = "x".repeat(1_000_000);
    const turn = await ask(owner, "", {
      messages: Array.from({ length: 10 }, () => ({ role: "user" as const, content: long })),
    });
    const pages = await collectPages(owner, `${PATH}/${turn.conversation.id}/messages?limit=100`);
    assert.deepEqual(pages.map(({ length }) => length), [5, 5]);
  });
  await t.step("refuses bad input", async () => {
    refused(await owner.get(`${path}?branch=other`), 422, "validation_failed", ["query.branch"]);
    refused(await owner.get(`${path}?branch=${UNKNOWN}`), 404, "not_found");
    refused(await owner.get(`${PATH}/${UNKNOWN}/messages`), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
    const { next_cursor } = expect(await owner.get(`${PATH}?limit=1`), 200);
    refused(await owner.get(`${path}?cursor=${next_cursor}`), 400, "invalid_cursor");
  });
  await attack(t, { tenant, method: "GET", path });
});

Deno.test("rate_message", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { id, question_id, answer_id } = await converse(owner, "q", "a");
  const path = `${PATH}/${id}/messages/${answer_id}`;

  await t.step("keeps what the user thinks of an answer, and changes nothing else", async () => {
    const before = expect(await owner.get(`${PATH}/${id}/messages`), 200).data[1];
    for (const feedback of [1, -1, null]) {
      const { sibling_ids: _, ...unrated } = before;
      assert.deepEqual(expect(await owner.patch(path, { feedback }), 200), {
        ...unrated,
        feedback,
      });
    }
  });
  await t.step("refuses bad input", async () => {
    for (const feedback of [0, 2, "up"]) {
      refused(await owner.patch(path, { feedback }), 422, "validation_failed", ["feedback"]);
    }
    refused(await owner.patch(path, {}), 422, "validation_failed", ["feedback"]);
    refused(await owner.patch(path, { feedback: 1, content: "x" }), 422, "validation_failed");
    const question = `${PATH}/${id}/messages/${question_id}`;
    refused(await owner.patch(question, { feedback: 1 }), 422, "validation_failed");
    const elsewhere = await converse(owner, "q", "a");
    const mixed = `${PATH}/${elsewhere.id}/messages/${answer_id}`;
    refused(await owner.patch(mixed, { feedback: 1 }), 404, "not_found");
  });
  await t.step("is for its user alone", async () => {
    refused(await (await tenant.user("admin")).patch(path, { feedback: 1 }), 404, "not_found");
  });
  await attack(t, { tenant, method: "PATCH", path, body: { feedback: 1 } });
});

Deno.test("past the functions, a message", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { id, question_id, answer_id } = await converse(owner, "q", "a");
  const other = await converse(owner, "x", "y");
  const admin = await tenant.user("admin");
  const post = (body: unknown) => owner.rest("POST", "/messages", body);

  await t.step("never changes, and is not removed", async () => {
    for (const change of [{ content: "forged" }, { parent_id: null }, { cost: 0 }]) {
      const answer = await owner.rest("PATCH", `/messages?id=eq.${answer_id}`, change);
      assert.equal(answer.status, 403);
    }
    assert.equal((await owner.rest("DELETE", `/messages?id=eq.${answer_id}`)).status, 403);
  });
  await t.step("follows one of its own conversation that is there already", async () => {
    const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
    const message = { conversation_id: id, role: "user" };
    for (
      const body of [
        { ...message, parent_id: other.answer_id },
        { ...message, id: a, parent_id: a },
        [{ ...message, id: a, parent_id: b }, { ...message, id: b, parent_id: a }],
      ]
    ) assert.equal((await post(body)).status, 404);
    const [row] = expect(await post({ ...message, parent_id: question_id }), 201);
    assert.deepEqual([row.user_id, row.depth], [owner.id, 1]);
  });
  await t.step("is nobody's to write in another's name", async () => {
    const body = { conversation_id: id, role: "assistant", content: "forged" };
    assert.equal((await admin.rest("POST", "/messages", body)).status, 403);
    assert.equal((await (await tenant.stranger()).rest("POST", "/messages", body)).status, 404);
    assert.equal((await post({ ...body, user_id: admin.id })).status, 403);
  });
  await t.step("is not an admin's to read without a trace", async () => {
    assert.deepEqual((await admin.rest("GET", "/messages?select=id")).body, []);
    assert.deepEqual((await admin.rest("GET", "/conversation_turns?select=id")).body, []);
  });
  await t.step("is counted", async () => {
    const { message_count } = expect(await owner.get(`${PATH}/${id}`), 200);
    assert.equal(message_count, 3);
    const change = { message_count: 0 };
    assert.equal((await owner.rest("PATCH", `/conversations?id=eq.${id}`, change)).status, 403);
  });
  await reply(owner, await ask(owner, "still", { conversation_id: id }), "well");
});
