import { graphlib, layout } from "@dagrejs/dagre";
import type { Box, Drawing, Point, Size } from "./geometry.ts";
import { assignPorts } from "./ports.ts";

/** What is to be placed. All nodes are of one size; `slope` is how far a node's sides lean inwards. */
export type Plan = {
  nodeSize: Size;
  nodes: readonly { key: string; slope: number }[];
  edges: readonly PlannedEdge[];
};

/** An edge, and the size of its label. */
export type PlannedEdge = { key: string; source: string; target: string; label: Size };

const NODE_GAP = 22;
const LINE_GAP = 12;
/** Between two layers, labels aside. */
const LAYER_GAP = 72;
/** What many lines out of one block need to fan out. */
const GAP_PER_LINE = 3;
const MAX_FAN_GAP = 90;

/**
 * Layers from left to right (dagre's): lines cross as little as it finds out, and none runs through a
 * node or another line's label.
 */
export function layOutLayers({ nodeSize, nodes, edges }: Plan): Drawing {
  const graph = new graphlib.Graph({ multigraph: true });
  const fan = Math.min(MAX_FAN_GAP, GAP_PER_LINE * largestFan(edges));
  graph.setGraph({
    rankdir: "LR",
    nodesep: NODE_GAP,
    edgesep: LINE_GAP,
    ranksep: LAYER_GAP + fan,
  });
  for (const { key } of nodes) graph.setNode(key, { ...nodeSize });
  for (const { key, source, target, label } of edges) {
    graph.setEdge(source, target, { ...label, labelpos: "c" }, key);
  }
  layout(graph);

  const boxes = new Map(nodes.map(({ key }) => [key, around(graph.node(key), nodeSize)]));
  const routes = edges.map((edge) => {
    const placed: Point & { points: Point[] } = graph.edge(edge.source, edge.target, edge.key);
    const label = around(placed, edge.label);
    return { ...edge, label, bends: placed.points.slice(1, -1) };
  });
  const columns = columnsOf([...boxes.values(), ...routes.map(({ label }) => label)]);
  const ports = assignPorts(nodes, boxes, routes);
  const { width = 0, height = 0 }: Partial<Size> = graph.graph();
  return {
    width,
    height,
    nodes: boxes,
    edges: new Map(routes.flatMap(({ key, label, bends }) => {
      const port = ports.get(key);
      if (!port) return [];
      const points = [port.start, ...bends.flatMap((bend) => across(bend, columns)), port.end];
      return [[key, { legs: [{ shape: "curve" as const, points }], label }]];
    })),
  };
}

const around = ({ x, y }: Point, { width, height }: Size): Box => ({
  x: x - width / 2,
  y: y - height / 2,
  width,
  height,
});

function largestFan(edges: readonly PlannedEdge[]): number {
  const bySource = Map.groupBy(edges, ({ source }) => source);
  const byTarget = Map.groupBy(edges, ({ target }) => target);
  return Math.max(0, ...[...bySource.values(), ...byTarget.values()].map(({ length }) => length));
}

type Column = { centre: number; left: number; right: number };

/** A layer's room from left to right: its boxes share their centre. */
function columnsOf(boxes: readonly Box[]): Column[] {
  const centreOf = ({ x, width }: Box) => Math.round(x + width / 2);
  return [...Map.groupBy(boxes, centreOf)].map(([centre, inColumn]) => ({
    centre,
    left: Math.min(...inColumn.map(({ x }) => x)),
    right: Math.max(...inColumn.map(({ x, width }) => x + width)),
  }));
}

/** A line crosses a layer level: between its boxes there is room, at their corners there is none. */
function across(bend: Point, columns: readonly Column[]): Point[] {
  const column = columns.find(({ centre }) => Math.abs(centre - bend.x) <= 1);
  if (!column) return [bend];
  return [{ x: column.left, y: bend.y }, { x: column.right, y: bend.y }];
}
