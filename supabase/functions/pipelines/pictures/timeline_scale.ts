import { scaleLinear } from "d3-scale";
import type { Timeline } from "./timeline_schema.ts";

/** Waiting in the queue is drawn as long as it leaves most of the width to the run itself. */
const MAX_QUEUE = 0.5;

/** Time on a picture: the pixel of a time in ISO 8601, and what the axis counts from and to. */
export type TimeScale = { x: (time: string) => number; zero: number; end: number };

/** A run's time between two pixels: from its start, or from when it was queued if that is not long before. */
export function timeScale(
  { queued_at, started_at, finished_at, observed_at }: Timeline,
  left: number,
  right: number,
): TimeScale {
  const queued = Date.parse(queued_at);
  const zero = Date.parse(started_at ?? queued_at);
  const end = Math.max(Date.parse(finished_at ?? observed_at), zero + 1);
  const start = zero - queued <= MAX_QUEUE * (end - zero) ? queued : zero;
  const scale = scaleLinear([start, end], [left, right]).clamp(true);
  return { x: (time) => scale(Date.parse(time)), zero, end };
}
