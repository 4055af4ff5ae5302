import { PADDING, picture } from "@shared/picture.ts";
import { header, HEADER_HEIGHT } from "@shared/picture_header.ts";
import { legend } from "@shared/picture_legend.ts";
import { type Markup, markup, placed, text } from "@shared/svg.ts";
import { BOLD, fitText } from "@shared/svg_text.ts";
import { durationText } from "./durations.ts";
import { badge, BADGE_SIZE, stateRules, STEP_STATES } from "./step_looks.ts";
import { AXIS_SIZE, timeTicks } from "./time_axis.ts";
import { barPatterns, barRules, stepBars } from "./timeline_bars.ts";
import { timelineLegend } from "./timeline_legend.ts";
import { shownSteps } from "./timeline_rows.ts";
import { type TimeScale, timeScale } from "./timeline_scale.ts";
import type { TimedStep, Timeline } from "./timeline_schema.ts";
import { headingOf, hintOf, inWords, remarkOf } from "./timeline_words.ts";

const WIDTH = 1080;
const INNER_WIDTH = WIDTH - 2 * PADDING;
const LEGEND_TOP = PADDING + HEADER_HEIGHT + 18;
const NAME_LEFT = BADGE_SIZE + 8;
const PLOT_LEFT = 252;
const PLOT_RIGHT = INNER_WIDTH - 156;
const AXIS_HEIGHT = 28;
const ROW_HEIGHT = 28;
const NAME_SIZE = 13;
const REMARK_SIZE = 12;

/** A run's timeline as an SVG document: a row a step, time from left to right. */
export function drawTimeline(timeline: Timeline): string {
  const { steps, omitted } = shownSteps(timeline.steps);
  const { title, subtitle, figure } = headingOf(timeline);
  const keys = legend(timelineLegend(timeline), INNER_WIDTH);
  const top = LEGEND_TOP + keys.height + 22;
  const rowsHeight = ROW_HEIGHT * (steps.length + (omitted > 0 ? 1 : 0));
  const scale = timeScale(timeline, PLOT_LEFT, PLOT_RIGHT);
  return picture({
    title,
    summary: `${subtitle}. ${inWords(timeline)}`,
    width: WIDTH,
    height: top + AXIS_HEIGHT + rowsHeight + PADDING,
    rules: [...stateRules(STEP_STATES), ...barRules],
    definitions: barPatterns,
    content: [
      placed(PADDING, PADDING, header({ title, subtitle, figure }, INNER_WIDTH)),
      placed(PADDING, LEGEND_TOP, keys.content),
      placed(PADDING, top, [
        drawAxis(scale, rowsHeight),
        placed(0, AXIS_HEIGHT, [
          drawPath(steps, scale),
          steps.map((step, row) => drawRow(step, row, scale, timeline.observed_at)),
          omitted > 0
            ? text(`and ${omitted} steps that took less`, {
              x: NAME_LEFT,
              y: steps.length * ROW_HEIGHT + 19,
              size: NAME_SIZE,
            })
            : "",
        ]),
      ]),
    ],
  });
}

const middleOf = (row: number) => row * ROW_HEIGHT + ROW_HEIGHT / 2;

function drawAxis({ x, zero, end }: TimeScale, height: number): Markup {
  const at = (time: number) => x(new Date(time).toISOString());
  const ticks = timeTicks(end - zero, at(end) - at(zero));
  return markup`${[
    ticks.map(({ at: offset, label }) => {
      const left = at(zero + offset);
      return [
        markup`<path class="grid" d="M${left} 14V${AXIS_HEIGHT + height}"/>`,
        text(label, { x: left, y: 6, size: AXIS_SIZE, anchor: "middle" }),
      ];
    }),
    markup`<path class="axis" d="M0 ${AXIS_HEIGHT - 4}H${INNER_WIDTH}"/>`,
  ]}`;
}

/** Lines from the end of each step on the critical path to the one that waited for it. */
function drawPath(steps: readonly TimedStep[], { x }: TimeScale): Markup[] {
  const rows = [...steps.entries()].filter(([, { is_critical }]) => is_critical);
  return rows.slice(1).flatMap(([row], index) => {
    const [before, { finished_at }] = rows[index] ?? [0, { finished_at: null }];
    if (finished_at === null) return [];
    const left = x(finished_at);
    return [markup`<path class="critical" d="M${left} ${middleOf(before)}V${middleOf(row)}"/>`];
  });
}

function drawRow(step: TimedStep, row: number, { x }: TimeScale, now: string): Markup {
  const { name, status, is_critical, attempts, duration_ms } = step;
  const middle = middleOf(row);
  const baseline = middle + NAME_SIZE / 2 - 2;
  const room = PLOT_LEFT - NAME_LEFT - 20;
  const remark = remarkOf(step);
  const tries = attempts.length > 1
    ? markup`<tspan class="muted" font-weight="400">${attempts.length} attempts · </tspan>`
    : "";
  return markup`<g><title>${hintOf(step)}</title>${[
    markup`<rect class="hint" y="${
      row * ROW_HEIGHT
    }" width="${INNER_WIDTH}" height="${ROW_HEIGHT}"/>`,
    placed(BADGE_SIZE / 2, middle, badge(status)),
    text(fitText(name.replace(/\s+/g, " "), room / BOLD, NAME_SIZE), {
      x: NAME_LEFT,
      y: baseline,
      size: NAME_SIZE,
      kind: is_critical ? "strong" : "ink",
    }),
    remark ? text(remark, { x: PLOT_LEFT + 6, y: baseline, size: REMARK_SIZE }) : "",
    stepBars(step, x, { middle, now }),
    duration_ms === null ? "" : text([tries, durationText(duration_ms)], {
      x: INNER_WIDTH,
      y: baseline,
      size: NAME_SIZE,
      anchor: "end",
      kind: is_critical ? "strong" : "ink",
    }),
  ]}</g>`;
}
