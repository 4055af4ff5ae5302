import type { StepEvent } from "../../supabase/functions/pipelines/pictures/attempts.ts";
import type {
  RunRecord,
  StepRecord,
} from "../../supabase/functions/pipelines/pictures/timeline.ts";

/** When the runs of these records were queued. */
export const QUEUED = Date.UTC(2026, 10, 21, 3, 40, 0);

/** An attempt in milliseconds since the run was queued; it still runs where it has no end. */
type Try = [from: number, to?: number, ending?: "succeeded" | "retrying" | "failed" | "canceled"];

/** A step: its tries, and the numbers of the steps before it. */
export type Sketch = {
  name?: string;
  status?: StepRecord["status"];
  after?: number[];
  tries?: Try[];
};

const idOf = (index: number) => `00000001-0000-4000-8000-${String(index).padStart(12, "0")}`;

/** What the tables would hold of a run of these steps; it runs as long as one of them does. */
export function recordOf(
  sketches: readonly Sketch[],
  fields: Partial<RunRecord["run"]> = {},
): RunRecord {
  const events = new Map<string, StepEvent[]>();
  const steps = sketches.map(({ name, status = "succeeded", after = [], tries = [] }, index) => {
    const id = idOf(index);
    const log = tries.flatMap(([from, to, ending = "succeeded"], attempt): StepEvent[] => {
      const event = { attempt: attempt + 1, message: "" };
      const started = { ...event, event_type: "step.started", at: QUEUED + from };
      if (to === undefined) return [started];
      const message = ending === "succeeded" ? "" : "It went wrong";
      return [started, { ...event, event_type: `step.${ending}`, at: QUEUED + to, message }];
    });
    events.set(id, log);
    const hasEnded = !["blocked", "ready", "running"].includes(status);
    const end = log.at(-1)?.at ?? QUEUED;
    return {
      id,
      block_id: null,
      name: name ?? `step ${index}`,
      status,
      parents: after.map(idOf),
      attempt: tries.length,
      started: tries.length > 0 ? QUEUED + (tries.at(-1)?.[0] ?? 0) : null,
      finished: hasEnded ? end : null,
    };
  });
  const ends = steps.map(({ finished }) => finished);
  const starts = sketches.flatMap(({ tries = [] }) => tries.map(([from]) => QUEUED + from));
  const started = starts.length > 0 ? Math.min(...starts) : null;
  const last = Math.max(...ends.map((end) => end ?? 0));
  return {
    run: {
      run_id: "00000000-0000-4000-8000-000000000001",
      pipeline_id: "00000000-0000-4000-8000-000000000002",
      name: "A pipeline",
      status: ends.includes(null) ? "running" : "succeeded",
      queued: QUEUED,
      started,
      finished: ends.includes(null) ? null : last,
      ...fields,
    },
    steps,
    events,
  };
}

/** The step's id that {@link recordOf} gives to the sketch of this number. */
export const stepId = idOf;
