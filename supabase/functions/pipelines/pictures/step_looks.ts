import type { StyleRule } from "@shared/picture_theme.ts";
import { type Markup, markup } from "@shared/svg.ts";
import type { z } from "zod";
import type { stepSchema } from "../schemas.ts";

export type StepStatus = z.infer<typeof stepSchema>["status"];

/** What a state looks like: its sign, and the colours of its lines and areas, on light and on dark. */
type Look = { sign: string; words: string; light: [string, string]; dark: [string, string] };

// Each state has a sign of its own, and ink and area of another lightness than what it is easily taken
// for: no reader depends on hue.
const LOOKS: Record<StepStatus, Look> = {
  succeeded: {
    sign: "M-4.2.2l3 3 5.4-6.2",
    words: "succeeded",
    light: ["#0f7a66", "#e2f4ef"],
    dark: ["#3cc4a8", "#10302a"],
  },
  failed: {
    sign: "M-3.2-3.2l6.4 6.4M3.2-3.2l-6.4 6.4",
    words: "failed",
    light: ["#b3261e", "#fbe0dd"],
    dark: ["#ff8478", "#451a17"],
  },
  running: {
    sign: "M-2-3.4l5 3.4-5 3.4z",
    words: "running",
    light: ["#1d5fc4", "#deeafc"],
    dark: ["#76b0ff", "#152c4d"],
  },
  ready: {
    sign: "M0-3.8v4l2.8 1.8",
    words: "ready, waiting for a worker",
    light: ["#8a5a00", "#fdf0cf"],
    dark: ["#f2bd55", "#33270c"],
  },
  blocked: {
    sign: "M-1.9-3.2v6.4M1.9-3.2v6.4",
    words: "waiting for a step before it",
    light: ["#6b7480", "#f4f6f8"],
    dark: ["#8f99a6", "#1a2028"],
  },
  skipped: {
    sign: "M-3.8-3.2l3.2 3.2-3.2 3.2M.6-3.2l3.2 3.2-3.2 3.2",
    words: "skipped",
    light: ["#7b6a8e", "#ffffff"],
    dark: ["#a898bd", "#11151b"],
  },
  canceled: {
    sign: "M-2.6-2.6h5.2v5.2h-5.2z",
    words: "canceled",
    light: ["#3f454d", "#d9dde2"],
    dark: ["#c5ccd5", "#39414c"],
  },
};

/** All states, as a legend lists them. */
export const STEP_STATES: readonly StepStatus[] = [
  "succeeded",
  "failed",
  "running",
  "ready",
  "blocked",
  "skipped",
  "canceled",
];

/** What a state means, in words. */
export const describeState = (status: StepStatus): string => LOOKS[status].words;

/** The line and area colour of a state on light paper, for where there is no style sheet. */
export const lightColours = (status: StepStatus): [line: string, area: string] =>
  LOOKS[status].light;

/** How wide and high a badge is, in pixels. */
export const BADGE_SIZE = 18;

/** A state's sign in a disc around 0, 0. */
export const badge = (status: StepStatus): Markup =>
  markup`<g class="badge is-${status}"><circle r="${BADGE_SIZE / 2}"/><path d="${
    LOOKS[status].sign
  }"/></g>`;

/** The rules of {@link badge}, and of what has the class `node is-<state>`. */
export function stateRules(states: readonly StepStatus[]): StyleRule[] {
  return [
    {
      selector: ".badge circle",
      always: "stroke-width:2",
      light: "stroke:#fff",
      dark: "stroke:#11151b",
    },
    {
      selector: ".badge path",
      always: "fill:none;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round",
      light: "stroke:#fff",
      dark: "stroke:#11151b",
    },
    ...states.flatMap((status) => {
      const { light, dark } = LOOKS[status];
      return [
        {
          selector: `.badge.is-${status} circle`,
          light: `fill:${light[0]}`,
          dark: `fill:${dark[0]}`,
        },
        {
          selector: `.node.is-${status}`,
          light: `stroke:${light[0]};fill:${light[1]}`,
          dark: `stroke:${dark[0]};fill:${dark[1]}`,
        },
      ];
    }),
    { selector: ".node.is-failed,.node.is-running", always: "stroke-width:2.5" },
    { selector: ".node.is-blocked,.node.is-ready", always: "stroke-dasharray:5 4" },
    { selector: ".node.is-skipped,.node.is-canceled", always: "stroke-dasharray:2 4" },
  ];
}
