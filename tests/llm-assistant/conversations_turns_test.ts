import assert from "node:assert/strict";
import { finishTurn } from "../../supabase/functions/llm-assistant/conversations/turns.ts";
import { ask, converse, databaseOf, reply, said, shown, stored } from "../harness/conversations.ts";
import { expect } from "../harness/expect.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-00000000dead";
const tenant = await createTenant();
const { owner } = tenant;

const isRefused = (attempt: Promise<unknown>, code: string) => assert.rejects(attempt, { code });

Deno.test("a turn", async (t) => {
  await t.step("keeps what the user says before there is an answer", async () => {
    const turn = await ask(owner, "first");
    assert.deepEqual([turn.is_new, turn.in_flight, turn.answer], [true, false, null]);
    assert.deepEqual(said(turn), ["first"]);
    assert.deepEqual(await shown(owner, turn.conversation.id), ["first"]);
  });
  await t.step("stores its answer with what it took", async () => {
    const turn = await ask(owner, "what does it take?");
    const took = {
      provider: "demo",
      input_tokens: 7,
      cached_tokens: 2,
      output_tokens: 11,
      reasoning_tokens: 3,
      cost: 0.000125,
      response_time_ms: 412,
      metadata: { finish_reason: "stop" },
    };
    const { messages: [message], is_new } = await reply(owner, turn, "this", took);
    assert.ok(is_new && message);
    assert.equal(message.parent_id, turn.leaf_id);
    for (const [name, value] of Object.entries({ ...took, model: "demo", status: "complete" })) {
      assert.deepEqual(Object.entries(message).find(([key]) => key === name)?.[1], value, name);
    }
    const again = await ask(owner, "and now?", { conversation_id: turn.conversation.id });
    assert.deepEqual(said(again), ["what does it take?", "this", "and now?"]);
    assert.equal(again.conversation.message_count, 3);
  });
  await t.step("may be several messages, calls of tools among them", async () => {
    const turn = await ask(owner, "weather?");
    const call = {
      id: "call_1",
      type: "function",
      function: { name: "get_weather", arguments: "{}" },
    };
    const { messages } = await finishTurn(databaseOf(owner), {
      turn_id: turn.turn_id,
      messages: [
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "rain" },
        { role: "assistant", content: "It rains." },
      ],
    });
    assert.deepEqual(messages.map(({ role }) => role), ["assistant", "tool", "assistant"]);
    assert.deepEqual(messages[0]?.tool_calls, [call]);
    const anew = await ask(owner, "", {
      conversation_id: turn.conversation.id,
      regenerate_id: messages[2]?.id ?? "",
      messages: [],
    });
    assert.deepEqual(said(anew), ["weather?"], "the whole answer is made anew");
  });
  await t.step("makes a title once, and never in place of the user's own", async () => {
    const titled = async (id: string, title: string) => {
      const turn = await ask(owner, "hi", { conversation_id: id });
      await finishTurn(databaseOf(owner), {
        turn_id: turn.turn_id,
        messages: [{ role: "assistant", content: "hello" }],
        title,
      });
      return expect(await owner.get(`/llm-assistant/conversations/${id}`), 200).title;
    };
    const path = "/llm-assistant/conversations";
    const { id } = expect(await owner.post(path, {}), 201);
    assert.equal(await titled(id, "  Greetings "), "Greetings");
    assert.equal(await titled(id, "Another"), "Greetings");
    expect(await owner.patch(`${path}/${id}`, { title: null }), 200);
    assert.equal(await titled(id, "Another"), "Another");
    const named = expect(await owner.post(path, { title: "Mine" }), 201);
    assert.equal(await titled(named.id, "Not mine"), "Mine");
  });
  await t.step("keeps any text, and an answer that is too long as far as it fits", async () => {
    const turn = await ask(owner, "nul \0 and half \ud83d");
    assert.deepEqual(said(turn), ["nul ␀ and half �"]);
    const { messages: [message] } = await reply(owner, turn, "é".repeat(600_000));
    assert.equal(message?.content.length, 524_288);
    assert.deepEqual(message?.metadata, { is_truncated: true });
  });
  await t.step(
    "is told no more of a long conversation than 4 MiB, and its system message",
    async () => {
      const long = "x".repeat(1024 * 1024);
      const messages = [
        { role: "system" as const, content: "Be brief." },
        ...Array.from({ length: 6 }, (_, i) => ({
          role: i % 2 === 0 ? "user" as const : "assistant" as const,
          content: long,
        })),
        { role: "user" as const, content: "last" },
      ];
      const turn = await ask(owner, "", { messages });
      assert.equal(turn.omitted_count, 3);
      assert.deepEqual(turn.history.map(({ depth }) => depth), [0, 4, 5, 6, 7]);
    },
  );
});

Deno.test("a turn is refused, and nothing stored", async (t) => {
  const { id, question_id } = await converse(owner, "q", "a");
  const other = await converse(owner, "other", "conversation");
  const refusals: [name: string, code: string, attempt: () => Promise<unknown>][] = [
    [
      "in a conversation that is not there",
      "not_found",
      () => ask(owner, "x", { conversation_id: UNKNOWN }),
    ],
    [
      "below a message of another conversation",
      "not_found",
      () => ask(owner, "x", { conversation_id: id, parent_id: other.answer_id }),
    ],
    [
      "below nothing that there is",
      "not_found",
      () => ask(owner, "x", { conversation_id: id, parent_id: UNKNOWN }),
    ],
    [
      "anew for a question",
      "not_found",
      () => ask(owner, "", { conversation_id: id, regenerate_id: question_id, messages: [] }),
    ],
    [
      "with nothing said",
      "validation_failed",
      () => ask(owner, "", { conversation_id: id, messages: [] }),
    ],
    [
      "anew and with something said",
      "validation_failed",
      () => ask(owner, "x", { conversation_id: id, regenerate_id: other.answer_id }),
    ],
    ["with a message over 1 MiB", "validation_failed", () => ask(owner, "x".repeat(1_048_577))],
    [
      "with a tool's answer to no call",
      "validation_failed",
      () => ask(owner, "", { messages: [{ role: "tool", content: "x" }] }),
    ],
    [
      "for a project that is not there",
      "not_found",
      () => ask(owner, "x", { project_id: UNKNOWN }),
    ],
    [
      "for an assistant that is not there",
      "not_found",
      () => ask(owner, "x", { assistant_id: UNKNOWN }),
    ],
    ["in another organization", "not_found", () => ask(owner, "x", { organization_id: UNKNOWN })],
    ["with an empty key", "validation_failed", () => ask(owner, "x", { idempotency_key: "" })],
  ];
  for (const role of ["admin", "member"] as const) {
    refusals.push([
      `in another's conversation, as ${role}`,
      "not_found",
      async () => ask(await tenant.user(role), "x", { conversation_id: id }),
    ]);
  }
  await Promise.all([tenant.user("admin"), tenant.user("member")]);
  for (const [name, code, attempt] of refusals) {
    await t.step(name, async () => {
      const before = await stored(tenant);
      await isRefused(attempt(), code);
      assert.deepEqual(await stored(tenant), before);
    });
  }
  await t.step("in an archived one, until it is opened again", async () => {
    const path = `/llm-assistant/conversations/${id}`;
    const open = await ask(owner, "on its way", { conversation_id: id });
    expect(await owner.patch(path, { status: "archived" }), 200);
    const before = await stored(tenant);
    await isRefused(ask(owner, "x", { conversation_id: id }), "conversation_archived");
    const direct = { conversation_id: id, role: "user", content: "past the functions" };
    assert.equal((await owner.rest("POST", "/messages", direct)).status, 409);
    assert.deepEqual(await stored(tenant), before);
    assert.ok((await reply(owner, open, "not lost")).is_new);
    expect(await owner.patch(path, { status: "active" }), 200);
    assert.deepEqual(said(await ask(owner, "y", { conversation_id: id })).at(-1), "y");
  });
});
