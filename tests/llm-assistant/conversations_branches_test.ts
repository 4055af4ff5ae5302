import assert from "node:assert/strict";
import { ask, converse, reply, said, shown } from "../harness/conversations.ts";
import { expect } from "../harness/expect.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const { owner } = await createTenant();

Deno.test("branches", async (t) => {
  const first = await converse(owner, "question", "answer");
  const { id } = first;
  const second = await converse(owner, "more", "of it", { conversation_id: id });

  await t.step("an edit is a version beside the edited one", async () => {
    const turn = await ask(owner, "more, edited", {
      conversation_id: id,
      parent_id: first.answer_id,
    });
    assert.deepEqual(said(turn), ["question", "answer", "more, edited"]);
    await reply(owner, turn, "edited answer");
    assert.deepEqual(await shown(owner, id), [
      "question",
      "answer",
      "more, edited",
      "edited answer",
    ]);
    const { messages } = expect(await owner.get(`/llm-assistant/conversations/${id}`), 200);
    assert.deepEqual(messages[2].sibling_ids, [second.question_id, turn.leaf_id]);
    assert.deepEqual(messages[0].sibling_ids, [first.question_id]);
  });
  await t.step("an edit of the first message begins again", async () => {
    const turn = await ask(owner, "another question", { conversation_id: id, parent_id: null });
    assert.deepEqual(said(turn), ["another question"]);
    await reply(owner, turn, "another answer");
    const { messages } = expect(await owner.get(`/llm-assistant/conversations/${id}`), 200);
    assert.deepEqual(messages[0].sibling_ids, [first.question_id, turn.leaf_id]);
  });
  await t.step("another branch is shown from its end, and gone on with there", async () => {
    const path = `/llm-assistant/conversations/${id}`;
    const row = expect(await owner.patch(path, { current_message_id: second.question_id }), 200);
    assert.equal(row.current_message_id, second.answer_id);
    assert.deepEqual(await shown(owner, id), ["question", "answer", "more", "of it"]);
    await converse(owner, "third", "3", { conversation_id: id });
    assert.deepEqual(await shown(owner, id), ["question", "answer", "more", "of it", "third", "3"]);
  });
  await t.step("an answer anew stands beside the old one, which is shown until then", async () => {
    const conversation = await converse(owner, "say it", "badly");
    const turn = await ask(owner, "", {
      conversation_id: conversation.id,
      regenerate_id: conversation.answer_id,
      messages: [],
    });
    assert.deepEqual(said(turn), ["say it"]);
    assert.deepEqual(await shown(owner, conversation.id), ["say it", "badly"]);
    await reply(owner, turn, "well");
    assert.deepEqual(await shown(owner, conversation.id), ["say it", "well"]);
  });
  await t.step("turns at once stand side by side, and the newest is shown", async () => {
    const conversation = await converse(owner, "base", "based");
    const [a, b, c] = [
      await ask(owner, "a", { conversation_id: conversation.id }),
      await ask(owner, "b", { conversation_id: conversation.id }),
      await ask(owner, "c", { conversation_id: conversation.id }),
    ];
    for (const [turn, name] of [[a, "a"], [b, "b"], [c, "c"]] as const) {
      assert.deepEqual(said(turn), ["base", "based", name]);
    }
    await reply(owner, c, "C");
    await reply(owner, a, "A");
    await reply(owner, b, "B");
    assert.deepEqual(await shown(owner, conversation.id), ["base", "based", "c", "C"]);
  });
  await t.step("what a killed function left unanswered is gone on from later", async () => {
    const conversation = await converse(owner, "base", "based");
    const lost = await ask(owner, "lost", { conversation_id: conversation.id });
    await sql`update conversation_turns set locked_until = now() - interval '1 second'
      where id = ${lost.turn_id}`;
    const next = await ask(owner, "hello?", { conversation_id: conversation.id });
    assert.deepEqual(said(next), ["base", "based", "lost", "hello?"]);
  });
  await t.step("a failed answer is no part of what was said", async () => {
    const turn = await ask(owner, "try");
    await reply(owner, turn, "", { status: "failed" });
    const next = await ask(owner, "again", { conversation_id: turn.conversation.id });
    assert.deepEqual(said(next), ["try", "again"]);
  });
});
