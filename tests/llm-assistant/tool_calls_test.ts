import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createTool } from "../harness/assistants.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { type Behaviour, streaming } from "../harness/upstream.ts";

/** Calls of tools as providers other than OpenAI write them: run, answered, kept and sent back. */

const MODEL = { EDGELOOM_CHAT_MODEL: "demo-chat" };

/** A stream that calls tools, part by part. */
const calling = (...parts: Body[]): Behaviour => {
  const event = (delta: Body, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ model: "gemini-3", choices: [{ index: 0, delta, finish_reason }] })}`;
  const events = parts.map((part) => event({ role: "assistant", tool_calls: [part] }));
  return streaming(...events, event({}, "tool_calls"), "data: [DONE]");
};

/** An assistant whose tool doubles `n`. */
async function setUp({ tenant, functions, upstream }: LlmSetting) {
  const { owner } = tenant;
  const { name } = await createTool(owner);
  const { id: assistantId } = await createApproved(tenant, owner, { tools: [name] });
  const call = (n: number, more: Body) => ({
    type: "function",
    function: { name, arguments: JSON.stringify({ n }) },
    ...more,
  });
  /** Asks something new; the model answers so at first. What follows it, and a title, are answered as ever. */
  const ask = async (behaviour: Behaviour, body: Body) => {
    const content = crypto.randomUUID();
    upstream.always((request) =>
      request.body.messages.at(-1).content === content ? behaviour(request) : undefined
    );
    const asked = { messages: [{ role: "user", content }], assistantId, ...body };
    const answer = expect(await functions.send(owner, "POST", "/llm-assistant", asked), 200);
    const told: Body[] = upstream.requests.find(({ body: { messages } }) =>
      messages.at(-1).role === "tool" &&
      messages.some((message: Body) => message.content === content)
    )?.body.messages;
    assert.ok(told, "the model is told what its calls came to");
    return { answer, calls: callsIn(told), results: resultsIn(told) };
  };
  return { call, ask };
}

const callsIn = (messages: Body[]): Body[] =>
  messages.findLast(({ tool_calls }) => tool_calls)?.tool_calls;

/** What the tool answered, by the id of the call. */
const resultsIn = (messages: Body[]) =>
  messages.filter(({ role }) => role === "tool").map(({ tool_call_id, content }) => [
    tool_call_id,
    Number(/\n(\d+)\n/.exec(content)?.[1]),
  ]);

Deno.test("parallel calls of one index, or none, are calls of their own, and keep what is theirs", async (t) => {
  await LlmSetting.with(async (setting) => {
    const { upstream, tenant: { owner }, functions } = setting;
    const { call, ask } = await setUp(setting);
    const extra_content = { google: { thought_signature: "c2lnbmVk" } };
    for (const index of [{ index: 0 }, {}]) {
      await t.step(`with ${JSON.stringify(index)}`, async () => {
        const sent = [call(2, { id: "a", extra_content }), call(3, { id: "b" })];
        const parts = sent.map((each) => ({ ...index, ...each }));
        const { answer, calls, results } = await ask(calling(...parts), { stream: true });
        assert.deepEqual(calls, sent);
        assert.deepEqual(results, [["a", 4], ["b", 6]]);

        const conversationId = /"conversation_id":"([^"]+)"/.exec(answer)?.[1];
        const messages = [{ role: "user", content: `And now, ${conversationId}?` }];
        const next = { conversationId, messages };
        expect(await functions.send(owner, "POST", "/llm-assistant", next), 200);
        const again = upstream.requests.find(({ body }) =>
          body.messages.at(-1).content === messages[0]?.content
        );
        assert.deepEqual(callsIn(again?.body.messages), sent, "as the database has kept them");
      });
    }
  }, MODEL);
});

Deno.test("parts of a call, whose id comes once or each time, are one call", () =>
  LlmSetting.with(async (setting) => {
    const { call, ask } = await setUp(setting);
    for (const id of [{}, { id: "" }, { id: "a" }]) {
      const part = (text: string) => ({ index: 0, function: { arguments: text }, ...id });
      const whole = call(21, { id: "a" });
      const first = { ...whole, index: 0, function: { ...whole.function, arguments: '{"n"' } };
      const { calls, results } = await ask(calling(first, part(":2"), part("1}")), {
        stream: true,
      });
      assert.deepEqual(calls, [whole]);
      assert.deepEqual(results, [["a", 42]]);
    }
  }, MODEL));

Deno.test("a call without an id, or with one that is too long to be kept, gets one", () =>
  LlmSetting.with(async (setting) => {
    const { call, ask } = await setUp(setting);
    const check = (calls: Body[], results: unknown) => {
      const [first, second] = calls.map(({ id }) => id);
      assert.match(first, /^call_[\w-]{36}$/);
      assert.notEqual(first, second);
      assert.deepEqual(results, [[first, 4], [second, 6]]);
    };
    for (const id of [undefined, "", "x".repeat(2_000)]) {
      const message = { role: "assistant", tool_calls: [call(2, { id }), call(3, { id })] };
      const choice = { index: 0, message, finish_reason: "tool_calls" };
      const { answer, calls, results } = await ask(() => Response.json({ choices: [choice] }), {});
      check(calls, results);
      check(callsIn(answer.messages), resultsIn(answer.messages));
    }
    // In a stream the second one begins where a name comes again.
    const parts = [2, 3].map((n) => call(n, { index: 0, id: "" }));
    const { calls, results } = await ask(calling(...parts), { stream: true });
    check(calls, results);
  }, MODEL));
