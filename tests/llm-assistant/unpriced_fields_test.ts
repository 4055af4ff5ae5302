import assert from "node:assert/strict";
import OpenAI from "openai";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { sql } from "../harness/sql.ts";

/** Ten cents a token that goes out, a dollar of the dear model; what comes in costs nothing. */
const withPrices = ({ tenant: { organizationId } }: LlmSetting) =>
  sql`insert into public.model_prices (organization_id, provider, model, input_price, output_price)
    values (${organizationId}, 'platform', 'demo-chat', 0, 100000),
      (${organizationId}, 'platform', 'dear', 0, 1000000),
      (${organizationId}, 'platform', 'cheap', 0, 1000),
      (${organizationId}, 'platform', 'demo-embedding', 0, 0)`;

const setBudget = async (
  { functions, tenant: { owner } }: LlmSetting,
  hard: boolean,
): Promise<void> => {
  const budget = { scope: "organization", period: "day", limit_usd: 1_000_000, hard };
  expect(await functions.send(owner, "POST", "/llm-assistant/budgets", budget), 201);
};

const PRICED_OTHERWISE = {
  web_search_options: {},
  service_tier: "priority",
  modalities: ["text", "audio"],
  audio: { voice: "alloy", format: "wav" },
  models: ["dear"],
  route: "fallback",
  plugins: [{ id: "web" }],
  provider: { order: ["dear"] },
  best_of: 20,
  max_output_tokens: 1e6,
  num_predict: 1e6,
  options: { num_predict: 1e6 },
};

Deno.test("what is not paid by the token alone is refused under a hard budget", () =>
  LlmSetting.with(async (setting) => {
    await withPrices(setting);
    await setBudget(setting, true);
    const { upstream, client } = setting;
    for (const [field, value] of Object.entries(PRICED_OTHERWISE)) {
      await assert.rejects(setting.chat({ [field]: value }), (error) => {
        assert.ok(error instanceof OpenAI.UnprocessableEntityError, `${field}: ${error}`);
        assert.equal(error.code, "model_not_priced");
        const name = field === "options" ? "options.num_predict" : field;
        assert.ok(error.message.includes(name), error.message);
        return true;
      });
    }
    const embedding = { model: "demo-embedding", input: "x", encoding_format: "float" };
    await assert.rejects(
      client.post("/embeddings", { body: { ...embedding, service_tier: "priority" } }),
      { code: "model_not_priced" },
    );
    assert.equal(upstream.requests.length, 0);
    const plain = {
      service_tier: "auto",
      modalities: ["text"],
      options: { num_ctx: 1 },
      models: null,
    };
    await setting.chat(plain);
    await setting.chat({ service_tier: "default" });
    const rows = await setting.usage(2);
    assert.ok(rows.every(({ is_priced }) => is_priced));
  }));

Deno.test("and has no cost elsewhere, which is flagged", () =>
  LlmSetting.with(async (setting) => {
    await withPrices(setting);
    await setBudget(setting, false);
    const { functions, tenant: { owner } } = setting;
    const body = { model: "demo-chat", messages: [{ role: "user", content: "x" }] };
    const path = "/llm-assistant/v1/chat/completions";
    const answer = await functions.send(owner, "POST", path, { ...body, web_search_options: {} });
    expect(answer, 200);
    const [row] = await setting.usage(1);
    assert.deepEqual([row.status, row.cost, row.is_priced], ["succeeded", null, false]);
    assert.ok(row.output_tokens > 0);
  }));

Deno.test("the dearer counts of the model that was asked and the one that answered", () =>
  LlmSetting.with(async (setting) => {
    await withPrices(setting);
    const { upstream } = setting;
    const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };
    const choice = { index: 0, finish_reason: "stop" };
    const whole = (model: string) => () =>
      Response.json({
        model,
        choices: [{ ...choice, message: { role: "assistant", content: "Yes" } }],
        usage,
      });
    const streamed = (model: string) => () => {
      const chunk = { model, choices: [{ ...choice, delta: { content: "Yes" } }], usage };
      return new Response(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`, {
        headers: { "content-type": "text/event-stream" },
      });
    };
    const answered = ["demo-chat", "dear", "cheap", "never-heard-of"];
    for (const model of answered) {
      upstream.next(whole(model));
      await setting.chat();
      upstream.next(streamed(model));
      await setting.read();
    }
    upstream.next(whole("cheap"));
    await setting.chat({ model: "without-price" });
    const rows = await setting.usage(9);
    const costs = rows.map(({ cost }) => Number(cost));
    assert.deepEqual(costs, [0.3, 0.3, 3, 3, 0.3, 0.3, 0.3, 0.3, 0.003]);
    // Reports are by what was asked for.
    assert.deepEqual(
      new Set(rows.map(({ model }) => model)),
      new Set(["demo-chat", "without-price"]),
    );
  }));
