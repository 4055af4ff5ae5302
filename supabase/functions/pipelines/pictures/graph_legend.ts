import type { LegendEntry } from "@shared/picture_legend.ts";
import { markup, placed } from "@shared/svg.ts";
import { describeVerification, EDGE_MARK_WIDTH, edgeMark } from "./draw_edge.ts";
import type { Graph } from "./graph_schema.ts";
import { outlineOf } from "./node_shapes.ts";
import { badge, describeState, STEP_STATES } from "./step_looks.ts";

const SHAPE = { width: 26, height: 16 };
const BLOCK_TYPES = ["dataset", "model"] as const;
const VERIFICATIONS = ["passed", "pending", "failed"] as const;

/** What the marks of a graph mean: of those that it has, how many of each. */
export function graphLegend(graph: Graph): LegendEntry[] {
  return [...blockEntries(graph), ...edgeEntries(graph), ...stateEntries(graph)];
}

function blockEntries({ nodes, run }: Graph): LegendEntry[] {
  const { width, height } = SHAPE;
  return BLOCK_TYPES.flatMap((type) => {
    const found = nodes.filter(({ block_type }) => block_type === type);
    if (found.length === 0) return [];
    // In a run a block's colour tells its state: only the shape is the type's.
    const look = run ? "of-any" : `of-${type}`;
    const outline = outlineOf(type, width, height, 0.45);
    const mark = markup`<path class="node ${look}" d="${outline}"/>`;
    return [{ mark, markWidth: width, name: type, total: String(found.length) }];
  });
}

function edgeEntries({ edges }: Graph): LegendEntry[] {
  return VERIFICATIONS.flatMap((status) => {
    const found = edges.filter(({ verification_status }) => verification_status === status);
    if (found.length === 0) return [];
    return [{
      mark: edgeMark(status),
      markWidth: EDGE_MARK_WIDTH,
      name: `edge ${describeVerification(status)}`,
      total: String(found.length),
    }];
  });
}

function stateEntries({ run, nodes }: Graph): LegendEntry[] {
  if (!run) return [];
  const states = STEP_STATES.flatMap((status) => {
    const found = nodes.filter((node) => node.status === status);
    if (found.length === 0) return [];
    const mark = placed(8, 8, badge(status));
    return [{ mark, name: describeState(status), total: String(found.length) }];
  });
  const absent = nodes.filter(({ status }) => status === null).length;
  if (absent === 0) return states;
  const { width, height } = SHAPE;
  const mark = markup`<rect class="node is-absent" width="${width}" height="${height}" rx="3"/>`;
  return [...states, {
    mark,
    markWidth: width,
    name: "not part of this run",
    total: String(absent),
  }];
}
