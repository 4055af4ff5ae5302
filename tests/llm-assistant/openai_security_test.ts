import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { keyOf } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const tenant = await createTenant();

const targets = [
  {
    method: "POST",
    path: "/llm-assistant/v1/chat/completions",
    body: { model: "demo-chat", messages: [{ role: "user", content: "Hello" }] },
  },
  {
    method: "POST",
    path: "/llm-assistant/v1/embeddings",
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

Deno.test("what is refused is told in OpenAI's format, wherever it is refused, and nothing is noted", async () => {
  const { owner } = await createTenant();
  const path = "/llm-assistant/v1/chat/completions";
  const messages = [{ role: "user", content: "Hello" }];
  const cases = [
    [await owner.post(path, { model: "nobody", messages }), 404, "model_not_found"],
    [await owner.post(path, { model: "demo-chat", messages: [] }), 400, "validation_failed"],
    [await owner.post(path, { model: "demo-chat" }), 400, "validation_failed"],
    [await owner.send("POST", path, { rawBody: "{" }), 400, "invalid_json"],
    [await call("GET", "/llm-assistant/v1/nowhere", { token: owner.token }), 404, "not_found"],
    [await call("DELETE", path, { token: owner.token }), 405, "method_not_allowed"],
    [await call("POST", path, { body: {} }), 401, "unauthorized"],
  ] as const;
  for (const [answer, status, code] of cases) {
    refused(answer, status, code);
    assert.ok(answer.headers.get("x-request-id"));
  }
  const events = await sql`select 1 from usage_events where user_id = ${owner.id}`;
  // The demo model is the one that says so of a model.
  assert.ok(events.length <= 1);
  const elsewhere = await call("GET", "/llm-assistant/nowhere", { token: owner.token });
  assert.equal(refused(elsewhere, 404, "not_found").status, 404, "a problem, outside of /v1");
});
