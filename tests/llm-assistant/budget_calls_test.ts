import assert from "node:assert/strict";
import { stored } from "../harness/conversations.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { sql } from "../harness/sql.ts";

const CALLS = 50;
const ROOM = 3;
const PATH = "/llm-assistant";

Deno.test("of 50 calls at once, a budget with room for three lets three through to the provider", () =>
  LlmSetting.with(async ({ functions, upstream, tenant }) => {
    const { owner } = tenant;
    // A dollar a token of output; what comes in costs nothing.
    await sql`insert into public.model_prices (organization_id, provider, model, input_price, output_price)
      values (${tenant.organizationId}, 'platform', 'demo-chat', 0, 1000000)`;
    const budget = { scope: "organization", period: "day", limit_usd: ROOM * 10, hard: true };
    expect(await functions.send(owner, "POST", `${PATH}/budgets`, budget), 201);
    // No call ends before all have begun.
    const { promise: all, resolve } = Promise.withResolvers<void>();
    upstream.always(async () => {
      await all;
      return undefined;
    });
    const body = { messages: [{ role: "user", content: "x" }], model: "demo-chat", maxTokens: 10 };
    let refusals = 0;
    const answers = await Promise.all(Array.from({ length: CALLS }, async () => {
      const answer = await functions.send(owner, "POST", PATH, body);
      if (answer.status === 402 && ++refusals === CALLS - ROOM) resolve();
      return answer;
    }));
    const started = answers.filter(({ status }) => status === 200);
    assert.equal(started.length, ROOM);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      assert.equal(answer.body.code, "budget_exceeded");
    }
    const asked = upstream.requests.filter(({ body }) => body.messages.at(-1).content === "x");
    assert.equal(asked.length, ROOM, "the rest were refused before the provider was called");
    const { conversations } = await stored(tenant);
    assert.equal(conversations, ROOM, "and nothing of them is kept");
  }));
