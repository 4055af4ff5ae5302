import { storableText } from "@shared/json.ts";
import type { LoggedEvent } from "./claim.ts";
import type { DagsterEvent } from "./queries.ts";

/** Transitions worth keeping; what else Dagster notes of itself is for its own log. */
const TRANSITIONS: readonly string[] = [
  "RUN_ENQUEUED",
  "RUN_DEQUEUED",
  "RUN_STARTING",
  "RUN_START",
  "RUN_SUCCESS",
  "RUN_FAILURE",
  "RUN_CANCELING",
  "RUN_CANCELED",
  "STEP_START",
  "STEP_SUCCESS",
  "STEP_FAILURE",
  "STEP_UP_FOR_RETRY",
  "STEP_RESTARTED",
  "STEP_SKIPPED",
  "RESOURCE_INIT_FAILURE",
];

const SERIOUS: readonly string[] = ["WARNING", "ERROR", "CRITICAL"];

const MAX_LENGTH = 4000;

/** What of Dagster's log enters the run's: transitions, what ops log, and whatever is serious. */
export function toLogged(events: readonly DagsterEvent[]): LoggedEvent[] {
  return events.filter(isKept).map((event) => ({
    op: event.stepKey ?? null,
    message: clean(event.message || eventName(event)),
    data: {
      source: "dagster",
      event: eventName(event),
      level: event.level,
      at: toTime(event.timestamp),
    },
  }));
}

/** Ops that Dagster has given up, with why. */
export function toFailures(events: readonly DagsterEvent[]): { op: string; message: string }[] {
  return events.flatMap((event) =>
    event.eventType === "STEP_FAILURE" && event.stepKey
      ? [{ op: event.stepKey, message: `Dagster gave the op up: ${clean(cause(event))}` }]
      : []
  );
}

/** Why a run failed as a whole, by its own last word; undefined where that is not among these. */
export function failureOf(events: readonly DagsterEvent[]): string | undefined {
  const last = events.findLast(({ eventType }) => eventType === "RUN_FAILURE");
  return last && clean(cause(last));
}

/** A user's own log line has no event type. */
const eventName = ({ eventType }: DagsterEvent) => eventType ?? "LOG";

function isKept(event: DagsterEvent): boolean {
  const name = eventName(event);
  if (name === "LOG") return event.level !== "DEBUG";
  return TRANSITIONS.includes(name) || SERIOUS.includes(event.level);
}

/** The innermost error says most: the outer ones tell which op it was. */
function cause({ error, message }: DagsterEvent): string {
  return error?.causes?.at(-1)?.message ?? error?.message ?? message;
}

const clean = (text: string) => storableText(text.trim().slice(0, MAX_LENGTH));

/** Milliseconds since 1970, in text. */
function toTime(timestamp: string): string {
  const time = new Date(Number(timestamp));
  return Number.isNaN(time.getTime()) ? timestamp : time.toISOString();
}
