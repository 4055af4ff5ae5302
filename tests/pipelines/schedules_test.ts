import assert from "node:assert/strict";
import {
  type CatchUp,
  nextTimes,
  planFiring,
  ScheduleError,
} from "../../supabase/functions/pipelines/schedules.ts";

const NEW_YORK = "America/New_York";
const at = (time: string) => new Date(time);

/** Next times after a moment, without the parts that they share. */
const next = (expression: string, timezone: string, after: string, count = 3) =>
  nextTimes({ expression, timezone }, count, at(after)).map((time) => time.slice(5, 16));

const plan = (
  expression: string,
  catch_up: CatchUp,
  due: string,
  now: string,
  timezone = "UTC",
) => planFiring({ expression, timezone, catch_up }, at(due), at(now));

Deno.test("a time that spring leaves out is the first one after the gap", () => {
  assert.deepEqual(next("30 2 * * *", NEW_YORK, "2026-03-07T00:00:00Z"), [
    "03-07T07:30",
    "03-08T07:00",
    "03-09T06:30",
  ]);
  assert.deepEqual(next("*/30 * * * *", NEW_YORK, "2026-03-08T06:15:00Z"), [
    "03-08T06:30",
    "03-08T07:00",
    "03-08T07:30",
  ], "every half hour goes on without a gap");
});

Deno.test("a time that autumn has twice is one, and intervals go through both", () => {
  assert.deepEqual(next("30 1 * * *", NEW_YORK, "2026-10-31T00:00:00Z"), [
    "10-31T05:30",
    "11-01T05:30",
    "11-02T06:30",
  ]);
  assert.deepEqual(next("30 * * * *", NEW_YORK, "2026-11-01T04:45:00Z"), [
    "11-01T05:30",
    "11-01T06:30",
    "11-01T07:30",
  ]);
  const night = ["2026-11-01T04:00:00Z", "2026-11-01T12:00:00Z"] as const;
  assert.deepEqual(plan("30 1 * * *", "all", ...night, NEW_YORK).times, [
    "2026-11-01T05:30:00.000Z",
  ], "it is caught up on once, too");
});

Deno.test("zones are read by their own clocks", () => {
  assert.deepEqual(next("0 9 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z"), [
    "03-28T08:00",
    "03-29T07:00",
    "03-30T07:00",
  ]);
  assert.deepEqual(next("30 2 * * *", "Australia/Lord_Howe", "2026-10-02T00:00:00Z"), [
    "10-02T16:00",
    "10-03T15:30",
    "10-04T15:30",
  ], "a change of half an hour");
  assert.deepEqual(next("0 12 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", 1), [
    "01-01T06:15",
  ]);
});

Deno.test("seconds, names, steps and the last day of a month", () => {
  const [first, second] = nextTimes(
    { expression: "*/20 * * * * *", timezone: "UTC" },
    2,
    at("2026-01-01T00:00:05Z"),
  );
  assert.deepEqual([first, second], ["2026-01-01T00:00:20.000Z", "2026-01-01T00:00:40.000Z"]);
  assert.deepEqual(next("0 0 L * *", "UTC", "2026-01-31T00:00:00Z", 2), [
    "02-28T00:00",
    "03-31T00:00",
  ]);
  assert.deepEqual(next("0 6 * JAN MON-FRI", "UTC", "2026-01-02T07:00:00Z", 1), ["01-05T06:00"]);
  assert.equal(
    nextTimes({ expression: "0 0 29 2 *", timezone: "UTC" }, 1, at("2026-03-01"))[0]?.slice(0, 4),
    "2028",
  );
});

Deno.test("what can't be computed is refused, and says which half", () => {
  const wrong: [field: string, expression: string, timezone?: string][] = [
    ["expression", "0 0 31 2 *"],
    ["expression", "0 0 30 2 *"],
    ["expression", "61 * * * *"],
    ["expression", "* * * *"],
    ["expression", "* * * * * * *"],
    ["expression", "every day"],
    ["expression", "2026-11-22T00:00:00"],
    ["expression", "1-0 * * * *"],
    ["expression", "*/0 * * * *"],
    ["timezone", "* * * * *", "Mars/Olympus"],
    ["timezone", "* * * * *", "+02:00"],
    ["timezone", "* * * * *", ""],
  ];
  for (const [field, expression, timezone = "UTC"] of wrong) {
    const compute = () => nextTimes({ expression, timezone }, 1, at("2026-01-01"));
    assert.throws(
      compute,
      (error) => error instanceof ScheduleError && error.field === field,
      expression,
    );
  }
});

Deno.test("a time that is on time fires by every policy", () => {
  for (const catch_up of ["none", "one", "all"] as const) {
    const { times, passed_over, next_fire_at } = plan(
      "0 * * * *",
      catch_up,
      "2026-01-01T10:00:00Z",
      "2026-01-01T10:00:42Z",
    );
    assert.deepEqual(times, ["2026-01-01T10:00:00.000Z"]);
    assert.equal(passed_over, 0);
    assert.equal(next_fire_at, "2026-01-01T11:00:00.000Z");
  }
});

Deno.test("the moment itself is a time, and counts once", () => {
  const now = "2026-01-01T10:00:00.000Z";
  const first = plan("0 * * * *", "all", now, now);
  assert.deepEqual(first.times, [now]);
  const due = first.next_fire_at ?? "";
  assert.deepEqual(plan("0 * * * *", "all", due, "2026-01-01T10:59:59Z").times, []);
  assert.deepEqual(plan("0 * * * *", "all", due, due).times, ["2026-01-01T11:00:00.000Z"]);
});

Deno.test("a schedule that has just been made has missed nothing", () => {
  const { times, latest_missed, next_fire_at } = plan(
    "* * * * *",
    "all",
    "2026-01-01T10:00:00.001Z",
    "2026-01-01T10:00:02Z",
  );
  assert.deepEqual([times, latest_missed, next_fire_at], [[], null, "2026-01-01T10:01:00.000Z"]);
});

Deno.test("after three hours down", async (t) => {
  const down = (catch_up: CatchUp) =>
    plan("0 * * * *", catch_up, "2026-01-01T10:00:00Z", "2026-01-01T12:30:00Z");

  await t.step("none starts nothing, and says what it left out", () => {
    const { times, passed_over, latest_missed } = down("none");
    assert.deepEqual([times, passed_over], [[], 3]);
    assert.equal(latest_missed, "2026-01-01T12:00:00.000Z");
  });
  await t.step("one starts the latest", () => {
    const { times, passed_over, latest_missed } = down("one");
    assert.deepEqual(times, ["2026-01-01T12:00:00.000Z"]);
    assert.deepEqual([passed_over, latest_missed], [2, null]);
  });
  await t.step("all starts each, the oldest first", () => {
    const { times, passed_over } = down("all");
    assert.deepEqual(times.map((time) => time.slice(11, 16)), ["10:00", "11:00", "12:00"]);
    assert.equal(passed_over, 0);
  });
});

Deno.test("after a year down, all starts the latest hundred and is quick about it", () => {
  const started = performance.now();
  const year = ["2025-01-01T00:00:00Z", "2026-01-01T00:00:30Z"] as const;
  const { times, passed_over } = plan("* * * * * *", "all", ...year);
  assert.equal(times.length, 100);
  assert.equal(times.at(-1), "2026-01-01T00:00:30.000Z");
  assert.equal(times[0], "2025-12-31T23:58:51.000Z");
  assert.equal(passed_over, 100, "which stands for more as well");
  assert.ok(performance.now() - started < 500);
});
