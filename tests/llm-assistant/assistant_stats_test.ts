import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const ALL = "/llm-assistant/assistants";
const DAY_MS = 86_400_000;
const TODAY = new Date().toISOString().slice(0, 10);

/** A call, as the settlement logs it. */
const addCall = (user: User, assistantId: string, cost: number | null, at = new Date()) =>
  sql`insert into public.usage_events (organization_id, user_id, assistant_id, operation, provider,
      model, status, input_tokens, output_tokens, cost, is_priced, created_at)
    values (${user.organizationId}, ${user.id}, ${assistantId}, 'chat', 'demo', 'demo', 'succeeded',
      10, 5, ${cost}, ${cost !== null}, ${at.toISOString()})`;

Deno.test("get_assistant_stats, usage_count and monthly_cost", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const { id } = await createApproved(tenant, owner, { access_level: "public" });
  const path = `${ALL}/${id}/stats`;
  const counters = async () => {
    const { usage_count, monthly_cost } = expect(await owner.get(`${ALL}/${id}`), 200);
    return [usage_count, monthly_cost];
  };

  await t.step("count calls, by day", async () => {
    await addCall(owner, id, 0.1);
    await addCall(member, id, 0.2);
    await addCall(member, id, null);
    expect(await member.post(`${ALL}/${id}/ratings`, { rating: 4 }), 201);
    const stats = expect(await owner.get(path), 200);
    assert.deepEqual(
      [stats.to, stats.calls, stats.users, stats.input_tokens, stats.cost, stats.unpriced_calls],
      [TODAY, 3, 2, 30, 0.3, 1],
    );
    assert.equal(stats.days.length, 30);
    assert.deepEqual([stats.days.at(-1).date, stats.days.at(-1).calls], [TODAY, 3]);
    assert.deepEqual(stats.days.map(({ calls }: Body) => calls).slice(0, -1), Array(29).fill(0));
    assert.deepEqual(stats.ratings, {
      count: 1,
      average: 4,
      distribution: { 1: 0, 2: 0, 3: 0, 4: 1, 5: 0 },
    });
    assert.deepEqual(await counters(), [3, 0.3]);
  });
  await t.step("take no cost from other months, nor from other tenants", async () => {
    const { revision } = expect(await owner.get(`${ALL}/${id}`), 200);
    await addCall(owner, id, 7, new Date(Date.now() - 40 * DAY_MS));
    await addCall(await tenant.stranger(), id, 9);
    assert.deepEqual(await counters(), [5, 0.3]);
    assert.equal(expect(await owner.get(path), 200).calls, 3);
    assert.equal(expect(await owner.get(`${ALL}/${id}`), 200).revision, revision);
  });
  await t.step("begin each month anew", async () => {
    await sql`update public.assistants set cost_month = '2026-01-31' where id = ${id}`;
    assert.deepEqual(await counters(), [5, 0]);
    assert.equal(expect(await owner.get(ALL), 200).data[0].monthly_cost, 0);
    await addCall(owner, id, 0.5);
    assert.deepEqual(await counters(), [6, 0.5]);
    await sql`update public.assistants set cost_month = '2026-01-31' where id = ${id}`;
    await sql`select private.begin_cost_month()`;
    const [row] =
      await sql`select monthly_cost::float8 as cost from public.assistants where id = ${id}`;
    assert.equal(row?.cost, 0);
  });
  await t.step("take a range", async () => {
    const from = new Date(Date.now() - 41 * DAY_MS).toISOString().slice(0, 10);
    const wide = expect(await owner.get(`${path}?from=${from}&to=${TODAY}`), 200);
    assert.deepEqual([wide.from, wide.calls, wide.days.length], [from, 5, 42]);
    refused(await owner.get(`${path}?from=${TODAY}&to=2026-01-01`), 422, "validation_failed");
    refused(await owner.get(`${path}?from=2020-01-01`), 422, "validation_failed");
    refused(await owner.get(`${path}?from=x`), 422, "validation_failed", ["query.from"]);
  });
  await t.step("are refused to", async (t) => {
    const other = await createTenant();
    const { id } = await createApproved(other, other.owner);
    const path = `${ALL}/${id}/stats`;
    await attack(t, { tenant: other, method: "GET", path, minimumRole: "admin" });
  });
});
