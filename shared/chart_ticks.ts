import { fitText, textWidth } from "@shared/svg_text.ts";

/** A label below the axis at the bar of this index; `context` is what it is a part of: a day, a month. */
export type Tick = { index: number; label: string; context: string };

/** The font size of the labels along the axes. */
export const TICK_SIZE = 12;

/** The least space between two labels, in pixels. */
const GAP = 10;
/** Room that a name gets even where bars are closer. */
const MIN_NAME = 48;

const centredApart = (a: string, b: string, distance: number) =>
  distance >= (textWidth(a, TICK_SIZE) + textWidth(b, TICK_SIZE)) / 2 + GAP;

/** Whether no two labels touch where bars are `step` pixels apart. */
export const areApart = (ticks: readonly Tick[], step: number): boolean =>
  ticks.every(({ index, label }, i) => {
    const next = ticks[i + 1];
    return !next || centredApart(label, next.label, (next.index - index) * step);
  });

/** The contexts worth a line of their own: where each begins, and no two that touch. */
export function contextTicks(ticks: readonly Tick[], step: number): Tick[] {
  const begins = ticks.filter(({ context }, i) => context && context !== ticks[i - 1]?.context);
  // The first context is often the rest of one: it gives way to the next, which is whole.
  return begins.reduceRight<Tick[]>((kept, tick) => {
    const [next] = kept;
    const fits = !next ||
      centredApart(tick.context, next.context, (next.index - tick.index) * step);
    return fits ? [tick, ...kept] : kept;
  }, []);
}

/** Ticks for bars that are named, not timed: each, cut to its room, or each n-th where there is none. */
export function labelTicks(labels: readonly string[], step: number): Tick[] {
  const all = labels.map((label, index) => ({
    index,
    label: fitText(label, Math.max(step - GAP, MIN_NAME), TICK_SIZE),
    context: "",
  }));
  let every = 1;
  let ticks = all;
  while (!areApart(ticks, step)) {
    every++;
    ticks = all.filter(({ index }) => index % every === 0);
  }
  return ticks;
}
