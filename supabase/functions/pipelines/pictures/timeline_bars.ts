import type { StyleRule } from "@shared/picture_theme.ts";
import { type Markup, markup } from "@shared/svg.ts";
import type { Attempt, TimedStep } from "./timeline_schema.ts";

/** The height of an attempt's bar, in pixels. */
export const BAR_HEIGHT = 14;
const MIN_WIDTH = 2.5;

type Status = Attempt["status"];

/** Colours of a bar's area and of the lines of its pattern, on light and on dark. */
type Look = { lines: string; light: [string, string]; dark: [string, string] };

// Areas differ in lightness and each has a pattern of its own, within a tile of 8 × 8 pixels.
const LOOKS: Record<Status, Look> = {
  succeeded: { lines: "", light: ["#0f7a66", "#0f7a66"], dark: ["#3cc4a8", "#3cc4a8"] },
  failed: {
    lines: "M-2 2l4-4M0 8l8-8M6 10l4-4",
    light: ["#b3261e", "#ffd9d4"],
    dark: ["#ff8478", "#5a1510"],
  },
  running: { lines: "M4 0v8", light: ["#9cc2f7", "#1d5fc4"], dark: ["#2a5ba5", "#a9cdff"] },
  canceled: {
    lines: "M0 0l8 8M0 8l8-8",
    light: ["#e3e6ea", "#59606b"],
    dark: ["#39414c", "#aeb6c1"],
  },
};

const STATUSES = ["succeeded", "failed", "running", "canceled"] as const;

export const barPatterns: Markup = markup`<defs>${
  STATUSES.map((status) =>
    markup`<pattern id="edgeloom-bar-${status}" patternUnits="userSpaceOnUse" width="8" height="8"><rect class="bar-area is-${status}" width="8" height="8"/><path class="bar-lines is-${status}" d="${
      LOOKS[status].lines
    }"/></pattern>`
  )
}</defs>`;

export const barRules: readonly StyleRule[] = [
  { selector: ".bar-lines", always: "fill:none;stroke-width:1.6" },
  ...STATUSES.flatMap((status) => {
    const { light, dark } = LOOKS[status];
    return [
      { selector: `.bar-area.is-${status}`, light: `fill:${light[0]}`, dark: `fill:${dark[0]}` },
      {
        selector: `.bar-lines.is-${status}`,
        light: `stroke:${light[1]}`,
        dark: `stroke:${dark[1]}`,
      },
      // The outline closes what a pattern leaves open.
      {
        selector: `.bar.is-${status}`,
        light: `stroke:${status === "failed" ? light[0] : light[1]}`,
        dark: `stroke:${status === "failed" ? dark[0] : dark[1]}`,
      },
    ];
  }),
  { selector: ".bar", always: "stroke-width:1" },
  {
    selector: ".waiting",
    always: "fill:none;stroke-width:3;stroke-dasharray:3 3",
    light: "stroke:#aab2bc",
    dark: "stroke:#566170",
  },
  {
    selector: ".critical",
    always: "fill:none;stroke-width:2;stroke-linejoin:round",
    light: "stroke:#1a1f26",
    dark: "stroke:#edf1f6",
  },
];

/** A bar of an attempt's look, its left end at 0 and its middle at this height. */
export const bar = (status: Status, x: number, middle: number, width: number): Markup =>
  markup`<rect class="bar is-${status}" fill="url(#edgeloom-bar-${status})" x="${x}" y="${
    middle - BAR_HEIGHT / 2
  }" width="${Math.max(MIN_WIDTH, width)}" height="${BAR_HEIGHT}" rx="2"/>`;

/** Time that went by without work. */
export const waitingLine = (from: number, to: number, middle: number): Markup =>
  markup`<path class="waiting" d="M${from} ${middle}H${to}"/>`;

/** The frame around what is on the critical path. */
export const criticalFrame = (x: number, middle: number, width: number): Markup =>
  markup`<rect class="critical" x="${x - 2.5}" y="${middle - BAR_HEIGHT / 2 - 2.5}" width="${
    Math.max(MIN_WIDTH, width) + 5
  }" height="${BAR_HEIGHT + 5}" rx="3"/>`;

/** A step's time: waiting, its attempts, what lies between them. `x` is of a time in ISO 8601. */
export function stepBars(
  { ready_at, attempts, status, is_critical, is_reused }: TimedStep,
  x: (time: string) => number,
  { middle, now }: { middle: number; now: string },
): Markup {
  const marks: Markup[] = [];
  // A reused output took no time, and a step that is not ready waits for others, not by itself.
  let waitsSince = is_reused ? null : ready_at;
  for (const { status, started_at, finished_at } of attempts) {
    const [from, to] = [x(started_at), x(finished_at ?? now)];
    if (waitsSince && x(waitsSince) < from) marks.push(waitingLine(x(waitsSince), from, middle));
    marks.push(bar(status, from, middle, to - from));
    if (is_critical) marks.push(criticalFrame(from, middle, to - from));
    waitsSince = finished_at;
  }
  if (status === "ready" && waitsSince) marks.push(waitingLine(x(waitsSince), x(now), middle));
  return markup`${marks}`;
}
