import { barChart } from "@shared/bar_chart.ts";
import { actionTypeSchema } from "./schemas.ts";
import type { AuditStats } from "./stats.ts";

const { format: formatTime } = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});

/** Actions over time, as an SVG document. */
export function drawStats({ bucket, from, to, buckets }: AuditStats): string {
  const series = actionTypeSchema.options;
  return barChart({
    title: "Audit log",
    subtitle: `${formatTime(new Date(from))} to ${formatTime(new Date(to))} UTC`,
    unit: "actions",
    series,
    bucket,
    bars: buckets.map(({ start, ...counts }) => ({
      at: new Date(start),
      values: series.map((action) => counts[action]),
    })),
  });
}
