import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { event, streaming } from "../harness/upstream.ts";

const CHAT = "/llm-assistant/v1/chat/completions";
const once = () => ({ "idempotency-key": crypto.randomUUID() });

Deno.test("an Idempotency-Key where nothing is kept", async (t) => {
  await LlmSetting.with(async ({ functions, upstream, tenant: { owner } }) => {
    const chat = { model: "demo-chat", messages: [{ role: "user", content: "Hello" }] };
    const send = (body: Body, key: Record<string, string>, path = CHAT) =>
      functions.send(owner, "POST", path, body, key);
    const calls = async (work: () => Promise<unknown>) => {
      const before = upstream.requests.length;
      await work();
      return upstream.requests.length - before;
    };

    await t.step("gives a whole answer again", async () => {
      const key = once();
      const count = await calls(async () => {
        const first = expect(await send(chat, key), 200);
        const again = await send(chat, key);
        assert.equal(again.headers.get("idempotent-replayed"), "true");
        assert.deepEqual(expect(again, 200), first);
      });
      assert.equal(count, 1);
      const other = await send({ ...chat, temperature: 0 }, key);
      assert.deepEqual([other.status, other.body.error.code], [422, "idempotency_key_reused"]);
    });
    await t.step("gives a stream again, to the letter", async () => {
      const key = once();
      const streamed = { ...chat, stream: true };
      const count = await calls(async () => {
        const first = await send(streamed, key);
        const again = await send(streamed, key);
        assert.match(again.headers.get("content-type") ?? "", /^text\/event-stream/);
        assert.equal(again.headers.get("idempotent-replayed"), "true");
        assert.equal(again.body, first.body);
      });
      assert.equal(count, 1);
    });
    await t.step("asks again where a stream broke off", async () => {
      const key = once();
      const streamed = { ...chat, stream: true };
      upstream.next(streaming(event("Half")));
      assert.match((await send(streamed, key)).body, /"error":/);
      const again = await send(streamed, key);
      assert.equal(again.headers.get("idempotent-replayed"), null);
      assert.match(again.body, /data: \[DONE\]\n\n$/);
    });
    await t.step("is held while the first request is at it", async () => {
      const key = once();
      const { promise: asked, resolve: arrive } = Promise.withResolvers<void>();
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      upstream.next(async () => {
        arrive();
        await gate;
        return undefined;
      });
      const first = send(chat, key);
      await asked;
      const second = await send(chat, key);
      open();
      assert.deepEqual([second.status, second.body.error.code], [409, "request_in_flight"]);
      expect(await first, 200);
    });
    await t.step("gives vectors again", async () => {
      const key = once();
      const body = { model: "demo-embedding", input: ["rain", "sun"] };
      const path = "/llm-assistant/v1/embeddings";
      const count = await calls(async () => {
        const first = expect(await send(body, key, path), 200);
        assert.deepEqual(expect(await send(body, key, path), 200), first);
      });
      assert.equal(count, 1);
    });
  });
});
