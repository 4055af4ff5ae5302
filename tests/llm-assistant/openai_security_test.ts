import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { call } from "../harness/client.ts";
import { stored } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { keyOf } from "../harness/keys.ts";
import { LlmSetting, REQUEST } from "../harness/llm.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const CHAT = "/llm-assistant/v1/chat/completions";
const EMBED = "/llm-assistant/v1/embeddings";
const tenant = await createTenant();

const targets = [
  {
    method: "POST",
    path: CHAT,
    body: { model: "demo-chat", messages: [{ role: "user", content: "Hello" }] },
  },
  {
    method: "POST",
    path: EMBED,
    body: { model: "demo-embedding", input: "rain" },
  },
  { method: "GET", path: "/llm-assistant/v1/models" },
  { method: "GET", path: "/llm-assistant/v1/models/demo-chat" },
  { method: "GET", path: "/llm-assistant/v1/models/platform/demo-chat" },
];

for (const target of targets) {
  Deno.test(`who may not: ${target.method} ${target.path}`, (t) =>
    attack(t, { tenant, stranger: "own", ...target }));
}

Deno.test("a member may, with a token or a key, and it is noted for whom", async () => {
  const member = await tenant.user("member");
  const { caller, row } = await keyOf(member, ["llm-assistant:run"]);
  const [chat] = targets;
  expect(await member.post(chat?.path ?? "", chat?.body), 200);
  expect(await caller.post(chat?.path ?? "", chat?.body), 200);
  for (const { method, path, body } of targets.slice(1)) {
    expect(await (await tenant.user("admin")).send(method, path, { body }), 200);
  }
  const events = await sql`select user_id, api_key_id, organization_id, status from usage_events
    where user_id = ${member.id} order by created_at`;
  const common = { user_id: member.id, organization_id: tenant.organizationId };
  assert.deepEqual([...events], [
    { ...common, api_key_id: null, status: "succeeded" },
    { ...common, api_key_id: row.id, status: "succeeded" },
  ]);
});

Deno.test("what is refused is told in OpenAI's format, wherever it is refused, and noted where a provider refused it", async () => {
  const { owner } = await createTenant();
  const path = CHAT;
  const messages = [{ role: "user", content: "Hello" }];
  const cases = [
    [await owner.post(path, { model: "nobody", messages }), 404, "model_not_found"],
    [await owner.post(path, { model: "demo-chat", messages: [] }), 400, "validation_failed"],
    [await owner.post(path, { model: "demo-chat" }), 400, "validation_failed"],
    [await owner.send("POST", path, { rawBody: "{" }), 400, "invalid_json"],
    [await owner.post(EMBED, { model: "demo-embedding", input: [] }), 400, "validation_failed"],
    [await owner.post(EMBED, { model: "demo-embedding" }), 400, "validation_failed"],
    [await call("GET", "/llm-assistant/v1/nowhere", { token: owner.token }), 404, "not_found"],
    [await call("DELETE", path, { token: owner.token }), 405, "method_not_allowed"],
    [await call("POST", path, { body: {} }), 401, "unauthorized"],
  ] as const;
  for (const [answer, status, code] of cases) {
    refused(answer, status, code);
    assert.ok(answer.headers.get("x-request-id"));
  }
  // The demo model is the one that says so of a model: all else reached no provider.
  const events =
    await sql`select model, status, output_tokens from usage_events where user_id = ${owner.id}`;
  assert.deepEqual([...events], [{ model: "nobody", status: "failed", output_tokens: 0 }]);
  const elsewhere = await call("GET", "/llm-assistant/nowhere", { token: owner.token });
  assert.equal(refused(elsewhere, 404, "not_found").status, 404, "a problem, outside of /v1");
});

Deno.test("a turn in a conversation that takes none from the caller is refused before anything is done", () =>
  LlmSetting.with(async ({ functions, upstream, tenant }) => {
    const { owner } = tenant;
    const [admin, stranger] = [await tenant.user("admin"), await tenant.stranger()];
    const theirs = expect(await owner.post("/llm-assistant/conversations", {}), 201);
    const archived = expect(await owner.post("/llm-assistant/conversations", {}), 201);
    const path = `/llm-assistant/conversations/${archived.id}`;
    expect(await owner.patch(path, { status: "archived" }), 200);
    const before = await stored(tenant);
    const cases = [
      ["a colleague's", admin, theirs.id, 404, "not_found"],
      ["another organization's", stranger, theirs.id, 404, "not_found"],
      ["one that is not there", owner, crypto.randomUUID(), 404, "not_found"],
      ["an archived one", owner, archived.id, 409, "conversation_archived"],
    ] as const;
    for (const [name, user, conversation_id, status, code] of cases) {
      for (const stream of [false, true]) {
        const body = { ...REQUEST, conversation_id, stream };
        const answer = await functions.send(user, "POST", CHAT, body);
        refused(answer, status, code);
        const { type, param } = answer.body.error;
        assert.deepEqual([type, param], ["invalid_request_error", null], name);
      }
    }
    assert.deepEqual(await stored(tenant), before);
    assert.deepEqual(upstream.requests, []);
    const events = await sql`select 1 from usage_events
      where user_id = any (${[owner.id, admin.id, stranger.id]})`;
    assert.equal(events.length, 0);
  }));
