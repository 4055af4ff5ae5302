import type { StyleRule } from "@shared/picture_theme.ts";
import { type Markup, markup } from "@shared/svg.ts";

/** A series' look: the colour of its area and of the lines of its pattern, on light and on dark. */
type Look = { light: [area: string, lines: string]; dark: [area: string, lines: string] };

// Dark and light areas take turns, and each has a pattern of its own: neighbours in a stack differ in
// lightness and all of them in pattern, so that no reader depends on hue.
const LOOKS: readonly Look[] = [
  { light: ["#1d4e94", "#1d4e94"], dark: ["#4c8fe0", "#4c8fe0"] },
  { light: ["#f6c15c", "#8a5200"], dark: ["#ffdd96", "#8f5f0c"] },
  { light: ["#0f7a66", "#a9e5d8"], dark: ["#1f9c84", "#c4f4e9"] },
  { light: ["#f3a8c7", "#a01457"], dark: ["#f9bcd6", "#a3185c"] },
  { light: ["#59606b", "#d5dae1"], dark: ["#7d8694", "#e3e8ee"] },
  { light: ["#9fd4f5", "#0b5e91"], dark: ["#b5e0fb", "#0d6396"] },
  { light: ["#6b3fa8", "#dcc8f7"], dark: ["#9a6fdb", "#ecdfff"] },
  { light: ["#cbd879", "#586a00"], dark: ["#dcea90", "#5f7300"] },
];

/** The patterns' lines within a tile of 6 × 6 pixels; the first series is plain. */
const PATTERNS = [
  "",
  "M-1 1l2-2M0 6l6-6M5 7l2-2",
  "M0 3h6",
  "M1.5 1.5h1v1h-1zM4.5 4.5h1v1h-1z",
  "M-1 5l2 2M0 0l6 6M5-1l2 2",
  "M3 0v6",
  "M0 0l6 6M0 6l6-6",
  "M0 3h6M3 0v6",
];

/** How many series can be told apart. */
export const MAX_SERIES = LOOKS.length;

/** What a series is filled with. */
export const fillOf = (series: number): string => `url(#edgeloom-fill-${series % MAX_SERIES})`;

/** The patterns of the first `count` series. */
export function patterns(count: number): Markup {
  const tile = markup`width="6" height="6"`;
  return markup`<defs>${
    PATTERNS.slice(0, count).map((lines, index) => [
      markup`<pattern id="edgeloom-fill-${index}" patternUnits="userSpaceOnUse" ${tile}>`,
      markup`<rect class="area-${index}" ${tile}/><path class="lines-${index}" d="${lines}"/></pattern>`,
    ])
  }</defs>`;
}

/** The style rules of a chart with `count` series. */
export const seriesRules = (count: number): StyleRule[] => [
  { selector: "pattern path", always: "fill:none;stroke-width:1.25" },
  ...LOOKS.slice(0, count).flatMap(({ light, dark }, index) => [
    { selector: `.area-${index}`, light: `fill:${light[0]}`, dark: `fill:${dark[0]}` },
    { selector: `.lines-${index}`, light: `stroke:${light[1]}`, dark: `stroke:${dark[1]}` },
  ]),
];
