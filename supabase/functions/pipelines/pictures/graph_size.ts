import type { Graph } from "./graph_schema.ts";

/** What can be laid out within the CPU time of a request. */
export const MAX_BLOCKS = 300;
export const MAX_EDGES = 600;
const MAX_SPAN = 2000;

/** Whether a graph is small enough to be drawn. */
export const isDrawable = (graph: Graph): boolean =>
  graph.nodes.length <= MAX_BLOCKS && graph.edges.length <= MAX_EDGES &&
  spanOf(graph) <= MAX_SPAN;

/** How many layers all edges together pass: what laying them out takes grows with it. */
function spanOf({ nodes, edges }: Graph): number {
  const layers = new Map(nodes.map(({ block_id }) => [block_id, 0]));
  const pending = new Map(nodes.map(({ block_id }) => [block_id, 0]));
  for (const { target_block_id: target } of edges) {
    pending.set(target, (pending.get(target) ?? 0) + 1);
  }
  const outgoing = Map.groupBy(edges, ({ source_block_id }) => source_block_id);
  const open = nodes.map(({ block_id }) => block_id).filter((block) => pending.get(block) === 0);
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    for (const { target_block_id: target } of outgoing.get(block) ?? []) {
      layers.set(target, Math.max(layers.get(target) ?? 0, (layers.get(block) ?? 0) + 1));
      const left = (pending.get(target) ?? 0) - 1;
      pending.set(target, left);
      if (left === 0) open.push(target);
    }
  }
  return edges.reduce(
    (sum, { source_block_id, target_block_id }) =>
      sum + (layers.get(target_block_id) ?? 0) - (layers.get(source_block_id) ?? 0),
    0,
  );
}
