import { describeVerification } from "./draw_edge.ts";
import type { Graph } from "./graph_schema.ts";

/** As many arrows are told one by one. */
const MAX_ARROWS = 40;

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** How much there is, and what stands out, in a line. */
export function summarize({ run, nodes, edges }: Graph): string {
  const parts = [count(nodes.length, "block"), count(edges.length, "edge")];
  for (const status of ["pending", "failed"] as const) {
    const found = edges.filter(({ verification_status }) => verification_status === status);
    if (found.length > 0) parts.push(`${found.length} ${describeVerification(status)}`);
  }
  const size = parts.join(", ");
  return run ? `${size}; run ${run.id} ${run.status}` : size;
}

/** What leads where, for readers who can't see the picture. */
export function inWords({ nodes, edges }: Graph): string {
  const names = new Map(nodes.map(({ block_id, name }) => [block_id, name]));
  const arrows = edges.slice(0, MAX_ARROWS).map(({ source_block_id, target_block_id }) =>
    `${names.get(source_block_id)} → ${names.get(target_block_id)}`
  );
  const rest = edges.length - arrows.length;
  return [...arrows, ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ");
}
