import { PADDING, picture } from "@shared/picture.ts";
import { header, HEADER_HEIGHT } from "@shared/picture_header.ts";
import { legend } from "@shared/picture_legend.ts";
import { type Markup, placed, text } from "@shared/svg.ts";
import { drawLabel, drawLine, edgeRules, labelSize } from "./draw_edge.ts";
import { drawNode, nodeRules, nodeSizeFor } from "./draw_node.ts";
import type { Drawing } from "./geometry.ts";
import { graphLegend } from "./graph_legend.ts";
import type { Graph, GraphEdge } from "./graph_schema.ts";
import { inWords, summarize } from "./graph_words.ts";
import { layOut } from "./layout.ts";
import { slopeOf } from "./node_shapes.ts";
import { stateRules, STEP_STATES } from "./step_looks.ts";

const MIN_WIDTH = 720;
const EMPTY_HEIGHT = 120;
const LEGEND_TOP = PADDING + HEADER_HEIGHT + 18;

/** Where each block (by its id) and each edge (by its ends' ids) of a graph stands. */
export function layOutGraph({ nodes, edges }: Graph): Drawing {
  return layOut({
    nodeSize: nodeSizeFor(nodes),
    nodes: nodes.map(({ block_id, block_type }) => ({ key: block_id, slope: slopeOf(block_type) })),
    edges: edges.map((edge) => ({
      key: keyOf(edge),
      source: edge.source_block_id,
      target: edge.target_block_id,
      label: labelSize(edge),
    })),
  });
}

/** A pipeline's graph as an SVG document: layers from left to right, as large as it takes. */
export function drawGraph(graph: Graph): string {
  const { nodes, edges } = graph;
  const drawing = layOutGraph(graph);
  const innerWidth = Math.ceil(Math.max(MIN_WIDTH, drawing.width));
  const keys = legend(graphLegend(graph), innerWidth);
  const top = LEGEND_TOP + keys.height + 18;
  const height = Math.ceil(nodes.length === 0 ? EMPTY_HEIGHT : drawing.height);
  const subtitle = summarize(graph);
  const lines = edges.flatMap((edge) => {
    const placedEdge = drawing.edges.get(keyOf(edge));
    return placedEdge ? [{ edge, ...placedEdge }] : [];
  });
  return picture({
    title: graph.name,
    summary: `${subtitle}. ${inWords(graph)}`,
    width: innerWidth + 2 * PADDING,
    height: top + height + PADDING,
    rules: [...nodeRules, ...edgeRules, ...stateRules(STEP_STATES)],
    content: [
      placed(PADDING, PADDING, header({ title: graph.name, subtitle }, innerWidth)),
      placed(PADDING, LEGEND_TOP, keys.content),
      placed(PADDING + (innerWidth - drawing.width) / 2, top, [
        lines.map(({ edge, legs }) => drawLine(edge, legs)),
        nodes.map((node) => {
          const box = drawing.nodes.get(node.block_id);
          return box ? drawNode(node, box, graph.run !== null) : "";
        }),
        lines.map(({ edge, label }) => drawLabel(edge, label)),
      ]),
      nodes.length === 0 ? nothing(innerWidth, top) : "",
    ],
  });
}

const keyOf = ({ source_block_id, target_block_id }: GraphEdge) =>
  `${source_block_id} ${target_block_id}`;

const nothing = (width: number, top: number): Markup =>
  text("This pipeline has no blocks yet", {
    x: PADDING + width / 2,
    y: top + EMPTY_HEIGHT / 2,
    size: 16,
    anchor: "middle",
  });
