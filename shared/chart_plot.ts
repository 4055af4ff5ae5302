import { type ScaleBand, scaleBand, type ScaleLinear, scaleLinear } from "d3-scale";
import { stack } from "d3-shape";
import { sum, type Table } from "@shared/chart_data.ts";
import { fillOf } from "@shared/chart_style.ts";
import { type Markup, markup, text } from "@shared/svg.ts";
import { textWidth } from "@shared/svg_text.ts";
import { contextTicks, type Tick, TICK_SIZE } from "@shared/chart_ticks.ts";

/** The height of the bars' area, and of the labels below it, in pixels. */
export const PLOT_HEIGHT = 260;
export const LABELS_HEIGHT = 44;

const MAX_BAR_WIDTH = 64;
/** Beside the last bar, so that a label below it stays in the picture. */
const INSET = 14;

type Bars = { x: ScaleBand<number>; y: ScaleLinear<number, number>; table: Table };

/** What the plot needs beside the values. */
export type Labels = {
  /** Below the bars, which are `step` pixels apart. */
  ticksAt(step: number): Tick[];
  /** Of a level of the value axis. */
  level(value: number): string;
  /** What a bar tells when a pointer rests on it. */
  hint(index: number): string;
};

/** The bars with their axes; the top left corner is at 0, 0. */
export function plot(table: Table, labels: Labels, width: number): Markup {
  const largest = Math.max(0, ...table.rows.map(sum));
  const y = scaleLinear([0, largest || 1], [PLOT_HEIGHT, 0]).nice(5);
  const levels = largest === 0 ? [] : levelsOf(table, y);
  const left = 12 +
    Math.max(0, ...levels.map((level) => textWidth(labels.level(level), TICK_SIZE)));
  const x = scaleBand([...table.rows.keys()], [left, width - INSET]);
  x.padding(x.step() < 3 ? 0 : x.step() < 8 ? 0.15 : 0.25);
  const bars = { x, y, table };
  return markup`${[
    levels.map((level) => [
      markup`<path class="grid" d="M${left} ${y(level)}H${width}"/>`,
      text(labels.level(level), { x: left - 10, y: y(level) + 4, size: TICK_SIZE, anchor: "end" }),
    ]),
    drawBars(bars),
    markup`<path class="axis" d="M${left} ${PLOT_HEIGHT}H${width}"/>`,
    drawTicks(bars, labels.ticksAt(x.step())),
    drawHints(bars, labels),
  ]}`;
}

/** Round values to draw lines at; things that are counted have no halves. */
function levelsOf({ rows }: Table, y: ScaleLinear<number, number>): number[] {
  const isCount = rows.every((row) => row.every(Number.isInteger));
  return y.ticks(5).filter((level) => !isCount || Number.isInteger(level));
}

const centre = ({ x }: Bars, index: number) => (x(index) ?? 0) + x.bandwidth() / 2;

function drawBars(bars: Bars): Markup[] {
  const { x, y, table: { series, rows } } = bars;
  const width = Math.min(x.bandwidth(), MAX_BAR_WIDTH);
  const stacks = stack<readonly number[], number>()
    .keys(series.keys())
    .value((row, key) => row[key] ?? 0)(rows);
  return stacks.map((segments, index) => {
    const shapes = segments.map(([from, to], bar) => {
      if (to === from) return "";
      const bottom = y(from);
      // A line of paper parts what is stacked, and what is too low to be seen is drawn as one pixel.
      const gap = bottom - y(to) > 3 ? 1 : 0;
      const top = Math.min(y(to), bottom - 1);
      const left = centre(bars, bar) - width / 2;
      return markup`M${left} ${top}h${width}V${bottom - gap}h${-width}z`;
    });
    return markup`<path fill="${fillOf(index)}" d="${shapes}"/>`;
  });
}

function drawTicks(bars: Bars, ticks: readonly Tick[]): Markup[] {
  const below = { size: TICK_SIZE, anchor: "middle" } as const;
  return [
    ...ticks.flatMap(({ index, label }) => [
      markup`<path class="axis" d="M${centre(bars, index)} ${PLOT_HEIGHT}v5"/>`,
      text(label, { ...below, x: centre(bars, index), y: PLOT_HEIGHT + 20 }),
    ]),
    ...contextTicks(ticks, bars.x.step()).map(({ index, context }) =>
      text(context, { ...below, x: centre(bars, index), y: PLOT_HEIGHT + 38, kind: "ink" })
    ),
  ];
}

function drawHints(bars: Bars, { hint }: Labels): Markup[] {
  const width = bars.x.step();
  return [...bars.table.rows.keys()].map((index) => {
    const left = centre(bars, index) - width / 2;
    return markup`<rect class="hint" x="${left}" width="${width}" height="${PLOT_HEIGHT}"><title>${
      hint(index)
    }</title></rect>`;
  });
}
