/**
 * JavaScript that runs inside QuickJS before the author's code: an expression whose value is
 * `(now, seedWords) => {parse, stringify}`.
 *
 * It replaces the clock and the dice by seeded ones, in UTC, so that a step repeats exactly on any
 * machine. It hands out JSON.parse and JSON.stringify as they were before the author could replace
 * them.
 */
export const PRELUDE = String.raw`((now, seedWords) => {
  "use strict";
  const { construct, defineProperty, ownKeys } = Reflect;
  const { parse, stringify } = JSON;
  const hide = (target, name, value) =>
    defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });

  // The clock.
  const RealDate = Date;
  const realParse = Date.parse, utc = Date.UTC;
  const parseUtc = (text) => {
    const zoned = realParse(text + "Z");
    return zoned === zoned ? zoned : realParse(text);
  };
  function SeededDate(...parts) {
    if (new.target === undefined) return new RealDate(now).toString();
    let time = now;
    if (parts.length === 1) time = typeof parts[0] === "string" ? parseUtc(parts[0]) : parts[0];
    if (parts.length > 1) time = utc(...parts);
    return construct(RealDate, [time], new.target);
  }
  hide(SeededDate, "name", "Date");
  hide(SeededDate, "now", () => now);
  hide(SeededDate, "parse", (text) => parseUtc(String(text)));
  hide(SeededDate, "UTC", utc);
  const dates = RealDate.prototype;
  defineProperty(SeededDate, "prototype", { value: dates, writable: false });
  hide(dates, "constructor", SeededDate);
  hide(dates, "getTimezoneOffset", () => 0);
  for (const name of ownKeys(dates)) {
    if (typeof name !== "string") continue;
    const local = name.replace("UTC", "");
    if (local !== name && local in dates) hide(dates, local, dates[name]);
  }
  for (const name of ["toString", "toLocaleString"]) hide(dates, name, dates.toUTCString);
  hide(globalThis, "Date", SeededDate);

  // The dice: sfc32.
  let [a, b, c, counter] = seedWords;
  const random = () => {
    const t = (a + b | 0) + counter | 0;
    counter = counter + 1 | 0;
    a = b ^ b >>> 9;
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + t | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) random();
  hide(Math, "random", random);

  return { parse, stringify };
})`;
