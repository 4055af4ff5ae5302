import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";
import { blockTypeSchema } from "../schemas.ts";
import type { Graph } from "./graph_schema.ts";
import { readAll } from "./read_all.ts";

const pinned = {
  name: z.string(),
  version_number: z.int(),
  spec: z.looseObject({ kind: z.string() }),
};

/** What a run's definition says of its graph. */
const definitionSchema = z.object({
  name: z.string(),
  blocks: z.array(z.object({ ...pinned, block_id: z.uuid(), block_type: blockTypeSchema })),
  edges: z.array(z.object({
    ...pinned,
    edge_id: z.uuid(),
    source_block_id: z.uuid(),
    target_block_id: z.uuid(),
  })),
});

/** The graph that a run was started with, and what has become of it. @throws {ApiError} `not_found` */
export async function readRunGraph(
  database: DatabaseClient,
  pipeline_id: string,
  run_id: string,
): Promise<Graph> {
  const [run, rows] = await Promise.all([
    unwrap(
      database.from("pipeline_runs").select("status,definition").eq("id", run_id)
        .eq("pipeline_id", pipeline_id).maybeSingle(),
    ),
    readAll((from, to) =>
      database.from("run_steps").select("id,name,status", { count: "exact" })
        .eq("run_id", run_id).order("id").range(from, to)
    ),
  ]);
  if (!run) {
    throw new ApiError("not_found", `No run with id ${run_id} of pipeline ${pipeline_id}`);
  }
  const { name, blocks, edges } = definitionSchema.parse(run.definition);
  // By name: a step forgets its block when that is deleted, and the definition never does.
  const steps = new Map(rows.map((step) => [step.name, step]));
  return {
    pipeline_id,
    name,
    run: { id: run_id, status: run.status },
    nodes: blocks.map(({ spec, ...block }) => ({
      ...block,
      kind: spec.kind,
      step_id: steps.get(block.name)?.id ?? null,
      status: steps.get(block.name)?.status ?? null,
    })),
    edges: edges.map(({ spec, ...edge }) => ({
      ...edge,
      kind: spec.kind,
      // Nothing else can have entered a run.
      verification_status: "passed",
    })),
  };
}
