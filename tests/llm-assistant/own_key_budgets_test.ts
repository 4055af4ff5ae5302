import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql, withSql } from "../harness/sql.ts";
import { driftOf, isRefused, pricedModel, reserve, spend } from "../harness/usage.ts";
import { createTenant } from "../harness/tenant.ts";

const BUDGETS = "/llm-assistant/budgets";
const PRIVATE = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };

Deno.test("what a member's own server says is spent, nobody else's budget pays", () =>
  LlmSetting.with(async (setting) => {
    const { functions, upstream, tenant, tenant: { owner } } = setting;
    const budget = async (fields: Body): Promise<Body> => {
      const body = { period: "month", limit_usd: 100, ...fields };
      return expect(await functions.send(owner, "POST", BUDGETS, body), 201);
    };
    const [theirs, own] = [
      await budget({ scope: "organization" }),
      await budget({ scope: "user", subject_id: owner.id, hard: false }),
    ];
    const base_url = upstream.baseUrl;
    await setting.putKey(owner, "openai", { key: newProviderKey(), base_url, scope: "user" });
    upstream.next(() =>
      Response.json({
        choices: [{ index: 0, message: { role: "assistant", content: "" }, finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1e9, total_tokens: 1e9 + 1 },
      })
    );
    await setting.chat({ model: "openai/gpt-4o", max_tokens: 9_990_000 });
    const spent = async ({ id }: Body) =>
      expect(await functions.send(owner, "GET", `${BUDGETS}/${id}`), 200).status.spent_usd;
    assert.equal(await spent(theirs), 0);
    assert.ok(await spent(own) > 99, "the user's own counts it");
    const [row] = await setting.usage(1);
    assert.equal(row.key_level, "user");
    const report = expect(await functions.send(owner, "GET", "/llm-assistant/usage"), 200);
    assert.ok(report.totals.cost > 99, "and reports show it");
    assert.deepEqual(await withSql((sql) => driftOf(sql, tenant.organizationId)), []);
  }, PRIVATE));

Deno.test("a call with the user's own key", async (t) => {
  const { owner, organizationId } = await createTenant();
  const model = await pricedModel(owner);
  const assistant = expect(
    await owner.post("/llm-assistant/assistants", { name: "A", prompt: "P", model: "m" }),
    201,
  );
  const own = { key_level: "user", assistant_id: assistant.id } as const;
  const set = (scope: string, subject_id?: string) =>
    owner.post(BUDGETS, { scope, subject_id, period: "day", limit_usd: 0.5 });

  await t.step(
    "fits under budgets of the organization and an assistant, priced or not",
    async () => {
      expect(await set("organization"), 201);
      expect(await set("assistant", assistant.id), 201);
      await spend(owner, model, own);
      await reserve(owner, "never-heard-of", own);
      await isRefused(reserve(owner, model, { key_level: "organization" }), "budget_exceeded");
      await isRefused(reserve(owner, model, { key_level: "platform" }), "budget_exceeded");
    },
  );
  await t.step("costs the assistant nothing", async () => {
    const [row] =
      await sql`select monthly_cost::float8 as cost, usage_count::int from public.assistants
      where id = ${assistant.id}`;
    assert.deepEqual({ ...row }, { cost: 0, usage_count: 1 });
    const { cost, calls } = expect(
      await owner.get(`/llm-assistant/assistants/${assistant.id}/stats`),
      200,
    );
    assert.deepEqual([cost, calls], [0, 1]);
  });
  await t.step("not under the user's", async () => {
    expect(await set("user", owner.id), 201);
    await isRefused(reserve(owner, model, own), "budget_exceeded");
    await isRefused(reserve(owner, "never-heard-of", own), "model_not_priced");
  });
  await t.step("leaves the counters what the log adds up to", async () => {
    assert.deepEqual(await withSql((sql) => driftOf(sql, organizationId)), []);
  });
});
