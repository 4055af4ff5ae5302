import { bandsOf, BEFORE_LAYER, type Cut } from "./bands.ts";
import { type Box, type Drawing, type Leg, type Point, shiftBox, shiftPoint } from "./geometry.ts";

/** Between two lines that run side by side from band to band. */
const LANE = 10;
/** Between what a band holds and the first line around it. */
const CLEARANCE = 18;

/** A piece of a drawing from one cut to the next, and how far it moves. */
type Band = { from: number; to: number; top: number; bottom: number; by: Point };

/**
 * A drawing that would be a thin strip, folded like lines of text: bands from left to right, one below
 * the other, with lines that lead from the end of one to the beginning of the next.
 */
export function foldWide(drawing: Drawing): Drawing {
  const cuts = bandsOf(drawing);
  if (cuts.length === 0) return drawing;
  const bands = placeBands(drawing, cuts);
  const bandAt = (x: number) => bands.find(({ to }) => x < to) ?? bands[0];
  const moveBox = (box: Box) => shiftBox(box, bandAt(box.x + box.width / 2)?.by ?? { x: 0, y: 0 });
  const lanes = cuts.map(({ crossing }) => crossing.length);
  const gutter = CLEARANCE + LANE * Math.max(...lanes);
  const right = Math.max(...bands.map(({ to, by }) => to + by.x));
  const last = bands.at(-1);
  return {
    width: right + gutter,
    height: last ? last.bottom + last.by.y : 0,
    nodes: new Map([...drawing.nodes].map(([key, box]) => [key, moveBox(box)])),
    edges: new Map([...drawing.edges].map(([key, { legs, label }]) => [
      key,
      { legs: foldLine(key, legs, cuts, bands), label: moveBox(label) },
    ])),
  };
}

function placeBands({ width, nodes, edges }: Drawing, cuts: readonly Cut[]): Band[] {
  const gutter = CLEARANCE + LANE * Math.max(...cuts.map(({ crossing }) => crossing.length));
  const borders = [-BEFORE_LAYER, ...cuts.map(({ x }) => x), width];
  const boxes = [...nodes.values(), ...[...edges.values()].map(({ label }) => label)];
  const points = [...edges.values()].flatMap(({ legs }) => legs.flatMap(({ points }) => points));
  let y = 0;
  return borders.slice(1).map((to, index) => {
    const from = borders[index] ?? 0;
    const isIn = ({ x }: Point) => x >= from && x <= to;
    const inBand = boxes.filter(isIn);
    const heights = [
      ...inBand.flatMap(({ y, height }) => [y, y + height]),
      ...points.filter(isIn).map(({ y }) => y),
    ];
    const [top, bottom] = [Math.min(...heights), Math.max(...heights)];
    const band = { from, to, top, bottom, by: { x: gutter - from, y: y - top } };
    y += bottom - top + 2 * CLEARANCE + LANE * (cuts[index]?.crossing.length ?? 0);
    return band;
  });
}

/** A line in as many legs as it crosses cuts, and the ways around between them. */
function foldLine(
  key: string,
  legs: readonly Leg[],
  cuts: readonly Cut[],
  bands: readonly Band[],
): Leg[] {
  let rest = legs.flatMap(({ points }) => points);
  const folded: Leg[] = [];
  for (const [index, { x, crossing }] of cuts.entries()) {
    const [band, next] = [bands[index], bands[index + 1]];
    const lane = crossing.indexOf(key);
    const split = rest.findIndex((point) => point.x > x);
    const [before, after] = [rest[split - 1], rest[split]];
    if (!band || !next || lane < 0 || !before || !after) continue;
    // Level up to the cut and from it on: what is uneven is evened out on the way around.
    const leaving = { x, y: before.y };
    const arriving = { x, y: after.y };
    folded.push({ shape: "curve", points: move([...rest.slice(0, split), leaving], band) });
    folded.push({
      shape: "corners",
      points: wayAround(leaving, arriving, { band, next, lane, lanes: crossing.length, bands }),
    });
    rest = [arriving, ...rest.slice(split)];
  }
  const home = bands.find(({ to }) => (rest.at(-1)?.x ?? 0) <= to);
  return home ? [...folded, { shape: "curve", points: move(rest, home) }] : folded;
}

const move = (points: readonly Point[], { by }: Band) =>
  points.map((point) => shiftPoint(point, by));

type Way = { band: Band; next: Band; lane: number; lanes: number; bands: readonly Band[] };

/** From a band's end down and back to the next one's beginning. Lines keep their order, so none cross. */
function wayAround(leaving: Point, arriving: Point, way: Way): Point[] {
  const { band, next, lane, lanes, bands } = way;
  const start = shiftPoint(leaving, band.by);
  const end = shiftPoint(arriving, next.by);
  const outer = lanes - 1 - lane;
  const right = Math.max(...bands.map(({ to, by }) => to + by.x)) + LANE * (outer + 1);
  const below = band.bottom + band.by.y + CLEARANCE + LANE * outer;
  const left = next.from + next.by.x - LANE * (lane + 1);
  return [
    start,
    { x: right, y: start.y },
    { x: right, y: below },
    { x: left, y: below },
    { x: left, y: end.y },
    end,
  ];
}
