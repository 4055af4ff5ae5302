import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createTool } from "../harness/assistants.ts";
import { stored } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { countRuns, createSmallPipeline } from "../harness/pipelines.ts";
import { calling } from "../harness/tool_calls.ts";
import { event, failing, streaming } from "../harness/upstream.ts";

const PATH = "/llm-assistant";
const MODEL = { EDGELOOM_CHAT_MODEL: "demo-chat" };
const say = (content: string) => ({ messages: [{ role: "user", content }] });
const once = () => ({ "idempotency-key": crypto.randomUUID() });

/** A stream's chunks. */
const chunksOf = (text: string): Body[] =>
  text.split("\n\n").filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)));

// A run wakes the worker, which goes on after the test.
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test("a retry with the same Idempotency-Key", options, async (t) => {
  await LlmSetting.with(async ({ functions, upstream, tenant }) => {
    const { owner } = tenant;
    const pipeline = await createSmallPipeline(owner);
    const { name } = await createTool(owner);
    const { id: assistantId } = await createApproved(tenant, owner, {
      tools: [name, "run_pipeline"],
      settings: { tool_approval: { run_pipeline: "always" } },
    });
    const start = { name: "run_pipeline", args: { pipeline_id: pipeline.id } };
    const send = (body: Body, key?: Record<string, string>, path = PATH) =>
      functions.send(owner, "POST", path, body, key);
    /** A turn that ends with calls of which one waits. */
    const begin = async () => {
      upstream.next(calling([{ name, args: { n: 1 } }, start], "May I?"));
      return expect(await send({ ...say("Start it"), assistantId }), 200);
    };

    await t.step("is told the same: text, calls that wait, usage and cost", async () => {
      const key = once();
      upstream.next(calling([{ name, args: { n: 1 } }, start], "May I?"));
      const body = { ...say("Start it"), assistantId };
      const first = expect(await send(body, key), 200);
      assert.deepEqual(first.message.tool_calls.length, 1, "one waits, the other need not");
      const again = await send(body, key);
      assert.equal(again.headers.get("idempotent-replayed"), "true");
      assert.deepEqual(expect(again, 200), first);
    });
    await t.step("is told the same in OpenAI's format, streamed too", async () => {
      const path = `${PATH}/v1/chat/completions`;
      const body = {
        model: "demo-chat",
        ...say("Start it"),
        assistant_id: assistantId,
        conversation_id: "new",
      };
      const key = once();
      upstream.next(calling([{ name, args: { n: 1 } }, start], "May I?"));
      const first = expect(await send(body, key, path), 200);
      const again = expect(await send(body, key, path), 200);
      const told = ({ choices: [choice], usage, conversation_id, message_id }: Body) => ({
        choice,
        usage,
        conversation_id,
        message_id,
      });
      assert.deepEqual(told(again), told(first));
      assert.equal(first.choices[0].message.tool_calls.length, 1);

      const streamed = { ...body, stream: true, stream_options: { include_usage: true } };
      const other = once();
      upstream.next(calling([{ name, args: { n: 1 } }, start], "May I?"));
      await send(streamed, other, path);
      const replayed = await send(streamed, other, path);
      const chunks = chunksOf(replayed.body);
      const [{ choices: [{ delta, finish_reason }] }, last] = chunks;
      assert.deepEqual(
        [delta.content, delta.tool_calls.length, delta.tool_calls[0].index, finish_reason],
        ["May I?", 1, 0, "tool_calls"],
      );
      assert.equal(last.usage.total_tokens, 15);
      assert.ok(last.conversation_id && last.message_id && "cost" in last);
    });
    await t.step("runs no approved tool again, whatever became of the answer", async () => {
      const { conversation_id, message } = await begin();
      const before = await countRuns(pipeline.id);
      const [{ id: toolCallId }] = message.tool_calls;
      const decision = {
        conversationId: conversation_id,
        toolApprovals: [{ toolCallId, approved: true }],
      };
      const key = once();
      upstream.next(failing(400));
      assert.ok((await send(decision, key)).status >= 400);
      const { messages } = expect(await send(decision, key), 200);
      assert.equal(await countRuns(pipeline.id) - before, 1);
      assert.deepEqual(messages.map(({ role }: Body) => role), ["assistant"]);
      const conversation = `${PATH}/conversations/${conversation_id}`;
      const { messages: all } = expect(await owner.get(conversation), 200);
      assert.deepEqual(
        all.map(({ role }: Body) => role),
        ["user", "assistant", "tool", "tool", "assistant"],
      );
    });
    await t.step("is answered anew where the first answer broke off", async () => {
      const key = once();
      const body = { ...say("What is 6 times 7?"), stream: true };
      upstream.next(streaming(event("The answer is 4")));
      assert.match((await send(body, key)).body, /"error":/);
      const again = await send(body, key);
      assert.equal(again.headers.get("idempotent-replayed"), null);
      const { conversation_id } = chunksOf(again.body).at(-1);
      const conversation = expect(
        await owner.get(`${PATH}/conversations/${conversation_id}`),
        200,
      );
      const [, answer] = conversation.messages;
      assert.deepEqual([answer.status, answer.sibling_ids.length], ["complete", 2]);
      const replayed = await send(body, key);
      assert.equal(replayed.headers.get("idempotent-replayed"), "true");
    });
    await t.step("decided on several times at once, calls are run once", async () => {
      const { conversation_id, message } = await begin();
      const before = await countRuns(pipeline.id);
      const [{ id: toolCallId }] = message.tool_calls;
      const decide = (approved: boolean) =>
        send({ conversationId: conversation_id, toolApprovals: [{ toolCallId, approved }] });
      const answers = await Promise.all([true, false, true, true].map(decide));
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409, 409, 409]);
      assert.ok(await countRuns(pipeline.id) - before <= 1);
      const { messages } = expect(
        await owner.get(`${PATH}/conversations/${conversation_id}?limit=100`),
        200,
      );
      assert.equal(messages.filter(({ role }: Body) => role === "tool").length, 2);
    });
    await t.step("what can't be kept is refused before an approved tool runs", async () => {
      const { conversation_id, message } = await begin();
      const before = await countRuns(pipeline.id);
      const [{ id: toolCallId }] = message.tool_calls;
      const long = "é".repeat(600_000);
      const answer = await send({
        ...say(long),
        conversationId: conversation_id,
        toolApprovals: [{ toolCallId, approved: true }],
      });
      refused(answer, 422, "validation_failed", ["messages.0.content"]);
      assert.equal(await countRuns(pipeline.id), before);
    });
  }, MODEL);
});

Deno.test("of a turn that the provider refuses nothing is kept", () =>
  LlmSetting.with(async ({ functions, upstream, tenant }) => {
    const { owner } = tenant;
    const before = await stored(tenant);
    const send = (path: string, body: Body) => functions.send(owner, "POST", path, body);
    const nobodys = { message: "The model does not exist", code: "model_not_found" };
    upstream.always(failing(404, nobodys));
    refused(await send(PATH, { ...say("Hi"), model: "gpt-nope" }), 404, "model_not_found");
    const { status, body } = await send(`${PATH}/v1/chat/completions`, {
      model: "gpt-nope",
      ...say("Hi"),
      conversation_id: "new",
      stream: true,
    });
    assert.deepEqual([status, body.error?.code], [404, "model_not_found"]);
    assert.deepEqual(await stored(tenant), before);
  }, MODEL));

Deno.test("a conversation's settings hold for its turns, unless they say otherwise", () =>
  LlmSetting.with(async ({ functions, upstream, tenant }) => {
    const { owner } = tenant;
    const settings = { model: "demo-chat", temperature: 0.2, max_tokens: 77 };
    const { id } = expect(await owner.post(`${PATH}/conversations`, { settings }), 201);
    const ask = (body: Body) =>
      functions.send(owner, "POST", PATH, { ...body, conversationId: id });
    const asked = (question: string) => {
      const found = upstream.requests.find(({ body }) => body.messages.at(-1).content === question);
      return [found?.body.model, found?.body.temperature, found?.body.max_tokens];
    };
    expect(await ask(say("As it is")), 200);
    assert.deepEqual(asked("As it is"), ["demo-chat", 0.2, 77]);
    expect(await ask({ ...say("Warmer"), temperature: 1, maxTokens: 78 }), 200);
    assert.deepEqual(asked("Warmer"), ["demo-chat", 1, 78]);
    const wrong = { settings: { temperature: 9 } };
    refused(await owner.patch(`${PATH}/conversations/${id}`, wrong), 422, "validation_failed", [
      "settings.temperature",
    ]);
  }, { EDGELOOM_CHAT_MODEL: "nobodys" }));
