import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createSmallPipeline } from "../harness/pipelines.ts";
import { createSchedule, wake } from "../harness/schedules.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

Deno.test("create_trigger, cron", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const path = `/pipelines/${pipeline.id}/triggers`;
  const daily = { type: "cron", expression: "30 6 * * *", timezone: "Europe/Berlin" };
  const stored = async () => expect(await owner.get(path), 200).data.length;

  await t.step("answers with the next five times", async () => {
    const admin = await tenant.user("admin");
    const answer = await admin.post(path, {
      ...daily,
      catch_up: "all",
      overlap: "queue",
      input: { city: "Oslo" },
    });
    const trigger = expect(answer, 201);
    assert.equal(trigger.next_fire_times.length, 5);
    for (const [index, time] of trigger.next_fire_times.entries()) {
      const inBerlin = new Date(time).toLocaleTimeString("de", { timeZone: "Europe/Berlin" });
      assert.equal(inBerlin, "06:30:00");
      assert.ok(Date.parse(time) > Date.parse(trigger.next_fire_times[index - 1] ?? new Date()));
    }
    const { type, scheme, catch_up, overlap, input, is_active, url, secret, created_by } = trigger;
    assert.deepEqual([type, scheme, catch_up, overlap, is_active], [
      "cron",
      null,
      "all",
      "queue",
      true,
    ]);
    assert.deepEqual([input, url, secret, created_by], [{ city: "Oslo" }, null, null, admin.id]);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/triggers/${trigger.id}`);
    const { secret: _, ...shown } = trigger;
    const got = expect(await owner.get(`/pipelines/triggers/${trigger.id}`), 200);
    assert.deepEqual(got.next_fire_times, shown.next_fire_times);
    assert.deepEqual(
      expect(await owner.get(path), 200).data[0].next_fire_times,
      shown.next_fire_times,
    );
  });
  await t.step("is in UTC, catches up on one and skips overlaps, unless told", async () => {
    const trigger = expect(
      await owner.post(path, { type: "cron", expression: "*/10 * * * * *" }),
      201,
    );
    assert.deepEqual([trigger.timezone, trigger.catch_up, trigger.overlap], ["UTC", "one", "skip"]);
    const [first, second] = trigger.next_fire_times.map((time: string) => Date.parse(time));
    assert.equal(second - first, 10_000);
    expect(await owner.delete(`/pipelines/triggers/${trigger.id}`), 204);
  });
  await t.step("refuses what can't be a schedule, and stores nothing", async () => {
    const before = await stored();
    const wrong = async (change: object, field: string) =>
      refused(await owner.post(path, { ...daily, ...change }), 422, "validation_failed", [field]);
    await wrong({ expression: "0 0 31 2 *" }, "expression");
    await wrong({ expression: "0 0 * *" }, "expression");
    await wrong({ expression: "99 * * * *" }, "expression");
    await wrong({ expression: "" }, "expression");
    await wrong({ expression: 5 }, "expression");
    await wrong({ timezone: "Europe/Atlantis" }, "timezone");
    await wrong({ timezone: "+01:00" }, "timezone");
    await wrong({ catch_up: "some" }, "catch_up");
    await wrong({ overlap: "parallel" }, "overlap");
    await wrong({ input: [1] }, "input");
    refused(await owner.post(path, { ...daily, scheme: "standard" }), 422, "validation_failed");
    refused(await owner.post(path, { ...daily, type: "often" }), 422, "validation_failed", [
      "type",
    ]);
    assert.equal(await stored(), before);
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "POST", path, body: daily, minimumRole: "admin" }),
  );
});

Deno.test("update_trigger, cron", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const trigger = await createSchedule(owner, pipeline);
  const path = `/pipelines/triggers/${trigger.id}`;

  await t.step("changes a schedule, and its next times with it", async () => {
    const changed = expect(
      await owner.patch(path, {
        expression: "0 12 * * *",
        timezone: "Asia/Tokyo",
        overlap: "cancel",
        input: { n: 1 },
      }),
      200,
    );
    assert.equal(changed.next_fire_times[0].slice(11, 16), "03:00");
    assert.deepEqual([changed.catch_up, changed.overlap, changed.input], ["one", "cancel", {
      n: 1,
    }]);
  });
  await t.step("holds a half against the other, which stays", async () => {
    refused(await owner.patch(path, { expression: "0 0 31 2 *" }), 422, "validation_failed", [
      "expression",
    ]);
    refused(await owner.patch(path, { timezone: "Nowhere" }), 422, "validation_failed", [
      "timezone",
    ]);
    refused(await owner.patch(path, { type: "webhook" }), 422, "validation_failed");
    refused(await owner.patch(path, { next_fire_at: null }), 422, "validation_failed");
    assert.equal(expect(await owner.get(path), 200).expression, "0 12 * * *");
  });
  await t.step("shows no next times while it is off", async () => {
    assert.deepEqual(
      expect(await owner.patch(path, { is_active: false }), 200).next_fire_times,
      [],
    );
    assert.equal(
      expect(await owner.patch(path, { is_active: true }), 200).next_fire_times.length,
      5,
    );
  });
  await t.step("gives no webhook a schedule", async () => {
    const webhook = expect(
      await owner.post(`/pipelines/${pipeline.id}/triggers`, { type: "webhook", scheme: "none" }),
      201,
    );
    const answer = await owner.patch(`/pipelines/triggers/${webhook.id}`, {
      expression: "* * * * *",
    });
    refused(answer, 422, "validation_failed", ["expression"]);
  });
  await t.step(
    "is refused to",
    (t) =>
      attack(t, {
        tenant,
        method: "PATCH",
        path,
        body: { overlap: "queue" },
        minimumRole: "admin",
      }),
  );
});

Deno.test("a schedule written past the functions", async (t) => {
  const { owner } = await createTenant();
  const pipeline = await createSmallPipeline(owner);
  const schedule = {
    pipeline_id: pipeline.id,
    type: "cron",
    catch_up: "all",
    overlap: "skip",
    input: {},
  };
  const insert = (fields: object) =>
    owner.rest("POST", "/pipeline_triggers", { ...schedule, ...fields });

  await t.step("is switched off by the worker where it can't be computed", async () => {
    const answer = await insert({ expression: "now and then", timezone: "UTC" });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    const [{ id }] = answer.body;
    await wake();
    const trigger = await waitFor(async () => {
      const row = expect(await owner.get(`/pipelines/triggers/${id}`), 200);
      return row.is_active ? undefined : row;
    });
    assert.match(trigger.deactivation_reason, /five fields/);
    assert.deepEqual(trigger.next_fire_times, []);
  });
  await t.step("can't be told when it is due, nor lack a part", async () => {
    const whole = { expression: "0 0 * * *", timezone: "UTC" };
    const wrong = [
      { ...whole, next_fire_at: "2020-01-01T00:00:00Z" },
      { expression: "0 0 * * *" },
      { ...whole, type: "webhook", scheme: "none" },
    ];
    for (const fields of wrong) assert.ok((await insert(fields)).status >= 400);
    const [row] = await sql`select count(*)::int as triggers from public.pipeline_triggers
      where pipeline_id = ${pipeline.id}`;
    assert.equal(row?.triggers, 1);
  });
});
