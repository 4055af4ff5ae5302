const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds in words, as exactly as a reader wants to know: "340 ms", "2.5 s", "3 min 5 s", "2 h". */
export function durationText(milliseconds: number): string {
  if (milliseconds < SECOND) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / SECOND;
  // 59.96 s would be rounded to a minute that is none.
  if (seconds < 59.95) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 1))} s`;
  if (milliseconds < HOUR - SECOND / 2) return pair(milliseconds, MINUTE, "min", SECOND, "s");
  if (milliseconds < DAY - MINUTE / 2) return pair(milliseconds, HOUR, "h", MINUTE, "min");
  return pair(milliseconds, DAY, "d", HOUR, "h");
}

function pair(time: number, large: number, largeName: string, small: number, smallName: string) {
  const units = Math.round(time / small);
  const perLarge = large / small;
  const [whole, rest] = [Math.floor(units / perLarge), units % perLarge];
  return rest === 0 ? `${whole} ${largeName}` : `${whole} ${largeName} ${rest} ${smallName}`;
}
