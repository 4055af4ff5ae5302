/** A place in a picture, in pixels from its top left corner. */
export type Point = { x: number; y: number };

export type Size = { width: number; height: number };

/** A rectangle by its top left corner. */
export type Box = Point & Size;

/**
 * A part of a line: through its points in curves that pass each one level, or straight from corner to
 * corner. Each leg begins where the one before ends.
 */
export type Leg = { shape: "curve" | "corners"; points: Point[] };

/** A graph that has been given places: boxes and legs by the keys of nodes and edges. */
export type Drawing = {
  width: number;
  height: number;
  nodes: Map<string, Box>;
  edges: Map<string, { legs: Leg[]; label: Box }>;
};

export const shiftPoint = ({ x, y }: Point, by: Point): Point => ({ x: x + by.x, y: y + by.y });

export const shiftBox = (box: Box, by: Point): Box => ({ ...box, ...shiftPoint(box, by) });

export const shiftLegs = (legs: readonly Leg[], by: Point): Leg[] =>
  legs.map(({ shape, points }) => ({
    shape,
    points: points.map((point) => shiftPoint(point, by)),
  }));
