import type { Drawing } from "./geometry.ts";

/** Where a drawing is cut, and the lines that cross it, from the top down. */
export type Cut = { x: number; crossing: string[] };

/** Up to here a drawing fits a page. */
const PAGE_WIDTH = 1800;
/** How wide a folded drawing is for its height. */
const ASPECT = 1.6;
/** What a band takes beside its own height. */
const BAND_GAP = 46;
/** More lines than this make the way around harder to follow than a wide picture. */
const MAX_CROSSING = 5;
/** How far a cut may be from where bands would be of one width, as a part of that width. */
const TOLERANCE = 0.3;
/** A cut is right before a layer: labels before it stay where they come from. */
export const BEFORE_LAYER = 16;

/** Where to fold a drawing that is much wider than high; nowhere if it is fine as it is. */
export function bandsOf({ width, height, nodes, edges }: Drawing): Cut[] {
  const count = Math.round(Math.sqrt(width / (ASPECT * (height + BAND_GAP))));
  if (width <= PAGE_WIDTH || count < 2) return [];
  const lines = [...edges].map(([key, { legs }]) => {
    const points = legs.flatMap(({ points }) => points);
    return { key, points, from: points[0]?.x ?? 0, to: points.at(-1)?.x ?? 0 };
  });
  const layers = [...new Set([...nodes.values()].map(({ x }) => x))].sort((a, b) => a - b);
  const candidates = layers.slice(1).map((left) => {
    const x = left - BEFORE_LAYER;
    const crossing = lines.filter(({ from, to }) => from < x && to > x)
      .map(({ key, points }) => ({ key, y: points.findLast((point) => point.x <= x)?.y ?? 0 }))
      .sort((a, b) => a.y - b.y).map(({ key }) => key);
    return { x, crossing };
  });
  const bandWidth = width / count;
  const cuts = Array.from({ length: count - 1 }, (_, index) => {
    const ideal = bandWidth * (index + 1);
    const near = candidates.filter(({ x }) => Math.abs(x - ideal) < bandWidth * TOLERANCE);
    const cost = ({ x, crossing }: Cut) => crossing.length + Math.abs(x - ideal) / bandWidth;
    return near.sort((a, b) => cost(a) - cost(b))[0];
  }).filter((cut) => cut !== undefined);
  const isFine = cuts.length === count - 1 &&
    cuts.every(({ crossing }) => crossing.length <= MAX_CROSSING);
  return isFine ? cuts : [];
}
