import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey } from "../harness/keys.ts";
import { sql, withSql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { driftOf, isRefused, pricedModel, reserve } from "../harness/usage.ts";

const BUDGETS = "/llm-assistant/budgets";
const LIMITS = "/llm-assistant/rate-limits";

/** Adds a row as who runs the platform: with its secret key. */
async function add(table: string, row: Body): Promise<Body> {
  const { status, body } = await rest("POST", `/${table}`, { apikey: stack.secretKey, body: row });
  assert.equal(status, 201, JSON.stringify(body));
  return body[0];
}

/** Whoever may not change a row changes none, and is told so or not. */
async function isKept(owner: User, table: string, id: string, change: Body): Promise<void> {
  const read = () => withSql((sql) => sql`select * from ${sql(table)} where id = ${id}`);
  const before = await read();
  await owner.rest("PATCH", `/${table}?id=eq.${id}`, change);
  await owner.rest("DELETE", `/${table}?id=eq.${id}`);
  assert.deepEqual(await read(), before);
}

Deno.test("what an operator has set, tenants see and keep", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId: organization_id } = tenant;
  const month = { scope: "organization", period: "month" };
  const model = await pricedModel(owner);

  await t.step("a budget", async () => {
    const { id } = await add("budgets", { organization_id, ...month, limit_usd: 1 });
    const path = `${BUDGETS}/${id}`;
    const { by_operator, created_by } = expect(await owner.get(path), 200);
    assert.deepEqual([by_operator, created_by], [true, null]);
    refused(await owner.patch(path, { limit_usd: 99 }), 403, "forbidden");
    refused(await owner.delete(path), 403, "forbidden");
    await isKept(owner, "budgets", id, { limit_usd: 99 });
  });
  await t.step("beside which they may have their own", async () => {
    const own = expect(await owner.post(BUDGETS, { ...month, limit_usd: 1000 }), 201);
    assert.equal(own.by_operator, false);
    await reserve(owner, model);
    await isRefused(reserve(owner, model), "budget_exceeded");
    expect(await owner.delete(`${BUDGETS}/${own.id}`), 204);
  });
  await t.step("a rate limit, also against a looser one for a single user or key", async () => {
    const { id } = await add("rate_limits", {
      organization_id,
      scope: "key",
      requests_per_minute: 2,
    });
    refused(await owner.patch(`${LIMITS}/${id}`, { requests_per_minute: 99 }), 403, "forbidden");
    refused(await owner.delete(`${LIMITS}/${id}`), 403, "forbidden");
    await isKept(owner, "rate_limits", id, { requests_per_minute: 99 });
    const key = await issueKey(owner);
    const own = { scope: "key", subject_id: key.id, requests_per_minute: 99 };
    expect(await owner.post(LIMITS, own), 201);
    const ask = () => reserve(owner, model, { api_key_id: key.id, input_tokens: 0 });
    const { rate_limits } = await ask();
    assert.deepEqual([rate_limits?.requests?.limit, rate_limits?.requests?.remaining], [2, 1]);
    await ask();
    await isRefused(ask(), "rate_limited");
  });
  await t.step("and nobody makes theirs pass for one", async () => {
    const body = { organization_id, ...month, limit_usd: 1, by_operator: true };
    assert.equal((await owner.rest("POST", "/budgets?select=id", body)).status, 403);
    const free = { ...month, limit_usd: 1, period: "day" };
    const own = expect(await owner.post(BUDGETS, free), 201);
    await owner.rest("PATCH", `/budgets?id=eq.${own.id}`, { by_operator: true });
    // Whoever made it has left: it is still the organization's.
    await sql`update public.budgets set created_by = null where id = ${own.id}`;
    expect(await owner.delete(`${BUDGETS}/${own.id}`), 204);
  });
});

Deno.test("a ceiling for what is called with the platform's key", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId: organization_id } = tenant;
  const ceiling = { scope: "platform", period: "month", limit_usd: 2 };
  const model = await pricedModel(owner);
  const platform = { key_level: "platform" } as const;

  await t.step("is for operators to set", async () => {
    refused(await owner.post(BUDGETS, ceiling), 422, "validation_failed");
    for (const organization of [organization_id, null]) {
      const body = { ...ceiling, organization_id: organization };
      assert.ok((await owner.rest("POST", "/budgets?select=id", body)).status >= 400);
    }
  });
  const { id } = await add("budgets", { organization_id, ...ceiling });
  await t.step("counts those calls alone", async () => {
    await reserve(owner, model, { input_tokens: 5_000_000 });
    await reserve(owner, model, platform);
    await reserve(await tenant.user("member"), model, platform);
    const message = await isRefused(reserve(owner, model, platform), "budget_exceeded");
    assert.match(message, /^The platform key's budget of \$2 a month/);
    await isRefused(reserve(owner, "never-heard-of", platform), "model_not_priced");
    await reserve(owner, model);
    await reserve(owner, model, { key_level: "user" });
  });
  await t.step("is there to see", async () => {
    const { scope, status } = expect(await owner.get(`${BUDGETS}/${id}`), 200);
    assert.deepEqual([scope, status.reserved_usd, status.remaining_usd], ["platform", 2, 0]);
    assert.deepEqual(await withSql((sql) => driftOf(sql, organization_id)), []);
  });
});
