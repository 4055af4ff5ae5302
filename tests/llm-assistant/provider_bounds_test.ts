import assert from "node:assert/strict";
import { estimateInput } from "@shared/llm/estimate.ts";
import OpenAI from "openai";
import { LlmSetting, PLATFORM_KEY } from "../harness/llm.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql } from "../harness/sql.ts";
import { event, failing, streaming } from "../harness/upstream.ts";

/** What a call is held for bounds it, and what a provider sends is bounded. */

const PRIVATE = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };

const answered = (usage?: Record<string, number>) => () =>
  Response.json({
    choices: [{ index: 0, message: { role: "assistant", content: "Yes" }, finish_reason: "stop" }],
    usage,
  });

Deno.test("a provider is asked for as long an answer as is held in the budgets, and no longer", () =>
  LlmSetting.with(async ({ upstream, tenant, client }) => {
    let held: unknown;
    upstream.always(async () => {
      [held] = await sql`select max_output_tokens from public.usage_reservations
        where organization_id = ${tenant.organizationId}`;
      return answered()();
    });
    const prediction = { type: "content", content: "x".repeat(400) };
    const cases = [
      [{}, { max_tokens: 4096 }, 4096],
      [{ max_tokens: null, max_completion_tokens: null, n: null }, { max_tokens: 4096 }, 4096],
      [{ max_completion_tokens: 1, max_tokens: 100_000 }, { max_tokens: 1 }, 1],
      [{ max_completion_tokens: 100_000, max_tokens: 2 }, { max_tokens: 2 }, 2],
      [{ max_tokens: 3, max_completion_tokens: null }, { max_tokens: 3 }, 3],
      [{ max_completion_tokens: 4, n: 3 }, { max_tokens: 4, n: 3 }, 12],
      // What is predicted in vain is paid as output.
      [{ max_tokens: 4, n: 2, prediction }, { max_tokens: 4, n: 2, prediction }, 218],
      [
        { model: "gpt-5", max_tokens: 5, max_completion_tokens: null },
        { model: "gpt-5", max_completion_tokens: 5 },
        5,
      ],
    ] as const;
    for (const [request, limits, reserved] of cases) {
      const messages = [{ role: "user", content: "Hello" }];
      await client.post("/chat/completions", { body: { model: "small", messages, ...request } });
      assert.deepEqual(upstream.requests.at(-1)?.body, { model: "small", messages, ...limits });
      assert.deepEqual(held, { max_output_tokens: reserved });
    }
  }));

Deno.test("text counts as text wherever it stands, and media by their size", () => {
  const text = "some words ".repeat(10_000);
  const tokensOf = (message: Record<string, unknown>) =>
    estimateInput({ messages: [{ role: "user", ...message }] });
  const hidden = [
    { type: "file", content: text },
    { content: [{ type: "file", file: { file_id: "f" }, text }] },
    { content: [{ type: "text", text, image_url: "x" }] },
    { content: "x", tool_calls: [{ type: "file", function: { name: "f", arguments: text } }] },
    { content: [{ type: "file", file: { file_data: `data:text/plain;base64,${btoa(text)}` } }] },
  ];
  for (const message of hidden) {
    assert.ok(tokensOf(message) > 25_000, JSON.stringify(message).slice(0, 80));
  }
  const picture = (url: string) =>
    tokensOf({ content: [{ type: "image_url", image_url: { url } }] });
  assert.ok(picture("https://example.com/a.png") < 1_100);
  const large = picture(`data:image/png;base64,${"A".repeat(3_000_000)}`);
  assert.ok(large > 3_000 && large < 3_200, String(large));
  const file_data = `data:application/pdf;base64,JVBERi0${"A".repeat(1_000_000)}`;
  const pdf = tokensOf({ content: [{ type: "file", file: { file_data } }] });
  assert.ok(pdf > 10_000 && pdf < 10_200, String(pdf));
});

Deno.test("a member's own server can't tell more usage than was held, nor any server too much", () =>
  LlmSetting.with(async (setting) => {
    const { tenant: { owner }, upstream, client } = setting;
    const base_url = upstream.baseUrl;
    await setting.putKey(owner, "mine", { key: newProviderKey(), base_url, scope: "user" });
    await setting.putKey(owner, "team", { key: newProviderKey(), base_url, scope: "organization" });
    const usage = { prompt_tokens: 1e12, completion_tokens: 1e12, total_tokens: 2e12 };
    const last = `data: ${JSON.stringify({ choices: [], usage })}`;
    const forge = () => upstream.next(answered(usage));
    forge();
    await setting.chat({ model: "mine/m", max_tokens: 10 });
    upstream.next(streaming(event("Yes", "stop"), last, "data: [DONE]"));
    await setting.read({ model: "mine/m", max_tokens: 10 });
    // It tells none, and answers at length.
    upstream.next(streaming(event("word ".repeat(1_000), "stop"), "data: [DONE]"));
    await setting.read({ model: "mine/m", max_tokens: 10 });
    upstream.next(() => Response.json({ data: [{ index: 0, embedding: [1] }], usage }));
    await client.embeddings.create({ model: "mine/m", input: "Hello", encoding_format: "float" });
    forge();
    await setting.chat({ model: "team/m", max_tokens: 10 });
    const [whole, streamed, untold, embedded, trusted] = await setting.usage(5);
    for (const row of [whole, streamed, untold]) {
      assert.ok(row.input_tokens > 0 && row.input_tokens < 50, String(row.input_tokens));
      assert.equal(row.output_tokens, 10);
      assert.equal(row.is_estimated, true);
    }
    assert.ok(embedded.input_tokens < 50 && embedded.output_tokens === 0);
    assert.equal(trusted.status, "succeeded");
    assert.equal(trusted.input_tokens, 1e9);
    assert.equal(trusted.output_tokens, 1e9);
  }, PRIVATE));

Deno.test("of a list of models no more is read than a provider has", () =>
  LlmSetting.with(async ({ upstream, client }) => {
    const list = (ids: string[]) => () => Response.json({ data: ids.map((id) => ({ id })) });
    upstream.next(list(["x".repeat(201), ...Array.from({ length: 1_500 }, (_, i) => `m${i}`)]));
    const { data } = await client.models.list();
    assert.equal(data.length, 999);
    assert.ok(data.every(({ id }) => id.length < 10));
    upstream.next(list(["x".repeat(3 * 1024 * 1024)]));
    await assert.rejects(client.models.list({ maxRetries: 0 }), {
      status: 502,
      code: "provider_error",
    });
  }));

Deno.test("a streamed answer that does not end is broken off", () =>
  LlmSetting.with(async (setting) => {
    const part = event("x".repeat(3 * 1024 * 1024));
    setting.upstream.next(streaming(...Array.from({ length: 12 }, () => part)));
    const { text, error } = await setting.read();
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.match(error.message, /too long/);
    assert.ok(text.length <= 33 * 1024 * 1024, String(text.length));
    const [row] = await setting.usage(1);
    assert.equal(row.status, "partial");
  }));

Deno.test("no field of a refusal shows the key, nor the beginning of it", () =>
  LlmSetting.with(async (setting) => {
    const [message, type, param, code] = [990, 0, 3, 190].map((length) =>
      "x".repeat(length) + PLATFORM_KEY
    );
    setting.upstream.next(failing(400, { message, type, param, code }));
    await assert.rejects(setting.chat(), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, String(error));
      assert.deepEqual(error.error, {
        message: `${"x".repeat(990)}…`,
        type: "…",
        param: "xxx…",
        code: `${"x".repeat(190)}…`,
      });
      return true;
    });
  }));
