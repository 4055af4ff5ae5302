/** From here on digits are too many to be read. */
const HUGE = 1e15;

/** How a chart's values are written: whole on their own, short along the axis. */
export type NumberFormat = { whole(value: number): string; short(value: number): string };

/** Formats in the style that the options ask for: `{ style: "currency", currency: "USD" }` …; a plain number by default. */
export function numberFormat(options: Intl.NumberFormatOptions = {}): NumberFormat {
  const huge = new Intl.NumberFormat("en", {
    ...options,
    notation: "scientific",
    maximumSignificantDigits: 4,
  });
  const whole = new Intl.NumberFormat("en", options);
  const short = new Intl.NumberFormat("en", {
    ...options,
    notation: "compact",
    maximumSignificantDigits: 3,
  });
  const using = (format: Intl.NumberFormat) => (value: number) =>
    (value < HUGE ? format : huge).format(value);
  return { whole: using(whole), short: using(short) };
}
