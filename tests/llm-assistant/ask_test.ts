import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { stored } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

const PATH = "/llm-assistant";
const say = (content: string) => ({ messages: [{ role: "user", content }] });

Deno.test("ask", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const asked = expect(await owner.post(PATH, say("Which tables has a shop?")), 200);
  const conversation = `${PATH}/conversations/${asked.conversation_id}`;

  await t.step("answers, and tells what it took", () => {
    assert.match(asked.message.content, /^\[demo model\].*Which tables has a shop\?$/);
    assert.equal(asked.message.role, "assistant");
    assert.ok(asked.usage.input_tokens > 0 && asked.usage.output_tokens > 0);
    assert.equal(asked.cost, 0);
    assert.equal(asked.model, "demo-chat");
  });
  await t.step("keeps what was said", async () => {
    const { messages } = expect(await owner.get(conversation), 200);
    assert.deepEqual(messages.map(({ role }: Body) => role), ["user", "assistant"]);
    const [, answer] = messages;
    assert.deepEqual(
      [answer.id, answer.content, answer.status],
      [asked.id, asked.message.content, "complete"],
    );
    assert.equal(answer.output_tokens, asked.usage.output_tokens);
    assert.ok(answer.response_time_ms >= 0);
  });
  await t.step("goes on with a conversation, and tells the model what was said", async () => {
    const body = { ...say("And which columns?"), conversationId: asked.conversation_id };
    const next = expect(await owner.post(PATH, body), 200);
    assert.equal(next.conversation_id, asked.conversation_id);
    assert.ok(next.usage.input_tokens > asked.usage.input_tokens);
    const { messages } = expect(await owner.get(conversation), 200);
    assert.equal(messages.length, 4);
  });
  await t.step("gives an answer anew, beside the old one", async () => {
    const body = { conversationId: asked.conversation_id, regenerateId: asked.id };
    const again = expect(await owner.post(PATH, body), 200);
    assert.notEqual(again.id, asked.id);
    const { messages } = expect(await owner.get(conversation), 200);
    const [, answer] = messages;
    assert.deepEqual(answer.sibling_ids, [asked.id, again.id]);
  });
  await t.step("titles the conversation after its first turn", async () => {
    const title = await waitFor(async () => {
      const { title } = expect(await owner.get(conversation), 200);
      return title?.startsWith("[demo model]") && title;
    });
    assert.ok(title.length <= 80);
    const named = expect(await owner.post(PATH, say("Name this")), 200);
    assert.ok(expect(await owner.get(`${PATH}/conversations/${named.conversation_id}`), 200).title);
  });
  await t.step("is noted in the usage log", async () => {
    const usage = await sql`select status, conversation_id, output_tokens from public.usage_events
      where organization_id = ${tenant.organizationId} order by created_at, id limit 1`;
    assert.deepEqual([...usage], [{
      status: "succeeded",
      conversation_id: asked.conversation_id,
      output_tokens: asked.usage.output_tokens,
    }]);
  });
  await t.step("works by supabase.functions.invoke's own way", async () => {
    const accessToken = () => Promise.resolve(owner.token);
    const client = createClient(stack.url, stack.publishableKey, { accessToken });
    const { data, error } = await client.functions.invoke("llm-assistant", {
      body: say("Hello"),
      headers: { "x-organization-id": owner.organizationId },
    });
    assert.equal(error, null);
    assert.match(data.message.content, /Hello$/);
  });

  await t.step("refuses, and keeps nothing", async () => {
    const before = await stored(tenant);
    const wrong = async (body: Body, status: number, code: string, paths?: string[]) =>
      refused(await owner.post(PATH, body), status, code, paths);
    await wrong({ messages: [] }, 422, "validation_failed", ["messages"]);
    await wrong({}, 422, "validation_failed", ["messages"]);
    await wrong(
      { messages: [{ role: "wizard", content: "x" }] },
      422,
      "validation_failed",
      ["messages.0.role"],
    );
    await wrong({ ...say("x"), temperature: 9 }, 422, "validation_failed", ["temperature"]);
    await wrong({ ...say("x"), maxTokens: 0 }, 422, "validation_failed", ["maxTokens"]);
    await wrong({ ...say("x"), mood: "good" }, 422, "validation_failed");
    const context = { tableId: crypto.randomUUID() };
    await wrong({ ...say("x"), context }, 422, "validation_failed", ["context.projectId"]);
    const unknown = crypto.randomUUID();
    await wrong({ ...say("x"), conversationId: unknown }, 404, "not_found");
    await wrong({ ...say("x"), assistantId: unknown }, 404, "not_found");
    await wrong({ ...say("x"), context: { projectId: unknown } }, 404, "not_found");
    await wrong({ ...say("x"), context: { documentIds: [unknown] } }, 404, "not_found");
    await wrong(
      { conversationId: asked.conversation_id, regenerateId: unknown },
      404,
      "not_found",
    );
    const approvals = [{ toolCallId: "call_1", approved: true }];
    await wrong(
      { conversationId: asked.conversation_id, toolApprovals: approvals },
      409,
      "conflict",
    );
    await wrong(say("long ".repeat(2_000_000)), 413, "body_too_large");
    const member = await tenant.user("member");
    refused(
      await member.post(PATH, { ...say("x"), conversationId: asked.conversation_id }),
      404,
      "not_found",
    );
    expect(await owner.patch(conversation, { status: "archived" }), 200);
    await wrong(
      { ...say("x"), conversationId: asked.conversation_id },
      409,
      "conversation_archived",
    );
    assert.deepEqual(await stored(tenant), before);
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "POST", path: PATH, body: say("x"), stranger: "own" }),
  );
});

Deno.test("a retry with the same Idempotency-Key is given the answer that is there", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const headers = { "idempotency-key": crypto.randomUUID() };
  const ask = (content: string) => owner.post(PATH, say(content), { headers });
  const first = expect(await ask("Once"), 200);

  await t.step("and no second one", async () => {
    const before = await stored(tenant);
    const again = await ask("Once");
    const { warnings: _, ...replayed } = expect(again, 200);
    const { warnings: __, ...original } = first;
    assert.deepEqual(replayed, original);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    assert.deepEqual(await stored(tenant), before);
  });
  await t.step("but not to another question", async () => {
    refused(await ask("Twice"), 422, "idempotency_key_reused");
    const hotter = { ...say("Once"), temperature: 1 };
    refused(await owner.post(PATH, hotter, { headers }), 422, "idempotency_key_reused");
    const long = { headers: { "idempotency-key": "x".repeat(256) } };
    refused(await owner.post(PATH, say("x"), long), 400, "invalid_request");
  });
  await t.step("also of ten that come at once", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => owner.post(PATH, say("Together"), { headers })),
    );
    const ids = answers.filter(({ status }) => status === 200).map(({ body }) => body.id);
    assert.equal(new Set(ids).size, 1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      refused(answer, 409, "request_in_flight");
    }
  });
});
