import type { Header } from "@shared/picture_header.ts";
import { durationText } from "./durations.ts";
import { describeState } from "./step_looks.ts";
import type { TimedStep, Timeline } from "./timeline_schema.ts";

const dateFormat = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
  timeZone: "UTC",
});

const dateText = (time: string) => `${dateFormat.format(new Date(time))} UTC`;

/** As many steps of the critical path are told by name. */
const MAX_NAMED = 12;

/** What stands above a timeline. */
export function headingOf(timeline: Timeline): Header {
  const { name, run_id, status, queued_at, started_at, observed_at, duration_ms } = timeline;
  const queued = Date.parse(started_at ?? observed_at) - Date.parse(queued_at);
  const isOver = timeline.finished_at !== null;
  const when = started_at === null
    ? `queued ${dateText(queued_at)}, not started`
    : `started ${dateText(started_at)} after ${durationText(queued)} in the queue`;
  return {
    title: name,
    subtitle: `${status}, ${when} · run ${run_id}`,
    figure: duration_ms === null
      ? {
        value: durationText(queued),
        caption: isOver ? "in the queue" : "in the queue so far",
      }
      : {
        value: durationText(duration_ms),
        caption: isOver ? "from start to end" : "so far",
      },
  };
}

/** The run in words, for readers who can't see the picture. */
export function inWords({ steps, critical_path }: Timeline): string {
  const names = new Map(steps.map(({ step_id, name }) => [step_id, name]));
  const counts = Map.groupBy(steps, ({ status }) => status);
  const states = [...counts].map(([status, found]) => `${found.length} ${describeState(status)}`);
  const path = critical_path.slice(0, MAX_NAMED).map((id) => names.get(id));
  const rest = critical_path.length - path.length;
  const named = [...path, ...(rest > 0 ? [`${rest} more`] : [])].join(" → ");
  return `Steps: ${states.join(", ")}.${named ? ` Critical path: ${named}.` : ""}`;
}

/** What is written where a step has no bars. */
export function remarkOf({ status, attempts, is_reused }: TimedStep): string {
  if (is_reused) return "reused: its output is an earlier run's";
  return attempts.length > 0 || status === "ready" ? "" : describeState(status);
}

/** What a row tells when a pointer rests on it. */
export function hintOf(step: TimedStep): string {
  const { name, status, attempts, waiting_ms, duration_ms, is_critical } = step;
  return [
    name,
    remarkOf(step) || describeState(status),
    ...(waiting_ms ? [`waited ${durationText(waiting_ms)}`] : []),
    ...(duration_ms === null ? [] : [`took ${durationText(duration_ms)}`]),
    ...attempts.map(({ attempt, status, duration_ms, message }) =>
      `attempt ${attempt}: ${status} after ${durationText(duration_ms)}${
        message ? `, ${message}` : ""
      }`
    ),
    ...(is_critical ? ["on the critical path"] : []),
  ].join("\n");
}
