import { type Bar, barChart } from "@shared/bar_chart.ts";
import type { Usage } from "./report.ts";

/** What the bars' height stands for. */
export type Measure = "cost" | "tokens" | "calls";

type Group = Usage["data"][number];

const DAY = 86_400_000;
const MAX_BARS = 12;
const { format: formatDay } = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeZone: "UTC",
});

const UNITS: Record<Measure, string> = { cost: "US dollars", tokens: "tokens", calls: "calls" };
const valueOf = (group: Group, measure: Measure): number =>
  measure === "tokens" ? group.input_tokens + group.output_tokens : group[measure];

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

const modelOf = ({ provider, model }: Group) => `${provider}/${model}`;

/** What a bar stands for. Two of the same name that are not the same each have their own. */
function subjectOf(group: Group, groupBy: Usage["group_by"]): string {
  if (groupBy === "model") return modelOf(group);
  return group.day ?? group.user_id ?? group.assistant_id ?? group.api_key_id ?? "none";
}

/**
 * Usage as an SVG document: a bar a group, each stacked by model.
 *
 * @param usage read `by_model`, unless grouped by it
 * @param measure cost unless told; of calls without any cost, tokens
 */
export function drawUsage(usage: Usage, named?: Measure): string {
  const { group_by, data, totals } = usage;
  const measure = named ?? (totals.cost === 0 ? "tokens" : "cost");
  const unit = UNITS[measure];
  const seriesOf = (group: Group) => group_by === "model" ? unit : modelOf(group);
  const found = [...new Set(data.map(seriesOf))].sort();
  const series = found.length > 0 ? found : [unit];
  const stack = (groups: readonly Group[] = []) => {
    const values = new Map(groups.map((group) => [seriesOf(group), valueOf(group, measure)]));
    return series.map((name) => values.get(name) ?? 0);
  };
  const bySubject = Map.groupBy(data, (group) => subjectOf(group, group_by));
  const bars = group_by === "day"
    ? days(usage).map((day) => ({ at: new Date(day), values: stack(bySubject.get(day)) }))
    : ranked([...bySubject].map(([subject, groups]) => ({
      at: groups[0]?.name ?? subject.slice(0, group_by === "model" ? undefined : 8),
      values: stack(groups),
    })));
  const shown = bars.slice(0, group_by === "day" ? undefined : MAX_BARS);
  const notes = [
    `${formatDay(new Date(usage.from))} to ${formatDay(new Date(Date.parse(usage.to) - 1))} UTC`,
    ...(shown.length < bars.length ? [`the ${MAX_BARS} with most, of ${bars.length}`] : []),
    ...(measure === "cost" && totals.unpriced_calls > 0
      ? [`without ${plural(totals.unpriced_calls, "call")} whose model has no price`]
      : []),
  ];
  return barChart({
    title: `Model usage by ${group_by}`,
    subtitle: notes.join(" · "),
    unit,
    series,
    bars: shown,
    format: measure === "cost"
      ? { style: "currency", currency: "USD", maximumFractionDigits: 4 }
      : undefined,
  });
}

/** Every day of the range, also those without a call. */
function days({ from, to }: Usage): string[] {
  const first = new Date(from).setUTCHours(0, 0, 0, 0);
  const count = Math.ceil((Date.parse(to) - first) / DAY);
  return Array.from(
    { length: count },
    (_, index) => new Date(first + index * DAY).toISOString().slice(0, 10),
  );
}

const total = ({ values }: Bar) => values.reduce((sum, value) => sum + value, 0);

/** Those that have most first. */
const ranked = (bars: Bar[]): Bar[] => bars.sort((a, b) => total(b) - total(a));
