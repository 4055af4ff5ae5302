import type { LegendEntry } from "@shared/picture_legend.ts";
import { placed } from "@shared/svg.ts";
import { badge, describeState, STEP_STATES } from "./step_looks.ts";
import { bar, criticalFrame, waitingLine } from "./timeline_bars.ts";
import type { Timeline } from "./timeline_schema.ts";

const WIDTH = 28;
const MIDDLE = 8;

/** What the marks of a timeline mean: of those that it has. */
export function timelineLegend({ steps, critical_path }: Timeline): LegendEntry[] {
  const states = STEP_STATES.flatMap((status) => {
    const found = steps.filter((step) => step.status === status);
    if (found.length === 0) return [];
    const mark = placed(MIDDLE, MIDDLE, badge(status));
    return [{ mark, name: describeState(status), total: String(found.length) }];
  });
  const attempts = new Set(steps.flatMap(({ attempts }) => attempts.map(({ status }) => status)));
  const isRetried = steps.some(({ attempts }) => attempts.length > 1);
  const hasWaited = steps.some(({ waiting_ms }) => (waiting_ms ?? 0) > 0);
  const isCritical = critical_path.length > 0;
  const entry = (mark: LegendEntry["mark"], name: string) => ({ mark, markWidth: WIDTH, name });
  return [
    ...states,
    ...(attempts.has("failed") && isRetried
      ? [entry(bar("failed", 0, MIDDLE, WIDTH), "failed attempt")]
      : []),
    ...(hasWaited ? [entry(waitingLine(0, WIDTH, MIDDLE), "waiting")] : []),
    ...(isCritical ? [entry(criticalFrame(2.5, MIDDLE, WIDTH - 5), "critical path")] : []),
  ];
}
