import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { issueKey } from "../harness/keys.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { isRefused, pricedModel, reserve, settle, spend } from "../harness/usage.ts";

const BUDGETS = "/llm-assistant/budgets";
const LIMITS = "/llm-assistant/rate-limits";

const rotate = async (user: User, id: string, grace_seconds = 0): Promise<Body> =>
  expect(await user.post(`/keys/${id}/rotate`, { grace_seconds }), 201);

Deno.test("rotating a key lifts no budget", async (t) => {
  const { owner } = await createTenant();
  const model = await pricedModel(owner);
  const first = await issueKey(owner);
  const ofKey = { scope: "key", subject_id: first.id, period: "day" };
  const budget = expect(await owner.post(BUDGETS, { ...ofKey, limit_usd: 3 }), 201);
  await spend(owner, model, { api_key_id: first.id });
  const held = await reserve(owner, model, { api_key_id: first.id });
  const second = await rotate(owner, first.id, 3600);

  await t.step("it is the new key's, with what was spent and what is held", async () => {
    const { subject_id, status } = expect(await owner.get(`${BUDGETS}/${budget.id}`), 200);
    assert.equal(subject_id, second.id);
    assert.deepEqual([status.spent_usd, status.reserved_usd], [1, 1]);
    const { data } = expect(await owner.get(`${BUDGETS}?subject_id=${second.id}`), 200);
    assert.equal(data.length, 1);
  });
  await t.step("the two share it as long as the old one works", async () => {
    await reserve(owner, model, { api_key_id: second.id });
    for (const { id } of [first, second]) {
      await isRefused(reserve(owner, model, { api_key_id: id }), "budget_exceeded");
    }
    await settle(held.reservation_id, { status: "failed", input_tokens: 0 });
    await reserve(owner, model, { api_key_id: first.id });
    await isRefused(reserve(owner, model, { api_key_id: second.id }), "budget_exceeded");
  });
  await t.step("however often", async () => {
    const third = await rotate(owner, second.id);
    await isRefused(reserve(owner, model, { api_key_id: third.id }), "budget_exceeded");
  });
  await t.step("a key is replaced by rotating it, and not by any other that is there", async () => {
    const [one, other] = [await issueKey(owner), await issueKey(owner)];
    const body = { replaced_by: other.id };
    const { status } = await owner.rest("PATCH", `/api_keys?id=eq.${one.id}&select=id`, body);
    assert.equal(status, 409);
  });
});

Deno.test("rotating a key lifts no rate limit", async () => {
  const { owner } = await createTenant();
  const model = await pricedModel(owner);
  const [own, each] = [await issueKey(owner), await issueKey(owner)];
  const limit = (requests_per_minute: number, subject_id?: string) =>
    owner.post(LIMITS, { scope: "key", subject_id, requests_per_minute });
  expect(await limit(1, own.id), 201);
  expect(await limit(2), 201);
  const ask = (api_key_id: string) => reserve(owner, model, { api_key_id });
  await ask(own.id);
  await ask(each.id);
  const [ownNext, eachNext] = [
    await rotate(owner, own.id, 3600),
    await rotate(owner, each.id, 3600),
  ];
  await isRefused(ask(ownNext.id), "rate_limited");
  await isRefused(ask(own.id), "rate_limited");
  await ask(each.id);
  await isRefused(ask(eachNext.id), "rate_limited");
  const { data } = expect(await owner.get(`${LIMITS}?subject_id=${ownNext.id}`), 200);
  assert.deepEqual(data.map((row: Body) => row.requests_per_minute), [1]);
});
