import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey } from "../harness/keys.ts";
import { createTenant } from "../harness/tenant.ts";
import { pricedModel, reserve, settle } from "../harness/usage.ts";

const PATH = "/llm-assistant/budgets";
const BODY = { scope: "organization", period: "month", limit_usd: 250 };

Deno.test("create_budget", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");

  await t.step("for the organization, a user or a key", async () => {
    const admin = await tenant.user("admin");
    const budget = expect(await admin.post(PATH, BODY), 201);
    assert.deepEqual(
      [budget.scope, budget.subject_id, budget.period, budget.limit_usd, budget.hard],
      ["organization", null, "month", 250, true],
    );
    assert.equal(budget.organization_id, tenant.organizationId);
    assert.equal(budget.created_by, admin.id);
    const { status } = budget;
    assert.deepEqual([status.spent_usd, status.reserved_usd, status.remaining_usd], [0, 0, 250]);
    const start = new Date(status.period_started_at);
    const end = new Date(start);
    end.setUTCMonth(start.getUTCMonth() + 1);
    assert.equal(start.toISOString().slice(8), "01T00:00:00.000Z");
    assert.equal(new Date(status.resets_at).getTime(), end.getTime());
    const key = await issueKey(owner);
    for (const [scope, subject_id] of [["user", member.id], ["key", key.id]]) {
      const body = { scope, subject_id, period: "day", limit_usd: 0, hard: false };
      const { hard, limit_usd } = expect(await owner.post(PATH, body), 201);
      assert.deepEqual([hard, limit_usd], [false, 0]);
    }
  });
  await t.step("one for a subject and a period", async () => {
    refused(await owner.post(PATH, BODY), 409, "conflict");
    expect(await owner.post(PATH, { ...BODY, period: "day" }), 201);
  });
  await t.step("refuses", async () => {
    const wrong = async (body: unknown, path: string) =>
      refused(await owner.post(PATH, body), 422, "validation_failed", [path]);
    await wrong({ ...BODY, subject_id: member.id }, "subject_id");
    await wrong({ ...BODY, scope: "user" }, "subject_id");
    await wrong({ ...BODY, scope: "team" }, "scope");
    await wrong({ ...BODY, period: "year" }, "period");
    await wrong({ ...BODY, limit_usd: -1 }, "limit_usd");
    await wrong({ ...BODY, limit_usd: 1e9 }, "limit_usd");
    await wrong({ ...BODY, limit_usd: "10" }, "limit_usd");
  });
  await t.step("knows no subject of another organization", async () => {
    const stranger = await tenant.stranger();
    const theirKey = await issueKey(stranger);
    const subjects = [["user", stranger.id], ["key", theirKey.id], [
      "assistant",
      crypto.randomUUID(),
    ]];
    for (const [scope, subject_id] of subjects) {
      const body = { scope, subject_id, period: "day", limit_usd: 1 };
      refused(await owner.post(PATH, body), 404, "not_found");
    }
  });
  await t.step("is refused to", (t) =>
    attack(t, {
      tenant,
      method: "POST",
      path: PATH,
      body: { scope: "user", subject_id: owner.id, period: "day", limit_usd: 1 },
      minimumRole: "admin",
      stranger: "own",
    }));
});

Deno.test("list_budgets, get_, update_ and delete_budget", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const own = { scope: "user", subject_id: member.id, period: "day", limit_usd: 10 };
  const mine = expect(await owner.post(PATH, own), 201);
  const budget = expect(await owner.post(PATH, BODY), 201);
  const path = `${PATH}/${budget.id}`;

  await t.step("an admin sees all, a member their own", async () => {
    assert.equal(expect(await owner.get(PATH), 200).data.length, 2);
    const users = expect(await owner.get(`${PATH}?scope=user&subject_id=${member.id}`), 200);
    assert.deepEqual(users.data.map(({ id }: { id: string }) => id), [mine.id]);
    const seen = expect(await member.get(PATH), 200);
    assert.deepEqual(seen.data.map(({ id }: { id: string }) => id), [mine.id]);
    refused(await member.get(path), 404, "not_found");
    refused(await owner.get(`${PATH}/${crypto.randomUUID()}`), 404, "not_found");
    refused(await owner.get(`${PATH}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("with what is spent of it", async () => {
    const model = await pricedModel(owner);
    const one = await reserve(member, model);
    await reserve(member, model);
    await settle(one.reservation_id, { input_tokens: 500_000 });
    for (const reader of [owner, member]) {
      const { status } = expect(await reader.get(`${PATH}/${mine.id}`), 200);
      assert.deepEqual([status.spent_usd, status.reserved_usd, status.remaining_usd], [
        0.5,
        1,
        8.5,
      ]);
    }
    const { status } = expect(await owner.get(path), 200);
    assert.deepEqual([status.spent_usd, status.reserved_usd], [0.5, 1]);
  });
  await t.step("its limit changes, its subject doesn't", async () => {
    const changed = expect(await owner.patch(path, { limit_usd: 0.25, hard: false }), 200);
    assert.deepEqual([changed.limit_usd, changed.hard, changed.status.remaining_usd], [
      0.25,
      false,
      0,
    ]);
    for (const field of ["period", "scope", "subject_id"]) {
      refused(await owner.patch(path, { [field]: "day" }), 422, "validation_failed");
    }
    refused(await member.patch(`${PATH}/${mine.id}`, { limit_usd: 99 }), 403, "forbidden");
  });
  for (const [method, body] of [["GET"], ["PATCH", { limit_usd: 1 }], ["DELETE"]] as const) {
    // A member doesn't see the organization's budget, so to them there is none.
    await t.step(`${method} is refused to`, (t) => attack(t, { tenant, method, path, body }));
  }
  await t.step(
    "the list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
  await t.step("a member can't lift even their own", async () => {
    refused(await member.delete(`${PATH}/${mine.id}`), 403, "forbidden");
    expect(await owner.delete(`${PATH}/${mine.id}`), 204);
    refused(await owner.delete(`${PATH}/${mine.id}`), 404, "not_found");
  });
});
