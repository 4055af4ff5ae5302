import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createAssistant } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { ask, converse, reply, shown } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/llm-assistant/conversations";
const UNKNOWN = "00000000-0000-4000-8000-00000000dead";

const ids = ({ data }: Body): string[] => data.map(({ id }: Body) => id);

Deno.test("list_conversations", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [a, b, c] = [
    await converse(owner, "a", "1"),
    await converse(owner, "b", "2"),
    await converse(owner, "c", "3"),
  ];
  await ask(owner, "a again", { conversation_id: a.id });
  expect(
    await owner.patch(`${PATH}/${b.id}`, { title: "100% Café_plan", status: "archived" }),
    200,
  );

  await t.step("shows first where something was last said, in pages", async () => {
    const pages = await collectPages(owner, `${PATH}?limit=2`);
    assert.deepEqual(pages.map((page) => page.map(({ id }: Body) => id)), [[a.id, c.id], [b.id]]);
  });
  await t.step("filters", async () => {
    const found = async (query: string) => ids(expect(await owner.get(`${PATH}?${query}`), 200));
    assert.deepEqual(await found("status=archived"), [b.id]);
    assert.deepEqual(await found("q=CAF%C3%89_P"), [b.id]);
    assert.deepEqual(await found("q=100%25"), [b.id]);
    assert.deepEqual(await found("q=0_"), []);
    assert.deepEqual(await found(`project_id=${UNKNOWN}`), []);
    assert.deepEqual(await found(`assistant_id=${UNKNOWN}`), []);
  });
  await t.step("shows nobody's but one's own, to an admin another's by name", async () => {
    const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
    assert.deepEqual(ids(expect(await admin.get(PATH), 200)), []);
    assert.deepEqual(ids(expect(await admin.get(`${PATH}?user_id=${owner.id}`), 200)), [
      a.id,
      c.id,
      b.id,
    ]);
    assert.deepEqual(ids(expect(await member.get(`${PATH}?user_id=${owner.id}`), 200)), []);
  });
  await t.step("refuses bad input", async () => {
    for (const query of ["status=lost", "limit=0", "project_id=1", "q="]) {
      const [name = ""] = query.split("=");
      refused(await owner.get(`${PATH}?${query}`), 422, "validation_failed", [`query.${name}`]);
    }
    refused(await owner.get(`${PATH}?cursor=x`), 400, "invalid_cursor");
  });
  await attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" });
});

Deno.test("create_conversation", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("begins one in which nothing has been said", async () => {
    const body = {
      title: " Plan ",
      subject: "s",
      context: { tableId: "t" },
      settings: { temperature: 1 },
    };
    const answer = await owner.post(PATH, body);
    const row = expect(answer, 201);
    assert.equal(answer.headers.get("location"), `/functions/v1${PATH}/${row.id}`);
    assert.deepEqual(
      [row.title, row.subject, row.context, row.settings, row.status, row.message_count],
      ["Plan", "s", { tableId: "t" }, { temperature: 1 }, "active", 0],
    );
    assert.equal(row.user_id, owner.id);
    assert.deepEqual(await shown(owner, row.id), []);
  });
  await t.step("refuses bad input", async () => {
    const long = { text: "x".repeat(65_537) };
    for (
      const [body, path] of [[{ title: "" }, "title"], [{ user_id: UNKNOWN }, ""], [{
        context: [],
      }, "context"]] as const
    ) refused(await owner.post(PATH, body), 422, "validation_failed", [path]);
    refused(await owner.post(PATH, { context: long }), 422, "validation_failed");
  });
  await t.step("for a project or an assistant that is not there is refused", async () => {
    refused(await owner.post(PATH, { project_id: UNKNOWN }), 404, "not_found");
    refused(await owner.post(PATH, { assistant_id: UNKNOWN }), 404, "not_found");
    const stranger = await tenant.stranger();
    const project = expect(
      await stranger.rest("POST", "/projects", {
        name: "Theirs",
        organization_id: stranger.organizationId,
      }),
      201,
    );
    refused(await owner.post(PATH, { project_id: project[0].id }), 404, "not_found");
  });
  await t.step("for an assistant, also another tenant's if it is public", async () => {
    const others = await createTenant();
    const draft = await createAssistant(others.owner);
    refused(await owner.post(PATH, { assistant_id: draft.id }), 404, "not_found");
    const open = await createApproved(others, others.owner, { access_level: "public" });
    const row = expect(await owner.post(PATH, { assistant_id: open.id }), 201);
    assert.equal(row.assistant_id, open.id);
    const { data } = expect(await owner.get(`${PATH}?assistant_id=${open.id}`), 200);
    assert.deepEqual(ids({ data }), [row.id]);
  });
  await attack(t, { tenant, method: "POST", path: PATH, body: { title: "x" }, stranger: "own" });
});

Deno.test("get_conversation", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { id, question_id, answer_id } = await converse(owner, "q", "a");

  await t.step("shows it with its messages", async () => {
    const row = expect(await owner.get(`${PATH}/${id}`), 200);
    assert.deepEqual(row.messages.map((m: Body) => [m.id, m.role, m.content, m.parent_id]), [
      [question_id, "user", "q", null],
      [answer_id, "assistant", "a", question_id],
    ]);
    assert.deepEqual([row.message_count, row.current_message_id, row.next_cursor], [
      2,
      answer_id,
      null,
    ]);
  });
  await t.step("to an admin, who leaves a trace, and to no member", async () => {
    const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
    const row = expect(await admin.get(`${PATH}/${id}`), 200);
    assert.equal(row.messages.length, 2);
    const query = `entity_id=${id}&action_type=READ`;
    const { data } = expect(await owner.get(`/audit/logs?${query}`), 200);
    assert.deepEqual(data.map(({ actor_id }: Body) => actor_id), [admin.id]);
    refused(await member.get(`${PATH}/${id}`), 404, "not_found");
  });
  await attack(t, { tenant, method: "GET", path: `${PATH}/${id}` });
});

Deno.test("update_conversation", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { id } = await converse(owner, "q", "a");
  const path = `${PATH}/${id}`;

  await t.step("changes what the body names", async () => {
    const before = expect(await owner.get(path), 200);
    const row = expect(await owner.patch(path, { title: "T", status: "completed" }), 200);
    assert.deepEqual([row.title, row.status], ["T", "completed"]);
    assert.equal(row.last_message_at, before.last_message_at);
    const again = await ask(owner, "go on", { conversation_id: id });
    assert.equal(again.conversation.status, "active");
    await reply(owner, again, "ok");
  });
  await t.step("refuses another conversation's message, and what nobody may change", async () => {
    const other = await converse(owner, "x", "y");
    const body = { current_message_id: other.answer_id };
    refused(await owner.patch(path, body), 404, "not_found");
    refused(await owner.patch(path, { message_count: 9 }), 422, "validation_failed");
    refused(await owner.patch(path, { status: "lost" }), 422, "validation_failed", ["status"]);
  });
  await t.step("is its user's alone", async () => {
    const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
    refused(await admin.patch(path, { title: "Forged" }), 403, "forbidden");
    refused(await member.patch(path, { title: "Forged" }), 404, "not_found");
  });
  await t.step("leaves no content in the audit log", async () => {
    const { data } = expect(await owner.get(`/audit/logs?entity_id=${id}`), 200);
    assert.deepEqual(
      data.map(({ action_type }: Body) => action_type).toSorted(),
      ["CREATE", "UPDATE", "UPDATE"],
    );
    const messages = expect(await owner.get("/audit/logs?entity_type=message"), 200);
    assert.deepEqual(messages.data, []);
  });
  await attack(t, { tenant, method: "PATCH", path, body: { title: "Forged" } });
});

Deno.test("delete_conversation", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { id, answer_id } = await converse(owner, "q", "a");
  await ask(owner, "open", { conversation_id: id });
  await attack(t, { tenant, method: "DELETE", path: `${PATH}/${id}` });

  await t.step("by its user, with all that was said", async () => {
    expect(await owner.delete(`${PATH}/${id}`), 204);
    refused(await owner.get(`${PATH}/${id}`), 404, "not_found");
    assert.deepEqual((await owner.rest("GET", `/messages?id=eq.${answer_id}`)).body, []);
    const { data } = expect(await owner.get(`${PATH}/search?q=open`), 200);
    assert.deepEqual(data, []);
  });
  await t.step("by an admin, and by no member", async () => {
    const other = await converse(owner, "q", "a");
    const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
    refused(await member.delete(`${PATH}/${other.id}`), 404, "not_found");
    expect(await admin.delete(`${PATH}/${other.id}`), 204);
  });
});
