import { graphlib } from "@dagrejs/dagre";
import { type Drawing, shiftBox, shiftLegs } from "./geometry.ts";
import { foldWide } from "./fold.ts";
import { layOutLayers, type Plan } from "./layers.ts";

/** Between parts of a graph that nothing joins. */
const PART_GAP = 40;
/** Parts stand beside each other as long as the picture is no wider. */
const MIN_SHELF = 1100;

/** Gives each node and each edge of a graph its place. Parts that nothing joins are packed together. */
export function layOut(plan: Plan): Drawing {
  const parts = partsOf(plan).map((part) => foldWide(layOutLayers(part)));
  return pack(parts);
}

/** The parts of a graph that nothing joins; single nodes come last. */
function partsOf(plan: Plan): Plan[] {
  const graph = new graphlib.Graph();
  for (const { key } of plan.nodes) graph.setNode(key);
  for (const { source, target } of plan.edges) graph.setEdge(source, target);
  return graphlib.alg.components(graph)
    .map((keys) => {
      const inPart = new Set(keys);
      const nodes = plan.nodes.filter(({ key }) => inPart.has(key));
      return { ...plan, nodes, edges: plan.edges.filter(({ source }) => inPart.has(source)) };
    })
    .sort((a, b) => Number(a.nodes.length === 1) - Number(b.nodes.length === 1));
}

/** Puts drawings on shelves: beside each other while there is room, then below. */
function pack(parts: readonly Drawing[]): Drawing {
  const shelf = Math.max(MIN_SHELF, ...parts.map(({ width }) => width));
  const packed: Drawing = { width: 0, height: 0, nodes: new Map(), edges: new Map() };
  let [x, y, shelfHeight] = [0, 0, 0];
  for (const [index, part] of parts.entries()) {
    const isFirstSingle = part.nodes.size === 1 && (parts[index - 1]?.nodes.size ?? 1) > 1;
    if (x > 0 && (isFirstSingle || x + part.width > shelf)) {
      [x, y, shelfHeight] = [0, y + shelfHeight + PART_GAP, 0];
    }
    const by = { x, y };
    for (const [key, box] of part.nodes) packed.nodes.set(key, shiftBox(box, by));
    for (const [key, { legs, label }] of part.edges) {
      packed.edges.set(key, { legs: shiftLegs(legs, by), label: shiftBox(label, by) });
    }
    shelfHeight = Math.max(shelfHeight, part.height);
    packed.width = Math.max(packed.width, x + part.width);
    packed.height = Math.max(packed.height, y + part.height);
    x += part.width + PART_GAP;
  }
  return packed;
}
