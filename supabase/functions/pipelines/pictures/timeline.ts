import { attemptsOf, type Span, type StepEvent } from "./attempts.ts";
import { criticalPath } from "./critical_path.ts";
import type { StepStatus } from "./step_looks.ts";
import type { TimedStep, Timeline } from "./timeline_schema.ts";

/** A run, its steps and their events as the tables hold them; times are milliseconds of the epoch. */
export type RunRecord = {
  run: Pick<Timeline, "run_id" | "pipeline_id" | "name" | "status"> & {
    queued: number;
    started: number | null;
    finished: number | null;
  };
  steps: StepRecord[];
  /** By step, each one's in order. */
  events: ReadonlyMap<string, StepEvent[]>;
};

export type StepRecord = {
  id: string;
  block_id: string | null;
  name: string;
  status: StepStatus;
  parents: string[];
  /** The number, the start and the end of its latest attempt. */
  attempt: number;
  started: number | null;
  finished: number | null;
};

type Timed = StepRecord & { ready: number | null; spans: Span[]; isReused: boolean };

/** What a run's records say of its time. @param now milliseconds of the epoch, by our clock */
export function buildTimeline({ run, steps, events }: RunRecord, now: number): Timeline {
  const times = [run.queued, ...[...events.values()].flat().map(({ at }) => at)];
  // Our clock may be behind the database's: nothing ends before it began.
  const observed = times.reduce((latest, at) => Math.max(latest, at), run.finished ?? now);
  const timed = withReadiness(run.queued, steps, events);
  const path = run.started === null ? [] : criticalPath(timed.map((step) => ({
    id: step.id,
    parents: step.parents,
    ready: step.ready,
    end: endOf(step, observed),
  })));
  const critical = new Set(path);
  const began = ({ spans, ready }: Timed) => spans[0]?.from ?? ready ?? Infinity;
  return {
    ...pick(run),
    queued_at: iso(run.queued),
    started_at: isoOrNull(run.started),
    finished_at: isoOrNull(run.finished),
    observed_at: iso(observed),
    duration_ms: run.started === null ? null : (run.finished ?? observed) - run.started,
    steps: inOrder(timed, began).map((step) => describe(step, observed, critical.has(step.id))),
    critical_path: path,
  };
}

const pick = ({ run_id, pipeline_id, name, status }: RunRecord["run"]) => ({
  run_id,
  pipeline_id,
  name,
  status,
});

function withReadiness(
  queued: number,
  steps: readonly StepRecord[],
  events: RunRecord["events"],
): Timed[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  return steps.map((step) => {
    const spans = attemptsOf(events.get(step.id) ?? [], step.status === "running")
      .map((span) => asRecorded(span, step));
    const parents = step.parents.flatMap((id) => byId.get(id) ?? []);
    const isReady = parents.every(({ status }) => status === "succeeded");
    const ready = Math.max(queued, ...parents.map(({ finished }) => finished ?? queued));
    return {
      ...step,
      spans,
      ready: isReady ? ready : null,
      // What succeeded without having been tried had its output from elsewhere.
      isReused: step.status === "succeeded" && spans.length === 0,
    };
  });
}

/** The latest attempt's times as the step has them: events are written some milliseconds later. */
function asRecorded(span: Span, { attempt, started, finished }: StepRecord): Span {
  if (span.attempt !== attempt) return span;
  const to = span.to === null ? null : finished ?? span.to;
  return { ...span, from: started ?? span.from, to };
}

function endOf({ status, spans, finished }: Timed, now: number): number | null {
  if (status === "running" || status === "ready") return now;
  return spans.length === 0 ? null : finished ?? spans.at(-1)?.to ?? null;
}

/** By when they began; what has not, by how many steps are before it. */
function inOrder(steps: readonly Timed[], began: (step: Timed) => number): Timed[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    depths.set(id, 0);
    const depth = 1 + Math.max(-1, ...(byId.get(id)?.parents ?? []).map(depthOf));
    depths.set(id, depth);
    return depth;
  };
  const compare = (a: number, b: number) => a === b ? 0 : a < b ? -1 : 1;
  return steps.toSorted((a, b) =>
    compare(began(a), began(b)) || depthOf(a.id) - depthOf(b.id) || a.name.localeCompare(b.name)
  );
}

function describe(step: Timed, now: number, is_critical: boolean): TimedStep {
  const { spans, ready, status, isReused } = step;
  const [first] = spans;
  const end = endOf(step, now);
  const duration = first && end !== null ? end - first.from : null;
  const running = spans.reduce((sum, { from, to }) => sum + (to ?? now) - from, 0);
  const waitsSince = isReused || end === null ? null : ready;
  return {
    step_id: step.id,
    block_id: step.block_id,
    name: step.name,
    status,
    ready_at: isoOrNull(ready),
    started_at: isoOrNull(first?.from ?? null),
    finished_at: isoOrNull(step.finished),
    duration_ms: duration,
    waiting_ms: waitsSince === null || end === null
      ? null
      : Math.max(0, end - waitsSince - running),
    attempts: spans.map(({ attempt, status, from, to, message }) => ({
      attempt,
      status,
      started_at: iso(from),
      finished_at: isoOrNull(to),
      duration_ms: (to ?? now) - from,
      message,
    })),
    is_critical,
    is_reused: isReused,
  };
}

const iso = (time: number): string => new Date(time).toISOString();
const isoOrNull = (time: number | null): string | null => time === null ? null : iso(time);
