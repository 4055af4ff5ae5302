import type { TimedStep } from "./timeline_schema.ts";

/** More rows than this nobody looks through. */
export const MAX_ROWS = 200;

/** The steps that a picture shows: all, or those that matter most, in their order. */
export function shownSteps(
  steps: readonly TimedStep[],
): { steps: readonly TimedStep[]; omitted: number } {
  if (steps.length <= MAX_ROWS) return { steps, omitted: 0 };
  const weight = ({ is_critical, status, attempts, duration_ms }: TimedStep) =>
    (is_critical ? 4 : status === "failed" ? 3 : status === "running" ? 2 : 0) +
    (attempts.length > 1 ? 1 : 0) + (duration_ms ?? 0) / (1 + (duration_ms ?? 0));
  const heaviest = steps.toSorted((a, b) => weight(b) - weight(a)).slice(0, MAX_ROWS);
  const shown = new Set(heaviest);
  return { steps: steps.filter((step) => shown.has(step)), omitted: steps.length - MAX_ROWS };
}
