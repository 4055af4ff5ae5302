import { areApart, type Tick } from "@shared/chart_ticks.ts";

/** How much time a bar stands for. */
export type TimeBucket = "hour" | "day" | "week";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Weeks are counted from a Monday, so that labels stay where they are while time goes on. */
const FIRST_MONDAY = Date.UTC(1970, 0, 5);

const formatter = (options: Intl.DateTimeFormatOptions) => {
  const { format } = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
  return (time: Date) => format(time);
};
const clock = formatter({ hour: "2-digit", minute: "2-digit" });
const dayOfMonth = formatter({ day: "numeric" });
const dayAndMonth = formatter({ day: "numeric", month: "short" });
const weekday = formatter({ weekday: "short", day: "numeric", month: "short" });
const month = formatter({ month: "short" });
const monthAndYear = formatter({ month: "short", year: "numeric" });
const year = formatter({ year: "numeric" });
const date = formatter({ weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** A way to label an axis: at which times, with what, as a part of what. */
type Step = {
  fits: (time: Date) => boolean;
  label: (time: Date) => string;
  context: (time: Date) => string;
};

const everyHours = (hours: number): Step => ({
  fits: (time) => (time.getTime() / HOUR) % hours === 0,
  label: clock,
  context: weekday,
});
const everyDays = (days: number): Step => ({
  fits: (time) => ((time.getTime() - FIRST_MONDAY) / DAY) % days === 0,
  label: dayOfMonth,
  context: monthAndYear,
});
const everyWeeks = (weeks: number): Step => ({
  fits: (time) => ((time.getTime() - FIRST_MONDAY) / (7 * DAY)) % weeks === 0,
  label: dayAndMonth,
  context: year,
});
const everyMonths = (months: number): Step => ({
  fits: (time) =>
    time.getTime() % DAY === 0 && time.getUTCDate() === 1 && time.getUTCMonth() % months === 0,
  label: month,
  context: year,
});

const DAYS = [everyDays(1), everyDays(2), everyDays(7), everyDays(14)];
const MONTHS = [everyMonths(1), everyMonths(3), everyMonths(6), everyMonths(12)];
const STEPS: Record<TimeBucket, readonly Step[]> = {
  hour: [...[1, 2, 3, 6, 12].map(everyHours), ...DAYS, ...MONTHS],
  day: [...DAYS, ...MONTHS],
  week: [1, 2, 4, 8, 13, 26, 52, 104, 260, 520].map(everyWeeks),
};

/**
 * The labels of a time axis in UTC: the closest ones that don't touch, at times that people count by.
 * @param starts when each bar begins
 * @param step the pixels from one bar to the next
 */
export function timeTicks(starts: readonly Date[], bucket: TimeBucket, step: number): Tick[] {
  const candidates = STEPS[bucket].map(({ fits, label, context }) =>
    starts.flatMap((time, index) =>
      fits(time) ? [{ index, label: label(time), context: context(time) }] : []
    )
  );
  return candidates.find((ticks) => ticks.length > 0 && areApart(ticks, step)) ??
    starts.slice(0, 1).map((time) => ({ index: 0, label: dayAndMonth(time), context: year(time) }));
}

/** A bar's time in words, in UTC. */
export function describeTime(time: Date, bucket: TimeBucket): string {
  if (bucket === "hour") return `${date(time)}, ${clock(time)} UTC`;
  return bucket === "day" ? date(time) : `Week of ${date(time)}`;
}
