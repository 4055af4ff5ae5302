import { Cron } from "croner";

/** When a schedule fires: computed here, with every time zone's changes, and remembered by the database. */
export type Schedule = { expression: string; timezone: string };

export type CatchUp = "none" | "one" | "all";

/** What came of the times from when a schedule was due until now. ISO 8601. */
export type Firing = {
  /** Times to start a run for, the oldest first. */
  times: string[];
  /** Earlier times that were left out; 100 stands for more as well. */
  passed_over: number;
  /** The latest of those, where nothing is started. */
  latest_missed: string | null;
  /** Null when there is none. */
  next_fire_at: string | null;
};

/** Thrown for a schedule that can't be computed: `field` says which half is wrong. */
export class ScheduleError extends Error {
  override name = "ScheduleError";
  constructor(readonly field: "expression" | "timezone", message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** Runs that a catch-up starts at most, and the count of missed times beyond which we stop counting. */
export const MAX_CATCH_UP = 100;

/** A time this long past is still on time: the clock that wakes the worker may tick once a minute. */
const GRACE_MS = 60_000;

const FIELDS = /^(@(yearly|annually|monthly|weekly|daily|hourly)|[^\s@]+( +[^\s@]+){4,5})$/i;

function parse({ expression, timezone }: Schedule): Cron {
  requireZone(timezone);
  if (!FIELDS.test(expression)) {
    throw new ScheduleError("expression", "A cron expression has five fields, or six with seconds");
  }
  try {
    return new Cron(expression, { timezone, mode: "5-or-6-parts", paused: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^CronPattern: /, "") : "";
    throw new ScheduleError("expression", `This is no cron expression: ${reason}`, cause);
  }
}

function requireZone(timezone: string): void {
  try {
    // An offset such as +01:00 knows no summer time: only names of zones are taken.
    if (/^[A-Z]/i.test(timezone)) return void new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch { /* Said below. */ }
  throw new ScheduleError("timezone", `There is no time zone ${timezone}: it is an IANA name`);
}

/**
 * The next times after `now`.
 *
 * @throws {ScheduleError} also where there are none at all, as on 31 February
 */
export function nextTimes(schedule: Schedule, count: number, now: Date): string[] {
  const times = parse(schedule).nextRuns(count, now);
  if (times.length === 0) throw new ScheduleError("expression", "This never fires");
  return times.map((time) => time.toISOString());
}

/**
 * What to start for a schedule that was due at `due` (inclusive), by what it wants of missed times.
 *
 * @throws {ScheduleError}
 */
export function planFiring(
  schedule: Schedule & { catch_up: CatchUp },
  due: Date,
  now: Date,
): Firing {
  const cron = parse(schedule);
  const passed = timesBetween(cron, due, now);
  const onTime = passed.filter((time) => time.getTime() >= now.getTime() - GRACE_MS);
  const times = {
    none: onTime,
    one: onTime.length > 0 ? onTime : passed.slice(-1),
    all: passed.slice(-MAX_CATCH_UP),
  }[schedule.catch_up];
  const missed = passed.slice(0, passed.length - times.length);
  return {
    times: times.map((time) => time.toISOString()),
    passed_over: Math.min(missed.length, MAX_CATCH_UP),
    latest_missed: times.length === 0 ? missed.at(-1)?.toISOString() ?? null : null,
    next_fire_at: cron.nextRun(now)?.toISOString() ?? null,
  };
}

/** The times from `from` to `to`, both inclusive, the oldest first; of very many the latest. */
function timesBetween(cron: Cron, from: Date, to: Date): Date[] {
  const found: Date[] = [];
  // The library looks before a time, and counts in whole seconds.
  let before = new Date(Math.floor(to.getTime() / 1000) * 1000 + 1000);
  while (found.length < 2 * MAX_CATCH_UP) {
    const [time] = cron.previousRuns(1, before);
    if (!time || time < from) break;
    found.unshift(time);
    before = time;
  }
  return found;
}
