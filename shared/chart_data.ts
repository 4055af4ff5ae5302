import { MAX_SERIES } from "@shared/chart_style.ts";

/** Values by bar: each row holds one of each series. */
export type Table = { series: readonly string[]; rows: readonly (readonly number[])[] };

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** What each series adds up to. */
export const totalsOf = ({ series, rows }: Table): number[] =>
  series.map((_, index) => sum(rows.map((row) => row[index] ?? 0)));

/**
 * The table, held to what a stack of bars can show.
 *
 * @throws {RangeError} where a row is not as long as the series, or a value is negative or no number
 */
export function checkTable(table: Table): Table {
  for (const row of table.rows) {
    if (row.length !== table.series.length) {
      throw new RangeError(`A row of ${row.length} values for ${table.series.length} series`);
    }
    const wrong = row.find((value) => !(value >= 0));
    if (wrong !== undefined) throw new RangeError(`${wrong} can't be stacked`);
  }
  if (!Number.isFinite(sum(totalsOf(table)))) {
    throw new RangeError("The values add up to no number");
  }
  return table;
}

/** The table with its smallest series put together, where there are more than can be told apart. */
export function foldSmallest(table: Table): Table {
  const { series, rows } = table;
  if (series.length <= MAX_SERIES) return table;
  const totals = totalsOf(table);
  const largest = [...series.keys()]
    .sort((a, b) => (totals[b] ?? 0) - (totals[a] ?? 0))
    .slice(0, MAX_SERIES - 1);
  const kept = new Set(largest);
  const isKept = (_: unknown, index: number) => kept.has(index);
  return {
    series: [...series.filter(isKept), `${series.length - kept.size} others`],
    rows: rows.map((row) => [
      ...row.filter(isKept),
      sum(row.filter((_, index) => !kept.has(index))),
    ]),
  };
}
