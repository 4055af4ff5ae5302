import assert from "node:assert/strict";
import { attemptsOf } from "../../supabase/functions/pipelines/pictures/attempts.ts";
import { durationText } from "../../supabase/functions/pipelines/pictures/durations.ts";
import { timeTicks } from "../../supabase/functions/pipelines/pictures/time_axis.ts";
import { buildTimeline } from "../../supabase/functions/pipelines/pictures/timeline.ts";
import type { Timeline } from "../../supabase/functions/pipelines/pictures/timeline_schema.ts";
import { textWidth } from "@shared/svg_text.ts";
import { QUEUED, recordOf, type Sketch, stepId } from "../harness/timelines.ts";

/** The timeline of these steps, read this many milliseconds after the run was queued. */
const timelineOf = (sketches: Sketch[], now = 1_000_000, fields = {}): Timeline =>
  buildTimeline(recordOf(sketches, fields), QUEUED + now);

const at = (offset: number) => new Date(QUEUED + offset).toISOString();

/** The numbers of the steps on the critical path. */
const pathOf = ({ critical_path }: Timeline) => critical_path.map((id) => Number(id.slice(-12)));

Deno.test("waiting and running are told apart, attempt by attempt", () => {
  const { steps, duration_ms, started_at, queued_at } = timelineOf([
    { tries: [[100, 300]] },
    { after: [0], tries: [[350, 500, "retrying"], [900, 1000, "retrying"], [1400, 2000]] },
  ]);
  assert.equal(queued_at, at(0));
  assert.equal(started_at, at(100));
  assert.equal(duration_ms, 1900);
  const [first, second] = steps;
  assert.deepEqual([first?.ready_at, first?.waiting_ms, first?.duration_ms], [at(0), 100, 200]);
  assert.equal(second?.ready_at, at(300));
  assert.equal(second?.started_at, at(350));
  assert.equal(second?.duration_ms, 1650);
  assert.equal(second?.waiting_ms, 50 + 400 + 400);
  assert.deepEqual(
    second?.attempts.map(({ attempt, status, started_at, finished_at, duration_ms, message }) => [
      attempt,
      status,
      started_at,
      finished_at,
      duration_ms,
      message,
    ]),
    [
      [1, "failed", at(350), at(500), 150, "It went wrong"],
      [2, "failed", at(900), at(1000), 100, "It went wrong"],
      [3, "succeeded", at(1400), at(2000), 600, ""],
    ],
  );
});

Deno.test("the critical path is what each step waited for", () => {
  const diamond = (left: number, right: number): Sketch[] => [
    { tries: [[0, 100]] },
    { after: [0], tries: [[110, left]] },
    { after: [0], tries: [[120, right]] },
    { after: [1, 2], tries: [[Math.max(left, right) + 5, 900]] },
    { tries: [[0, 800]] },
  ];
  assert.deepEqual(pathOf(timelineOf(diamond(300, 200))), [0, 1, 3]);
  assert.deepEqual(pathOf(timelineOf(diamond(200, 300))), [0, 2, 3]);
  const parallel = timelineOf([...diamond(200, 300).slice(0, 4), { tries: [[0, 901]] }]);
  assert.deepEqual(pathOf(parallel), [4], "a long step beside the others");
  const marked = timelineOf(diamond(300, 200)).steps.filter(({ is_critical }) => is_critical);
  assert.deepEqual(marked.map(({ step_id }) => step_id), [0, 1, 3].map(stepId));
});

Deno.test("a failed run's path ends where it failed, not with what was skipped", () => {
  const timeline = timelineOf(
    [
      { tries: [[0, 100]] },
      { after: [0], status: "failed", tries: [[100, 400, "failed"]] },
      { after: [1], status: "skipped" },
      { after: [0], tries: [[100, 200]] },
    ],
    1000,
    { status: "failed" },
  );
  assert.deepEqual(pathOf(timeline), [0, 1]);
  assert.equal(timeline.steps[3]?.status, "skipped", "what never began comes last");
});

Deno.test("what goes on is counted up to now", () => {
  const timeline = timelineOf([
    { tries: [[0, 100]] },
    { after: [0], status: "running", tries: [[150]] },
    { after: [0], status: "ready", tries: [[110, 200, "retrying"]] },
    { after: [1, 2], status: "blocked" },
  ], 1150);
  assert.equal(timeline.duration_ms, 1150);
  assert.equal(timeline.observed_at, at(1150));
  const [, ready, running, blocked] = timeline.steps;
  assert.deepEqual([running?.duration_ms, running?.waiting_ms], [1000, 50]);
  assert.deepEqual([running?.finished_at, running?.attempts[0]?.finished_at], [null, null]);
  assert.equal(running?.attempts[0]?.duration_ms, 1000);
  assert.deepEqual([ready?.duration_ms, ready?.waiting_ms], [1040, 960], "the backoff goes on");
  assert.deepEqual([blocked?.ready_at, blocked?.duration_ms, blocked?.waiting_ms], [
    null,
    null,
    null,
  ]);
});

Deno.test("the step's own times go before those of its events", () => {
  const record = recordOf([{ tries: [[10, 20, "retrying"], [100, 205]] }]);
  const [step] = record.steps;
  assert.ok(step);
  const recorded = { ...step, started: QUEUED + 95, finished: QUEUED + 200 };
  const timeline = buildTimeline({ ...record, steps: [recorded] }, QUEUED + 1000);
  assert.deepEqual(
    timeline.steps[0]?.attempts.map(({ started_at, finished_at }) => [started_at, finished_at]),
    [[at(10), at(20)], [at(95), at(200)]],
  );
  assert.equal(timeline.steps[0]?.waiting_ms, 10 + 75);
});

Deno.test("a clock that is behind the database's makes no time negative", () => {
  const { duration_ms, steps } = timelineOf([{ status: "running", tries: [[5000]] }], 100);
  assert.equal(duration_ms, 0);
  assert.equal(steps[0]?.attempts[0]?.duration_ms, 0);
});

Deno.test("a reused output took no time, and ends the critical path", () => {
  const timeline = timelineOf([{}, { after: [0], tries: [[50, 100]] }]);
  const [reused, step] = timeline.steps;
  assert.deepEqual([reused?.is_reused, reused?.waiting_ms, reused?.duration_ms], [
    true,
    null,
    null,
  ]);
  assert.deepEqual([step?.is_reused, step?.ready_at], [false, at(0)]);
  assert.deepEqual(pathOf(timeline), [1]);
});

Deno.test("an attempt that was given back unbegun is no attempt", () => {
  const event = (event_type: string, attempt: number, at: number) => ({
    event_type,
    attempt,
    at,
    message: "",
  });
  const events = [event("step.started", 1, 10), event("step.started", 2, 30)];
  assert.deepEqual(attemptsOf(events, true).map(({ attempt }) => attempt), [2]);
  assert.deepEqual(attemptsOf(events, false), []);
  const parts = [event("step.started", 1, 10), event("step.continued", 1, 20), ...events.slice(1)];
  assert.deepEqual(
    attemptsOf(parts, true).map(({ status, from, to }) => [status, from, to]),
    [["succeeded", 10, 20], ["running", 30, null]],
  );
  assert.deepEqual(attemptsOf([event("step.unheard", 1, 10)], true), []);
});

Deno.test("durations are told as exactly as they matter", () => {
  const texts: [number, string][] = [
    [0, "0 ms"],
    [999, "999 ms"],
    [1000, "1 s"],
    [2340, "2.34 s"],
    [12_345, "12.3 s"],
    [59_940, "59.9 s"],
    [59_960, "1 min"],
    [65_000, "1 min 5 s"],
    [3_599_700, "1 h"],
    [3_660_000, "1 h 1 min"],
    [86_400_000, "1 d"],
    [200_000_000, "2 d 8 h"],
  ];
  for (const [duration, text] of texts) assert.equal(durationText(duration), text);
});

Deno.test("ticks never touch, whatever the time, and there are some", () => {
  for (let span = 1; span < 1e11; span *= 1.37) {
    const ticks = timeTicks(span, 600);
    const [first, second] = ticks;
    assert.ok(first && second && ticks.length <= 21, `${span}: ${ticks.length} ticks`);
    const pixels = ((second.at - first.at) / span) * 600;
    for (const [index, { at, label }] of ticks.slice(1).entries()) {
      const widths = textWidth(label, 12) + textWidth(ticks[index]?.label ?? "", 12);
      assert.ok(pixels > widths / 2 + 8, `${span}: ${label} touches its neighbour`);
      assert.ok(at <= span);
    }
    const labels = ticks.map(({ label }) => label);
    assert.equal(new Set(labels).size, labels.length, `${span}: ${labels.join(", ")}`);
  }
});
