import { ApiError } from "@shared/errors.ts";
import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { issueKey } from "../harness/keys.ts";
import { sql, withSql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { driftOf, isRefused, past, pricedModel, reserve, settle, spend } from "../harness/usage.ts";

const ASSISTANT = "00000000-0000-4000-8000-00000000a551";

type Budget = { scope?: string; subject_id?: string | null; period?: string; hard?: boolean };

/** A budget past the API, so that its subject need not be there. */
async function budget(user: User, limit_usd: number, options: Budget = {}): Promise<void> {
  const { scope = "organization", subject_id = null, period = "month", hard = true } = options;
  await past(async (sql) => {
    await sql`insert into public.budgets ${
      sql({ organization_id: user.organizationId, scope, subject_id, period, limit_usd, hard })
    }`;
  });
}

Deno.test("a hard budget lets through what fits and no more", async (t) => {
  const { owner, user, organizationId } = await withTenant();
  const member = await user("member");
  const model = await pricedModel(owner);
  await budget(owner, 3);

  await t.step("of 50 parallel calls with room for 3, exactly 3", async () => {
    const calls = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => reserve(index % 2 ? owner : member, model)),
    );
    const passed = calls.filter(({ status }) => status === "fulfilled");
    assert.equal(passed.length, 3);
    for (const call of calls) {
      if (call.status === "fulfilled") continue;
      assert.ok(call.reason instanceof ApiError);
      assert.deepEqual([call.reason.code, call.reason.status], ["budget_exceeded", 402]);
    }
    const [row] = await sql`select count(*)::int as calls from public.usage_reservations
      where organization_id = ${organizationId}`;
    assert.equal(row?.calls, 3);
  });
  await t.step("and says which budget, and when it begins anew", async () => {
    const message = await isRefused(reserve(owner, model), "budget_exceeded");
    const now = new Date();
    const reset = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
    assert.match(message, /^The organization's budget of \$3 a month does not suffice: \$3 are /);
    assert.match(message, /this call may cost \$1\./);
    assert.ok(message.endsWith(reset.toISOString().replace(".000", "")), message);
  });
  await t.step("a smaller one that fits, fits", async () => {
    await sql`update public.budgets set limit_usd = 3.5 where organization_id = ${organizationId}`;
    await isRefused(reserve(owner, model), "budget_exceeded");
    const { reserved_cost } = await reserve(owner, model, { input_tokens: 500_000 });
    assert.equal(reserved_cost, 0.5);
  });
  await t.step("what costs nothing always fits", async () => {
    await reserve(owner, "demo-chat", { provider: "demo" });
  });
  await t.step("what was reserved in vain is free again", async () => {
    const [held] = await sql`select id from public.usage_reservations
      where organization_id = ${organizationId} and cost = 1 limit 1`;
    await settle(held?.id, { status: "failed", input_tokens: 0 });
    await reserve(owner, model);
    await isRefused(reserve(owner, model), "budget_exceeded");
  });
  await t.step("another organization's calls are none of its", async () => {
    const other = await withTenant();
    await reserve(other.owner, await pricedModel(other.owner));
  });
  await t.step("once it is gone, all pass", async () => {
    await sql`delete from public.budgets where organization_id = ${organizationId}`;
    await reserve(owner, model);
    assert.deepEqual(await withSql((sql) => driftOf(sql, organizationId)), []);
  });
});

Deno.test("budgets by scope and period", async (t) => {
  const { owner, user, organizationId } = await withTenant();
  const member = await user("member");
  const model = await pricedModel(owner);
  const key = await issueKey(owner);
  const set = (limit: number, options: Budget) => budget(owner, limit, options);
  const clear = () => sql`delete from public.budgets where organization_id = ${organizationId}`;

  await t.step("a user's budget is theirs alone", async () => {
    await set(1, { scope: "user", subject_id: member.id });
    await reserve(member, model);
    const message = await isRefused(reserve(member, model), "budget_exceeded");
    assert.match(message, /^The user's budget/);
    await reserve(owner, model);
    await clear();
  });
  await t.step("an assistant's holds for whoever calls it, a key's for the key", async () => {
    await set(1, { scope: "assistant", subject_id: ASSISTANT });
    await set(2, { scope: "key", subject_id: key.id });
    await reserve(owner, model, { assistant_id: ASSISTANT });
    await isRefused(reserve(member, model, { assistant_id: ASSISTANT }), "budget_exceeded");
    await reserve(owner, model, { api_key_id: key.id });
    await reserve(owner, model, { api_key_id: key.id });
    await isRefused(reserve(owner, model, { api_key_id: key.id }), "budget_exceeded");
    await reserve(owner, model);
    await clear();
  });
  await t.step("one that is made today knows what was spent before", async () => {
    const other = await withTenant();
    const theirs = await pricedModel(other.owner);
    await spend(other.owner, theirs);
    await reserve(other.owner, theirs);
    await budget(other.owner, 3);
    await reserve(other.owner, theirs);
    await isRefused(reserve(other.owner, theirs), "budget_exceeded");
  });
  await t.step("yesterday's spending is the month's, not today's", async () => {
    const other = await withTenant();
    const theirs = await pricedModel(other.owner);
    await spend(other.owner, theirs);
    await sql`update public.usage_counters set period_started_at = period_started_at - interval '1 day'
      where organization_id = ${other.organizationId} and period = 'day'`;
    await budget(other.owner, 1, { period: "day" });
    await reserve(other.owner, theirs);
    await isRefused(reserve(other.owner, theirs), "budget_exceeded");
  });
  await t.step("an advisory budget warns", async () => {
    const other = await withTenant();
    const theirs = await pricedModel(other.owner);
    await budget(other.owner, 1, { hard: false });
    assert.deepEqual((await reserve(other.owner, theirs)).warnings, []);
    const [warning, ...more] = (await reserve(other.owner, theirs)).warnings;
    assert.equal(warning?.code, "budget_exceeded");
    assert.match(warning?.message ?? "", /^The organization's budget of \$1 a month/);
    assert.deepEqual(more, []);
  });
});

Deno.test("a model without a price", async (t) => {
  const { owner, organizationId } = await withTenant();
  const unknown = { provider: "test", model: "never-heard-of" };

  await t.step("has no cost, which is not 0", async () => {
    const { reservation_id, reserved_cost, warnings } = await reserve(owner, unknown.model);
    assert.deepEqual([reserved_cost, warnings], [null, []]);
    assert.deepEqual(await settle(reservation_id), { cost: null, is_priced: false });
    const [event] = await sql`select cost, is_priced, input_tokens from public.usage_events
      where id = ${reservation_id}`;
    assert.deepEqual({ ...event }, { cost: null, is_priced: false, input_tokens: 1_000_000 });
  });
  await t.step("under an advisory budget passes with a warning", async () => {
    await budget(owner, 1, { hard: false });
    const { warnings } = await reserve(owner, unknown.model);
    assert.deepEqual(warnings.map(({ code }) => code), ["model_not_priced"]);
  });
  await t.step("under a hard one is refused, until it has a price", async () => {
    await sql`update public.budgets set hard = true where organization_id = ${organizationId}`;
    const message = await isRefused(reserve(owner, unknown.model), "model_not_priced");
    assert.match(message, /never-heard-of of test has no price/);
    const price = { ...unknown, input_price: 0, output_price: 0 };
    expect(await owner.post("/llm-assistant/prices", price), 201);
    const { reservation_id, reserved_cost } = await reserve(owner, unknown.model);
    assert.equal(reserved_cost, 0);
    assert.deepEqual(await settle(reservation_id), { cost: 0, is_priced: true });
  });
});

async function withTenant() {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  return { owner, organizationId, user: (role: "admin" | "member") => tenant.user(role) };
}
