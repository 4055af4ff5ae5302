import type { Attempt } from "./timeline_schema.ts";

/** An event of a step, as the run's log holds it; times are milliseconds of the epoch. */
export type StepEvent = {
  event_type: string;
  attempt: number | null;
  at: number;
  message: string;
};

/** A try of a step: not ended while it runs. */
export type Span = {
  attempt: number;
  status: Attempt["status"];
  from: number;
  to: number | null;
  message: string;
};

/** How an event ends the attempt that it is of. */
const ENDINGS: Record<string, Span["status"] | undefined> = {
  "step.succeeded": "succeeded",
  "step.retrying": "failed",
  "step.failed": "failed",
  "step.canceled": "canceled",
  // A step longer than one invocation goes on in the next: this part of it went well.
  "step.continued": "succeeded",
};

/**
 * A step's attempts, from its events in order. One that was begun and never ended, though the step went
 * on or no longer runs, was given back unbegun: it is left out.
 */
export function attemptsOf(events: readonly StepEvent[], isRunning: boolean): Span[] {
  const spans = new Map<number, Span>();
  for (const { event_type, attempt, at, message } of events) {
    if (attempt === null) continue;
    const span = spans.get(attempt);
    const ending = ENDINGS[event_type];
    if (event_type === "step.started") {
      spans.set(attempt, { attempt, status: "running", from: at, to: null, message: "" });
    } else if (ending && span && span.to === null) {
      spans.set(attempt, { ...span, status: ending, to: Math.max(at, span.from), message });
    }
  }
  const inOrder = [...spans.values()].sort((a, b) => a.attempt - b.attempt);
  return inOrder.filter(({ to }, index) => to !== null || (isRunning && !inOrder[index + 1]));
}
