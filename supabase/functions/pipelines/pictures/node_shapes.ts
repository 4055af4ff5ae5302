import type { GraphNode } from "./graph_schema.ts";

type BlockType = GraphNode["block_type"];

/** The height of a cylinder's rim, and how far a hexagon's sides lean inwards, in pixels. */
const RIM = 6;
const SLOPE = 14;

/** How far a shape's sides lean inwards from its middle to its corners. */
export const slopeOf = (type: BlockType): number => type === "model" ? SLOPE : 0;

/** What a text must keep away from a shape's sides. */
export const paddingOf = (type: BlockType): number => type === "model" ? SLOPE + 6 : 14;

/**
 * A block's outline, its top left corner at 0, 0: data rests in a cylinder, a model works in a hexagon.
 * `d` of an SVG path.
 */
export function outlineOf(type: BlockType, width: number, height: number, scale = 1): string {
  return type === "model"
    ? hexagon(width, height, SLOPE * scale)
    : cylinder(width, height, RIM * scale);
}

const hexagon = (width: number, height: number, slope: number) =>
  `M${slope} 0H${width - slope}L${width} ${height / 2}L${width - slope} ${height}H${slope}L0 ${
    height / 2
  }z`;

function cylinder(width: number, height: number, rim: number): string {
  const half = width / 2;
  return `M0 ${rim}A${half} ${rim} 0 0 1 ${width} ${rim}V${height - rim}` +
    `A${half} ${rim} 0 0 1 0 ${height - rim}zM0 ${rim}A${half} ${rim} 0 0 0 ${width} ${rim}`;
}
