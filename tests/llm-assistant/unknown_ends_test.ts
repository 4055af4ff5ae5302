import assert from "node:assert/strict";
import { LlmSetting, REQUEST } from "../harness/llm.ts";
import { chunk } from "../harness/upstream.ts";
import { waitFor } from "../harness/wait.ts";

/** What is taken for the speed of a model whose answer nobody has seen, in tokens a second. */
const SPEED = 200;

Deno.test("who is not waited for is paid for the time that they had", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    setting.wait({ first_byte: 0.3 });
    upstream.always(upstream.silence);
    for (const [stream, max_tokens] of [[false, 4096], [true, 4096], [false, 7]] as const) {
      await assert.rejects(setting.chat({ stream, max_tokens }), { code: "provider_timeout" });
    }
    const rows = await setting.usage(3);
    for (const row of rows) {
      assert.deepEqual([row.status, row.is_estimated], ["failed", true]);
      assert.ok(row.input_tokens > 0);
    }
    const [whole, streamed, short] = rows.map(({ output_tokens }) => output_tokens);
    for (const tokens of [whole, streamed]) {
      assert.ok(tokens >= 0.3 * SPEED && tokens < 4096, String(tokens));
    }
    assert.equal(short, 7, "no more than was held");
  }));

Deno.test("so is who is left before anything has come", async (t) => {
  const leave = (name: string, behave: (setting: LlmSetting) => void) =>
    t.step(name, () =>
      LlmSetting.with(async (setting) => {
        const { upstream, client } = setting;
        setting.wait({ hold: 0.05, keep_alive: 0.05, drain: 0.1 });
        behave(setting);
        const abort = new AbortController();
        const answer = await client.chat.completions.create({ ...REQUEST, stream: true }, {
          signal: abort.signal,
        });
        const asked = await waitFor(() => upstream.requests[0], { what: "the provider's turn" });
        await waitFor(() => performance.now() - asked.at > 200, { what: "it to have worked" });
        abort.abort();
        await Array.fromAsync(answer);
        const [row] = await setting.usage(1);
        assert.notEqual(row.status, "succeeded");
        assert.equal(row.is_estimated, true);
        assert.ok(row.output_tokens >= 0.2 * SPEED, String(row.output_tokens));
      }));
  await leave("while it is silent", ({ upstream }) => upstream.next(upstream.silence));
  await leave(
    "while it reasons out of sight",
    ({ upstream }) => upstream.next(upstream.stalling(chunk(""))),
  );
});

Deno.test("a provider that is asked again is paid for the last time, and nobody there for none", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, functions } = setting;
    setting.wait({ connect: 0.2 });
    upstream.next(() => new Response("busy", { status: 503 }));
    await setting.chat();
    const full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    const { port } = full.addr;
    const waiting = await Promise.all(
      [1, 2].map(() => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    try {
      functions.set({ OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` });
      await assert.rejects(setting.chat({ model: "platform/m" }), /can't be connected to/);
    } finally {
      waiting.forEach((connection) => connection.close());
      full.close();
    }
    const [, unreached] = await setting.usage(2);
    assert.deepEqual([unreached.input_tokens, unreached.output_tokens], [0, 0]);
  }));
