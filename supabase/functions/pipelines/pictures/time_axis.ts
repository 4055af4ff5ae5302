import { textWidth } from "@shared/svg_text.ts";
import { durationText } from "./durations.ts";

/** The font size of an axis' labels. */
export const AXIS_SIZE = 12;

/** The least space between two labels, in pixels. */
const GAP = 18;

const SECONDS = [1, 2, 5, 10, 15, 30];
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Distances between ticks that people count by, in milliseconds; beyond them powers of ten of days. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[
    ...SECONDS,
    ...SECONDS.map((step) => step * MINUTE),
    ...[1, 2, 3, 6, 12].map((step) => step * HOUR),
    ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((step) => step * DAY),
  ].map((seconds) => seconds * 1000),
];

/** A tick: how much time after the start, and the label that says so. */
export type Tick = { at: number; label: string };

/** The closest ticks over this many milliseconds whose labels don't touch on an axis of this width. */
export function timeTicks(span: number, width: number): Tick[] {
  for (const step of STEPS) {
    // Labels are some ten pixels wide at least: more ticks than that can't fit.
    if (span / step > width / 10) continue;
    const ticks = Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => ({
      at: index * step,
      label: index === 0 ? "0" : durationText(index * step),
    }));
    const widest = Math.max(...ticks.map(({ label }) => textWidth(label, AXIS_SIZE)));
    if ((step / span) * width >= widest + GAP) return ticks;
  }
  return [{ at: 0, label: "0" }];
}
