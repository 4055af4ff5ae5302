import type { FieldError } from "@shared/errors.ts";
import { z } from "zod";

/** The graph of a pipeline as clients write it: whole, nodes and arrows. */

/** How a block is worked off in its pipeline. */
export const blockSettings = {
  max_attempts: z.int().min(1).max(20).describe(
    "How often the step is tried before it has failed; 3 unless told.",
  ),
  timeout_seconds: z.int().min(1).max(120).describe("Of one attempt; 60 unless told."),
  priority: z.int().min(-100).max(100).describe("Within its run: the higher first."),
  cache: z.boolean().describe(
    "Whether the step may take the output of an earlier one with the same versions and inputs, and do nothing itself. " +
      "For blocks whose output depends on nothing else.",
  ),
};

const blocksSchema = z.array(
  z.strictObject({ block_id: z.uuid(), ...z.object(blockSettings).partial().shape }),
).max(2000).describe("The pipeline's blocks, each one once.");

const edgesSchema = z.array(
  z.strictObject({ edge_id: z.uuid(), source_block_id: z.uuid(), target_block_id: z.uuid() }),
).max(10_000).describe("What flows from which block to which.");

export const graphShape = { blocks: blocksSchema, edges: edgesSchema };

type Graph = { blocks?: z.infer<typeof blocksSchema>; edges?: z.infer<typeof edgesSchema> };

/** What is wrong with a graph by itself; what only the database knows is checked there. */
export function graphErrors({ blocks, edges = [] }: Graph): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { block_id }] of (blocks ?? []).entries()) {
    if (seen.has(block_id)) {
      errors.push({
        path: `blocks.${index}.block_id`,
        message: `Block ${block_id} is named twice`,
      });
    }
    seen.add(block_id);
  }
  const joined = new Set<string>();
  for (const [index, { source_block_id, target_block_id }] of edges.entries()) {
    const ends = { source_block_id, target_block_id };
    for (const [end, block] of Object.entries(ends)) {
      if (blocks && !seen.has(block)) {
        errors.push({ path: `edges.${index}.${end}`, message: `Block ${block} is not in blocks` });
      }
    }
    const pair = `${source_block_id} ${target_block_id}`;
    if (joined.has(pair)) {
      errors.push({
        path: `edges.${index}`,
        message: "These two blocks are already joined by an edge",
      });
    }
    joined.add(pair);
    if (source_block_id === target_block_id) {
      errors.push({
        path: `edges.${index}.target_block_id`,
        message: "An edge joins two different blocks",
      });
    }
  }
  return errors;
}

/** A zod check of {@link graphErrors}, for a body that holds a graph. */
export const checkGraph = (context: z.core.ParsePayload<Graph>): void => {
  for (const { path, message } of graphErrors(context.value)) {
    context.issues.push({ code: "custom", message, path: path.split("."), input: context.value });
  }
};
