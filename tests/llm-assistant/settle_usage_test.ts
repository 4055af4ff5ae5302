import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { sql, withSql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import {
  backdate,
  driftOf,
  isRefused,
  pricedModel,
  reserve,
  service,
  settle,
} from "../harness/usage.ts";

Deno.test("a call is settled once", async (t) => {
  const { owner, organizationId } = await createTenant();
  const model = await pricedModel(owner);

  await t.step("again, it answers the same and changes nothing", async () => {
    const { reservation_id } = await reserve(owner, model);
    const once = await settle(reservation_id, { input_tokens: 250_000 });
    assert.deepEqual(once, { cost: 0.25, is_priced: true });
    assert.deepEqual(await settle(reservation_id, { status: "failed" }), once);
    const rows = await sql`select status, cost::float8 as cost from public.usage_events
      where organization_id = ${organizationId}`;
    assert.deepEqual(rows.map((row) => ({ ...row })), [{ status: "succeeded", cost: 0.25 }]);
  });
  await t.step("what was never reserved can't be settled", async () => {
    await isRefused(settle(crypto.randomUUID()), "not_found");
  });
  await t.step("uncached, cached, output and reasoning are charged apart", async () => {
    const body = {
      provider: "test",
      model: "apart",
      input_price: 4,
      cached_input_price: 1,
      output_price: 10,
      reasoning_price: 20,
    };
    expect(await owner.post("/llm-assistant/prices", body), 201);
    const request = { input_tokens: 1000, max_output_tokens: 1000 };
    const { reservation_id, reserved_cost } = await reserve(owner, "apart", request);
    assert.equal(reserved_cost, 0.024, "as dear as it can become");
    const outcome = {
      input_tokens: 1000,
      cached_tokens: 400,
      output_tokens: 500,
      reasoning_tokens: 100,
    };
    assert.equal((await settle(reservation_id, outcome)).cost, 0.0024 + 0.0004 + 0.004 + 0.002);
    const [event] =
      await sql`select uncached_cost::float8 as uncached, cached_cost::float8 as cached,
      output_cost::float8 as output, reasoning_cost::float8 as reasoning from public.usage_events
      where id = ${reservation_id}`;
    assert.deepEqual({ ...event }, {
      uncached: 0.0024,
      cached: 0.0004,
      output: 0.004,
      reasoning: 0.002,
    });
  });
  await t.step("counts that can't be are no reason to lose it", async () => {
    const { reservation_id } = await reserve(owner, model);
    const outcome = {
      input_tokens: 100,
      cached_tokens: 900,
      output_tokens: 5,
      reasoning_tokens: 9,
    };
    await settle(reservation_id, outcome);
    const [event] = await sql`select input_tokens, cached_tokens, output_tokens, reasoning_tokens
      from public.usage_events where id = ${reservation_id}`;
    assert.deepEqual(Object.values(event ?? {}), [100, 100, 5, 5]);
  });
  await t.step("by the price of the model that answered in the end", async () => {
    const { reservation_id } = await reserve(owner, model);
    const { cost } = await settle(reservation_id, {
      provider: "openai",
      model: "gpt-4o-2024-08-06",
    });
    assert.equal(cost, 2.5);
    const alias = await reserve(owner, model);
    assert.equal((await settle(alias.reservation_id, { model: "its-other-name" })).cost, 1);
    const elsewhere = await reserve(owner, model);
    const { is_priced } = await settle(elsewhere.reservation_id, { provider: "x", model: "y" });
    assert.equal(is_priced, false);
  });
  await t.step("a call without any tokens costs nothing, whatever the price", async () => {
    const { reservation_id } = await reserve(owner, "never-heard-of");
    const settled = await settle(reservation_id, { status: "failed", input_tokens: 0 });
    assert.deepEqual(settled, { cost: 0, is_priced: true });
  });
  await t.step("counters are what the log adds up to", async () => {
    assert.deepEqual(await withSql((sql) => driftOf(sql, organizationId)), []);
  });
  await t.step("when nobody settles it in 10 minutes, at an estimate", async () => {
    const request = { input_tokens: 1_000_000, max_output_tokens: 1_000_000 };
    const killed = await reserve(owner, model, request);
    const alive = await reserve(owner, model, request);
    const brief = await reserve(owner, model, { ...request, max_output_tokens: 100 });
    for (const { reservation_id } of [killed, brief]) {
      await backdate(reservation_id, new Date(Date.now() - 11 * 60_000));
    }
    await sql`select private.expire_reservations()`;
    const [event] =
      await sql`select status, is_estimated, error_code, cost::float8 as cost, output_tokens
      from public.usage_events where id = ${killed.reservation_id}`;
    const { cost, output_tokens, ...rest } = event ?? {};
    assert.deepEqual(rest, {
      status: "failed",
      is_estimated: true,
      error_code: "reservation_expired",
    });
    // 200 tokens a second, for as long as the provider may have worked.
    assert.ok(output_tokens >= 11 * 60 * 200 && output_tokens < 12 * 60 * 200, output_tokens);
    assert.equal(cost, (1e6 + 2 * output_tokens) / 1e6);
    const [short] = await sql`select output_tokens from public.usage_events
      where id = ${brief.reservation_id}`;
    assert.equal(short?.output_tokens, 100, "no more than was held");
    const [row] =
      await sql`select id from public.usage_reservations where id = ${alive.reservation_id}`;
    assert.ok(row, "a call that is still under way is left alone");
    assert.equal((await settle(killed.reservation_id, { input_tokens: 5 })).cost, cost);
  });
});

Deno.test("no client reserves or settles", async () => {
  const { owner } = await createTenant();
  const { reservation_id } = await reserve(owner, "never-heard-of");
  const request = { organization_id: owner.organizationId, user_id: owner.id };
  for (
    const [name, body] of [
      ["reserve_usage", { request }],
      ["settle_usage", { reservation_id, outcome: { status: "failed" } }],
    ] as const
  ) {
    const { status } = await owner.rest("POST", `/rpc/${name}`, body);
    assert.ok(status === 403 || status === 404, `${name} answered ${status}`);
  }
  const { error } = await service.from("usage_reservations").select("id").eq("id", reservation_id)
    .single();
  assert.equal(error, null);
});
