import assert from "node:assert/strict";
import {
  discardTurn,
  finishTurn,
} from "../../supabase/functions/llm-assistant/conversations/turns.ts";
import { ask, converse, databaseOf, reply, said, shown, stored } from "../harness/conversations.ts";
import { expect } from "../harness/expect.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const tenant = await createTenant();
const { owner } = tenant;

const isRefused = (attempt: Promise<unknown>, code: string) => assert.rejects(attempt, { code });

Deno.test("a turn that is sent twice", async (t) => {
  await t.step("is stored once and told to be in work", async () => {
    const idempotency_key = crypto.randomUUID();
    const first = await ask(owner, "once", { idempotency_key });
    const before = await stored(tenant);
    const second = await ask(owner, "once", { idempotency_key });
    assert.deepEqual([second.turn_id, second.is_new, second.in_flight], [
      first.turn_id,
      false,
      true,
    ]);
    assert.deepEqual(second.history, first.history);
    assert.deepEqual(await stored(tenant), before);
  });
  await t.step("is stored once also at the same time", async () => {
    const idempotency_key = crypto.randomUUID();
    const before = await stored(tenant);
    const turns = await Promise.all(
      Array.from({ length: 8 }, () => ask(owner, "at once", { idempotency_key })),
    );
    assert.equal(new Set(turns.map(({ turn_id }) => turn_id)).size, 1);
    assert.equal(turns.filter(({ is_new }) => is_new).length, 1);
    assert.equal(turns.filter(({ in_flight }) => in_flight).length, 7);
    const after = await stored(tenant);
    assert.deepEqual(after, {
      conversations: before?.conversations + 1,
      messages: before?.messages + 1,
      turns: before?.turns + 1,
    });
  });
  await t.step("gets its answer again, and one answer alone is kept", async () => {
    const idempotency_key = crypto.randomUUID();
    const turn = await ask(owner, "answered", { idempotency_key });
    const finished = await Promise.all(["one", "two", "three"].map((c) => reply(owner, turn, c)));
    assert.equal(finished.filter(({ is_new }) => is_new).length, 1);
    const [{ messages } = { messages: [] }] = finished;
    for (const other of finished) assert.deepEqual(other.messages, messages);
    const again = await ask(owner, "answered", { idempotency_key });
    assert.deepEqual([again.is_new, again.in_flight, again.answer], [false, false, messages]);
  });
  await t.step("is taken up by one retry when its function was killed", async () => {
    const idempotency_key = crypto.randomUUID();
    const turn = await ask(owner, "killed", { idempotency_key });
    await sql`update conversation_turns set locked_until = now() - interval '1 second'
      where id = ${turn.turn_id}`;
    const retries = await Promise.all(
      [1, 2, 3].map(() => ask(owner, "killed", { idempotency_key })),
    );
    assert.deepEqual(retries.map(({ in_flight }) => in_flight).toSorted(), [false, true, true]);
    await reply(owner, turn, "late");
    assert.deepEqual(await shown(owner, turn.conversation.id), ["killed", "late"]);
  });
  await t.step("may be tried again at once where nothing or a failure came of it", async () => {
    const idempotency_key = crypto.randomUUID();
    const turn = await ask(owner, "fails", { idempotency_key });
    await finishTurn(databaseOf(owner), { turn_id: turn.turn_id, messages: [] });
    assert.equal((await ask(owner, "fails", { idempotency_key })).in_flight, false);
    await reply(owner, turn, "", { status: "failed" });
    const again = await ask(owner, "fails", { idempotency_key });
    assert.deepEqual([again.in_flight, again.answer], [false, null]);
    const { is_new } = await reply(owner, again, "works");
    assert.ok(is_new);
    assert.deepEqual(await shown(owner, turn.conversation.id), ["fails", "works"]);
  });
  await t.step("with something else is refused", async () => {
    const idempotency_key = crypto.randomUUID();
    await ask(owner, "this", { idempotency_key });
    const before = await stored(tenant);
    await isRefused(ask(owner, "that", { idempotency_key }), "idempotency_key_reused");
    assert.deepEqual(await stored(tenant), before);
  });
  await t.step("has a key of one's own", async () => {
    const idempotency_key = crypto.randomUUID();
    const member = await tenant.user("member");
    const mine = await ask(owner, "mine", { idempotency_key });
    const theirs = await ask(member, "theirs", { idempotency_key });
    assert.notEqual(mine.turn_id, theirs.turn_id);
    assert.deepEqual(said(theirs), ["theirs"]);
  });
});

Deno.test("a turn that was refused by others is taken back", async (t) => {
  await t.step("with the conversation that it began", async () => {
    const before = await stored(tenant);
    const idempotency_key = crypto.randomUUID();
    const turn = await ask(owner, "too dear", { idempotency_key });
    assert.equal(await discardTurn(databaseOf(owner), turn.turn_id), true);
    assert.deepEqual(await stored(tenant), before);
    assert.equal((await ask(owner, "too dear", { idempotency_key })).is_new, true);
  });
  await t.step("from a conversation that stays as it was", async () => {
    const { id, answer_id } = await converse(owner, "q", "a");
    const turn = await ask(owner, "refused", { conversation_id: id });
    assert.equal(await discardTurn(databaseOf(owner), turn.turn_id), true);
    const row = expect(await owner.get(`/llm-assistant/conversations/${id}`), 200);
    assert.deepEqual([row.message_count, row.current_message_id], [2, answer_id]);
    assert.deepEqual(await shown(owner, id), ["q", "a"]);
  });
  await t.step("but not where it was answered or gone on from", async () => {
    const turn = await ask(owner, "answered");
    await reply(owner, turn, "yes");
    assert.equal(await discardTurn(databaseOf(owner), turn.turn_id), false);
    const followed = await ask(owner, "followed");
    await ask(owner, "by this", {
      conversation_id: followed.conversation.id,
      parent_id: followed.leaf_id,
    });
    assert.equal(await discardTurn(databaseOf(owner), followed.turn_id), false);
    assert.equal((await shown(owner, followed.conversation.id)).length, 2);
  });
  await t.step("by nobody else", async () => {
    const turn = await ask(owner, "mine");
    const [admin, stranger] = [await tenant.user("admin"), await tenant.stranger()];
    for (const user of [admin, stranger]) {
      await isRefused(discardTurn(databaseOf(user), turn.turn_id), "not_found");
      await isRefused(reply(user, turn, "forged"), "not_found");
    }
    assert.deepEqual(await shown(owner, turn.conversation.id), ["mine"]);
  });
});
