import type { Leg, Point } from "./geometry.ts";

const CORNER_RADIUS = 8;

/** The path of a line: `d` of an SVG path. */
export function pathOf(legs: readonly Leg[]): string {
  const first = legs[0]?.points[0];
  if (!first) return "";
  return `M${at(first)}${
    legs.map(({ shape, points }) => shape === "curve" ? curve(points) : corners(points)).join("")
  }`;
}

/** From point to point, level at each: what lies at one height is joined by a straight line. */
function curve(points: readonly Point[]): string {
  return points.slice(1).map((to, index) => {
    const from = points[index] ?? to;
    if (Math.abs(from.y - to.y) < 0.5) return `L${at(to)}`;
    const middle = (from.x + to.x) / 2;
    return `C${at({ x: middle, y: from.y })} ${at({ x: middle, y: to.y })} ${at(to)}`;
  }).join("");
}

/** Straight, with round corners. */
function corners(points: readonly Point[]): string {
  return points.slice(1).map((corner, index) => {
    const [before, after] = [points[index] ?? corner, points[index + 2]];
    if (!after) return `L${at(corner)}`;
    return `L${at(towards(corner, before))}Q${at(corner)} ${at(towards(corner, after))}`;
  }).join("");
}

/** The point on the way from a corner to the next one where its rounding ends. */
function towards(corner: Point, other: Point): Point {
  const distance = Math.hypot(other.x - corner.x, other.y - corner.y);
  const part = distance === 0 ? 0 : Math.min(CORNER_RADIUS, distance / 2) / distance;
  return { x: corner.x + (other.x - corner.x) * part, y: corner.y + (other.y - corner.y) * part };
}

const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`;
const round = (value: number) => Math.round(value * 10) / 10;
