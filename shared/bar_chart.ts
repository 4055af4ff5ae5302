import { checkTable, foldSmallest, sum, totalsOf } from "@shared/chart_data.ts";
import { numberFormat } from "@shared/chart_numbers.ts";
import { LABELS_HEIGHT, plot, PLOT_HEIGHT } from "@shared/chart_plot.ts";
import { fillOf, patterns, seriesRules } from "@shared/chart_style.ts";
import { labelTicks } from "@shared/chart_ticks.ts";
import { describeTime, type TimeBucket, timeTicks } from "@shared/chart_time.ts";
import { PADDING, picture } from "@shared/picture.ts";
import { header, HEADER_HEIGHT } from "@shared/picture_header.ts";
import { legend, MARK_SIZE } from "@shared/picture_legend.ts";
import { markup, placed, text } from "@shared/svg.ts";

/** A bar: the time that it begins at, or a name, and its values in the order of the series. */
export type Bar = { at: Date | string; values: readonly number[] };

/** What a bar chart shows. Texts may hold anything. */
export type BarChart = {
  title: string;
  /** A line below the title: the range, the filters. */
  subtitle?: string;
  /** What the values count: "actions". Stands above their axis and by the grand total. */
  unit: string;
  /** From the bottom of a bar to its top. Of more than 8 the smallest are shown as "others". */
  series: readonly string[];
  /** From left to right; times are shown in UTC. */
  bars: readonly Bar[];
  /** How much time a bar stands for; a day unless told. */
  bucket?: TimeBucket;
  /** How values are written, `{ style: "currency", currency: "USD" }`; as plain numbers unless told. */
  format?: Intl.NumberFormatOptions;
};

const NOTHING = "Nothing in this time";
const WIDTH = 960;
const INNER_WIDTH = WIDTH - 2 * PADDING;
const CENTRE = { x: INNER_WIDTH / 2, y: PLOT_HEIGHT / 2 };
const LEGEND_TOP = PADDING + HEADER_HEIGHT + 18;

/**
 * A stacked bar chart as an SVG document of its own: axes, a legend with each series' total, the grand
 * total, light and dark as the reader prefers. Series differ in lightness and pattern too, not in
 * colour alone. 960 pixels wide, as high as its legend needs.
 *
 * @throws {RangeError} where a bar's values don't match the series, or one is negative or not finite
 *
 * @example
 * ```ts
 * barChart({
 *   title: "Cost by day",
 *   unit: "US dollars",
 *   series: ["small model", "large model"],
 *   bars: [{ at: new Date("2026-11-20"), values: [1.25, 0.5] }],
 *   format: { style: "currency", currency: "USD" },
 * }); // <svg …
 * ```
 */
export function barChart(chart: BarChart): string {
  const { title, subtitle = "", unit, bars, bucket = "day" } = chart;
  const rows = bars.map(({ values }) => values);
  const table = foldSmallest(checkTable({ series: chart.series, rows }));
  const { whole, short } = numberFormat(chart.format);
  const totals = totalsOf(table);
  const total = whole(sum(totals));
  const names = bars.map(({ at }) => typeof at === "string" ? at : describeTime(at, bucket));
  const starts = bars.flatMap(({ at }) => typeof at === "string" ? [] : [at]);
  const tell = (values: readonly number[]) =>
    table.series.map((name, index) => `${name} ${whole(values[index] ?? 0)}`);

  const isTimed = starts.length === bars.length;
  const keys = legend(
    table.series.map((name, index) => ({
      mark: swatch(index),
      name,
      total: whole(totals[index] ?? 0),
    })),
    INNER_WIDTH,
  );
  const drawn = plot(table, {
    ticksAt: (step) => isTimed ? timeTicks(starts, bucket, step) : labelTicks(names, step),
    level: short,
    hint: (index) => [names[index] ?? "", ...tell(table.rows[index] ?? [])].join("\n"),
  }, INNER_WIDTH);
  const isEmpty = totals.every((value) => value === 0);
  const range = bars.length > 0 ? `${names[0]} to ${names.at(-1)}` : "no time";
  const summary = isEmpty
    ? `${NOTHING}: ${range}`
    : `${range}: ${total} ${unit} in total, ${tell(totals).join(", ")}`;

  const plotTop = LEGEND_TOP + keys.height + 34;
  const height = plotTop + PLOT_HEIGHT + LABELS_HEIGHT + PADDING;
  const figure = { value: total, caption: `${unit} in total` };
  return picture({
    title,
    summary,
    width: WIDTH,
    height,
    rules: seriesRules(table.series.length),
    definitions: patterns(table.series.length),
    content: [
      placed(PADDING, PADDING, header({ title, subtitle, figure }, INNER_WIDTH)),
      placed(PADDING, LEGEND_TOP, keys.content),
      placed(PADDING, plotTop, [
        text(isTimed ? `${unit} per ${bucket}` : unit, { y: -16, size: 12 }),
        drawn,
        isEmpty ? text(NOTHING, { ...CENTRE, size: 18, anchor: "middle", kind: "ink" }) : "",
      ]),
    ],
  });
}

const swatch = (series: number) =>
  markup`<rect width="${MARK_SIZE}" height="${MARK_SIZE}" rx="2" fill="${fillOf(series)}"/>`;
