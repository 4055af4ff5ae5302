import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createPipeline,
  createSmallPipeline,
  waitForRun,
} from "../harness/pipelines.ts";
import { createSchedule, fireSince, firingsOf, planned, wake } from "../harness/schedules.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

/** A minute that is not over before the schedule has been fired for it. */
const yearsOf = (year: number) => `${year}-02-28T00:00:00Z`;

Deno.test("a schedule that is due", async (t) => {
  const { owner } = await createTenant();

  await t.step("starts a run with the time in its input, as the one who made it", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createSchedule(owner, pipeline, {
      input: { city: "Oslo", scheduled_at: "mine" },
    });
    await fireSince(trigger, yearsOf(2024));
    const [firing] = await firingsOf(owner, trigger);
    assert.equal(firing.status, "started");
    assert.equal(Date.parse(firing.scheduled_at), Date.parse("2024-02-29T00:00:00Z"));
    const run = await waitForRun(owner, firing.run_id);
    assert.deepEqual(run.output, { city: "Oslo", scheduled_at: "2024-02-29T00:00:00.000Z" });
    assert.deepEqual([run.trigger, run.trigger_id, run.created_by], ["cron", trigger.id, owner.id]);
    const shown = expect(await owner.get(`/pipelines/triggers/${trigger.id}`), 200);
    assert.ok(shown.last_triggered_at);
  });
  await t.step("is fired by the stack's clock, with nobody else to call", async () => {
    const pipeline = await createSmallPipeline(owner);
    const body = { type: "cron", expression: "* * * * * *", overlap: "queue" };
    const trigger = expect(await owner.post(`/pipelines/${pipeline.id}/triggers`, body), 201);
    await waitFor(async () => (await firingsOf(owner, trigger)).length > 0);
    expect(await owner.delete(`/pipelines/triggers/${trigger.id}`), 204);
  });
  await t.step("catches up by its policy, and says what it passed over", async () => {
    const pipeline = await createSmallPipeline(owner);
    const fire = async (catch_up: string) => {
      const trigger = await createSchedule(owner, pipeline, { catch_up, overlap: "queue" });
      await fireSince(trigger, yearsOf(2012));
      return (await firingsOf(owner, trigger)).map((firing: Body) => [
        firing.scheduled_at.slice(0, 4),
        firing.status === "skipped" ? firing.reason : "run",
        firing.passed_over,
      ]);
    };
    assert.deepEqual(await fire("none"), [["2024", "missed", 4]]);
    assert.deepEqual(await fire("one"), [["2024", "run", 3]]);
    const all = ["2012", "2016", "2020", "2024"].map((year) => [year, "run", 0]);
    assert.deepEqual(await fire("all"), all);
  });
  await t.step("tells the run's events what was passed over", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createSchedule(owner, pipeline);
    await fireSince(trigger, yearsOf(2012));
    const [{ run_id }] = await firingsOf(owner, trigger);
    const { data } = expect(await owner.get(`/pipelines/runs/${run_id}/events`), 200);
    const event = data.find((event: Body) => event.event_type === "run.scheduled");
    assert.equal(
      event.message,
      "Due at 2024-02-29T00:00:00.000Z; 3 earlier times were passed over",
    );
    assert.deepEqual(event.data, { scheduled_at: "2024-02-29T00:00:00.000Z", passed_over: 3 });
  });
  await t.step("counts each time once, also when it is told again", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createSchedule(owner, pipeline);
    await fireSince(trigger, yearsOf(2024));
    await fireSince(trigger, yearsOf(2024));
    assert.equal((await firingsOf(owner, trigger)).length, 1);
    assert.equal(await countRuns(pipeline.id), 1);
  });
  await t.step("does nothing while it is off, nor for what passed meanwhile", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createSchedule(owner, pipeline, {
      expression: "* * * * * *",
      catch_up: "all",
    });
    const path = `/pipelines/triggers/${trigger.id}`;
    expect(await owner.patch(path, { is_active: false }), 200);
    const before = (await firingsOf(owner, trigger)).length;
    await wake();
    assert.equal((await firingsOf(owner, trigger)).length, before);
    expect(await owner.patch(path, { expression: "0 0 29 2 *" }), 200);
    expect(await owner.patch(path, { is_active: true }), 200);
    await planned(trigger);
    assert.equal((await firingsOf(owner, trigger)).length, before);
  });
});

Deno.test("a schedule that can't start", async (t) => {
  await t.step("notes why, and goes on", async () => {
    const { owner } = await createTenant();
    const trigger = await createSchedule(owner, await createPipeline(owner), { catch_up: "all" });
    await fireSince(trigger, yearsOf(2020));
    const firings = await firingsOf(owner, trigger);
    assert.deepEqual(firings.map(({ status }) => status), ["failed", "failed"]);
    assert.match(firings[0].reason, /no blocks/);
    assert.equal(expect(await owner.get(`/pipelines/triggers/${trigger.id}`), 200).is_active, true);
  });
  await t.step("is switched off where its maker has left, and can be taken up again", async () => {
    const tenant = await createTenant();
    const { owner } = tenant;
    const pipeline = await createSmallPipeline(owner);
    const leaver = await tenant.join("admin");
    const trigger = await createSchedule(leaver, pipeline);
    await sql`delete from public.memberships
      where user_id = ${leaver.id} and organization_id = ${tenant.organizationId}`;
    await fireSince(trigger, yearsOf(2024));
    const path = `/pipelines/triggers/${trigger.id}`;
    const off = expect(await owner.get(path), 200);
    assert.equal(off.is_active, false);
    assert.match(off.deactivation_reason, /no member any more/);
    assert.equal(await countRuns(pipeline.id), 0);
    const on = expect(await owner.patch(path, { is_active: true }), 200);
    assert.equal(on.deactivation_reason, null);
  });
});

Deno.test("overlap", async (t) => {
  const { owner } = await createTenant();
  /** A schedule whose earlier run goes on until it is ended by hand. */
  const overlapping = async (overlap: string) => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createSchedule(owner, pipeline, { overlap, catch_up: "all" });
    const [run] = await sql`
      insert into public.pipeline_runs (organization_id, pipeline_id, status, trigger, trigger_id, definition, created_by)
      values (${owner.organizationId}, ${pipeline.id}, 'running', 'cron', ${trigger.id}, '{}', ${owner.id})
      returning id`;
    const end = () =>
      sql`update public.pipeline_runs set status = 'succeeded', finished_at = now()
      where id = ${run?.id}`;
    return { pipeline, trigger, end, runId: run?.id };
  };
  const statuses = async (trigger: Body) =>
    (await firingsOf(owner, trigger)).map(({ status, reason }) => reason ?? status);

  await t.step("skip leaves the time out", async () => {
    const { trigger, pipeline } = await overlapping("skip");
    await fireSince(trigger, yearsOf(2024));
    assert.deepEqual(await statuses(trigger), ["overlap"]);
    assert.equal(await countRuns(pipeline.id), 1);
  });
  await t.step("queue starts them one after the other when the earlier one ends", async () => {
    const { trigger, pipeline, end } = await overlapping("queue");
    await fireSince(trigger, yearsOf(2020));
    assert.deepEqual(await statuses(trigger), ["queued", "queued"]);
    await end();
    await wake();
    await waitFor(async () => {
      await wake();
      return (await statuses(trigger)).every((status) => status === "started");
    });
    assert.equal(await countRuns(pipeline.id), 3);
    const [first, second] = await firingsOf(owner, trigger);
    const [one, two] = [
      await waitForRun(owner, first.run_id),
      await waitForRun(owner, second.run_id),
    ];
    assert.ok(Date.parse(two.created_at) >= Date.parse(one.finished_at), "one at a time");
  });
  await t.step("queue is bounded", async () => {
    const { trigger } = await overlapping("queue");
    await sql`insert into public.trigger_firings (trigger_id, scheduled_at, status)
      select ${trigger.id}, timestamptz '2000-01-01' + n * interval '1 day', 'queued' from generate_series(1, 100) n`;
    await fireSince(trigger, yearsOf(2024));
    const all = await sql`select reason from public.trigger_firings
      where trigger_id = ${trigger.id} and scheduled_at > '2024-01-01'`;
    assert.deepEqual(all.map(({ reason }) => reason), ["queue_full"]);
  });
  await t.step("what waits is dropped with a schedule that is switched off", async () => {
    const { trigger, pipeline } = await overlapping("queue");
    await fireSince(trigger, yearsOf(2024));
    expect(await owner.patch(`/pipelines/triggers/${trigger.id}`, { is_active: false }), 200);
    await wake();
    await waitFor(async () => (await statuses(trigger))[0] === "switched_off");
    assert.equal(await countRuns(pipeline.id), 1);
  });
});

Deno.test("list_firings", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const trigger = await createSchedule(owner, await createSmallPipeline(owner));
  await fireSince(trigger, yearsOf(2024));
  const path = `/pipelines/triggers/${trigger.id}/firings`;
  await t.step("shows a member what came of the times", async () => {
    const { data } = expect(await (await tenant.user("member")).get(path), 200);
    assert.equal(data.length, 1);
  });
  await t.step("refuses", async () => {
    const unknown = "/pipelines/triggers/00000000-0000-4000-8000-000000000000/firings";
    refused(await owner.get(unknown), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});
