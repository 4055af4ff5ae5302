/**
 * JavaScript that runs inside QuickJS before the author's code: an expression whose value is
 * `(now, seedWords) => {parse, stringify}`.
 *
 * It replaces the clock and the dice by seeded ones, in UTC, so that a step repeats exactly on any
 * machine. It hands out JSON.parse and JSON.stringify as they were before the author could replace
 * them.
 *
 * It also wraps the built-ins that loop in C without asking the interrupt handler: over a sparse
 * array of length 2^32-1, over an array-like with a made-up length, or in a quadratic text search,
 * they would outlive the deadline. The wrappers bound the length first.
 */
export const PRELUDE = String.raw`((now, seedWords) => {
  "use strict";
  const { apply, construct, defineProperty, ownKeys } = Reflect;
  const { isArray, from } = Array;
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

  // The loops that nobody could interrupt.
  const LENGTH = 2 ** 25, WORK = 2 ** 30;
  const changing = ["copyWithin", "fill", "reverse", "shift", "sort", "splice", "unshift"];
  const loopless = ["at", "constructor", "entries", "flat", "keys", "pop", "push", "values"];
  const tooLong = () => new RangeError("the array is longer than this sandbox walks (" + LENGTH + ")");
  const wrap = (target, name, guard) => {
    const native = target[name];
    if (typeof native !== "function") return;
    const wrapper = { [name](...args) { return apply(native, guard(this, args), args); } }[name];
    defineProperty(wrapper, "length", { value: native.length });
    hide(target, name, wrapper);
  };
  const flatten = (list, depth, out) => {
    for (const item of list) {
      if (depth >= 1 && isArray(item)) flatten(item, depth - 1, out);
      else out.push(item);
    }
    return out;
  };
  const arrays = Array.prototype;
  hide(arrays, "flat", { flat(depth = 1) { return flatten(this, Number(depth), []); } }.flat);
  for (const name of ownKeys(arrays)) {
    if (loopless.includes(name)) continue;
    if (typeof name !== "string") continue;
    const changes = changing.includes(name);
    wrap(arrays, name, (self, args) => {
      if (isArray(self)) {
        if (self.length > LENGTH) throw tooLong();
      } else if (changes) {
        throw new TypeError("Array.prototype." + name + " works on arrays only in this sandbox");
      }
      if (name === "concat") {
        for (const item of args) if (isArray(item) && item.length > LENGTH) throw tooLong();
      }
      return isArray(self) ? self : from(self);
    });
  }
  for (const name of ["includes", "indexOf", "lastIndexOf", "replace", "replaceAll", "split"]) {
    wrap(String.prototype, name, (self, args) => {
      if (typeof args[0] === "string" && args[0].length * String(self).length > WORK) {
        throw new RangeError("the search is longer than this sandbox allows");
      }
      return self;
    });
  }
  return { parse, stringify };
})`;
