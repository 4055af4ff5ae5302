import type {
  Graph,
  GraphEdge,
  GraphNode,
} from "../../supabase/functions/pipelines/pictures/graph_schema.ts";

/** Graphs of every form, to be drawn without a database. */

type Arrow = [source: number, target: number, fields?: Partial<GraphEdge>];

/** An id that is the same in every run. */
const idOf = (space: number, index: number) =>
  `${String(space).padStart(8, "0")}-0000-4000-8000-${String(index).padStart(12, "0")}`;

const nodeOf = (index: number, fields: Partial<GraphNode>): GraphNode => ({
  block_id: idOf(1, index),
  name: `block ${index}`,
  block_type: index % 3 === 0 ? "dataset" : "model",
  kind: index % 3 === 0 ? "table" : "jsonata",
  version_number: 1 + index % 4,
  step_id: null,
  status: null,
  ...fields,
});

/** A graph of these blocks (what matters of each) and arrows (pairs of their numbers). */
export function graphOf(
  blocks: readonly Partial<GraphNode>[],
  arrows: readonly Arrow[] = [],
  fields: Partial<Graph> = {},
): Graph {
  const nodes = blocks.map((block, index) => nodeOf(index, block));
  return {
    pipeline_id: idOf(0, 0),
    name: "A pipeline",
    run: null,
    nodes,
    edges: arrows.map(([source, target, edge], index) => ({
      edge_id: idOf(2, index),
      name: `edge ${index}`,
      source_block_id: idOf(1, source),
      target_block_id: idOf(1, target),
      kind: "identity",
      version_number: 1,
      verification_status: "passed",
      ...edge,
    })),
    ...fields,
  };
}

const range = (count: number) => [...Array(count).keys()];

/** `count` blocks, each of which leads to the next. */
export const chain = (count: number): Graph =>
  graphOf(range(count).map(() => ({})), range(count - 1).map((index) => [index, index + 1]));

/** One block that leads to `count` others, and these to one more. */
export const fan = (count: number): Graph =>
  graphOf(
    range(count + 2).map(() => ({})),
    range(count).flatMap((index): Arrow[] => [[0, index + 1], [index + 1, count + 1]]),
  );

/** Diamonds in a row: every other layer has two blocks, and the ones between have shortcuts. */
export const ladder = (rungs: number): Graph =>
  graphOf(
    range(3 * rungs + 1).map(() => ({})),
    range(rungs).flatMap((rung): Arrow[] => {
      const [from, upper, lower, to] = range(4).map((offset) => 3 * rung + offset);
      if (from === undefined || upper === undefined || lower === undefined || to === undefined) {
        return [];
      }
      return [[from, upper], [from, lower], [upper, to], [lower, to], [from, to]];
    }),
  );

/** `count` blocks joined by about `arrows` arrows: the same ones for the same seed. */
export function tangle(count: number, arrows: number, seed = 7): Graph {
  let state = seed;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const pairs = new Map<string, Arrow>();
  for (let index = 0; index < arrows; index++) {
    const source = random(count - 1);
    const target = source + 1 + random(Math.min(count - source - 1, 9));
    pairs.set(`${source} ${target}`, [source, target]);
  }
  return graphOf(range(count).map(() => ({})), [...pairs.values()]);
}
