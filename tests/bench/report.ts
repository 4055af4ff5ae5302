import { type Comparison, quantile } from "./measure.ts";

/** One line of the final table. A figure with a goal gets a verdict. */
export type Figure = {
  name: string;
  base?: string;
  measured: string;
  ratio?: number;
  /** The highest ratio that is good enough. */
  goal?: number;
  /** The lowest one: a goal of throughput, where more is better. */
  atLeast?: number;
};

/** `12.3` */
export const decimals = (value: number, digits = 1): string => value.toFixed(digits);

/** `p50 1.2 ms, p95 3.4 ms` */
export const times = (ms: readonly number[], digits = 1): string =>
  `p50 ${decimals(quantile(ms, 0.5), digits)} ms, p95 ${decimals(quantile(ms, 0.95), digits)} ms`;

/** A comparison as a figure, with or without a goal; `digits` of the times. */
export function comparisonFigure(
  name: string,
  comparison: Comparison,
  goal?: number,
  digits?: number,
): Figure {
  const { base, subject, ratio, spread: [low, high] } = comparison;
  return {
    name: `${name} (rounds ${decimals(low, 2)} to ${decimals(high, 2)})`,
    base: times(base, digits),
    measured: times(subject, digits),
    ratio,
    ...(goal === undefined ? {} : { goal }),
  };
}

/** The figures as an aligned Markdown table. */
export function markdownTable(figures: readonly Figure[]): string {
  const head = ["Figure", "Base", "Measured", "Ratio", "Goal", "Verdict"];
  const rows = [head, ...figures.map(cells)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...rows.slice(1).map(line)].join("\n");
}

function cells({ name, base = "", measured, ratio, goal, atLeast }: Figure): string[] {
  const hasGoal = goal !== undefined || atLeast !== undefined;
  const isMet = ratio !== undefined && ratio <= (goal ?? Infinity) && ratio >= (atLeast ?? 0);
  return [
    name,
    base,
    measured,
    ratio === undefined ? "" : decimals(ratio, 2),
    goal !== undefined ? `≤ ${goal}` : atLeast !== undefined ? `≥ ${atLeast}` : "",
    ratio === undefined || !hasGoal ? "" : isMet ? "met" : "missed",
  ];
}
