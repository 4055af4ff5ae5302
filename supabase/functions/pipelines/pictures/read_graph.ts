import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { pipelineGraphSchema } from "../schemas.ts";
import type { Graph } from "./graph_schema.ts";
import { readAll } from "./read_all.ts";

const pipelineSchema = pipelineGraphSchema.pick({
  id: true,
  name: true,
  blocks: true,
  edges: true,
});

/** The graph as it is now, with the current versions. @throws {ApiError} `not_found` */
export async function readGraph(database: DatabaseClient, pipeline_id: string): Promise<Graph> {
  const [found, blocks, edges] = await Promise.all([
    unwrap(database.rpc("get_pipeline", { pipeline_id })),
    readBlockVersions(database, pipeline_id),
    readEdgeVersions(database, pipeline_id),
  ]);
  const pipeline = pipelineSchema.parse(found);
  const none = { kind: null, version_number: null };
  return {
    pipeline_id,
    name: pipeline.name,
    run: null,
    nodes: pipeline.blocks.map(({ block_id, name, block_type }) => ({
      block_id,
      name,
      block_type,
      ...(blocks.get(block_id) ?? none),
      step_id: null,
      status: null,
    })),
    edges: pipeline.edges.map((edge) => ({
      ...edge,
      ...(edges.get(edge.edge_id) ?? { ...none, verification_status: "pending" }),
    })),
  };
}

/** The current version of each block, by the block's id. */
async function readBlockVersions(database: DatabaseClient, pipeline_id: string) {
  const select =
    "block_id,version_number,kind:spec->>kind,block:blocks!block_versions_block_id_organization_id_fkey!inner(pipeline_blocks!inner(pipeline_id))";
  const rows = await readAll((from, to) =>
    database.from("block_versions").select(select, { count: "exact" })
      .eq("is_active", true).eq("block.pipeline_blocks.pipeline_id", pipeline_id)
      .order("id").range(from, to)
  );
  return new Map(
    rows.map(({ block_id, version_number, kind }) => [block_id, { version_number, kind }]),
  );
}

/** The current version of each edge, with the latest judgement of it: that decides about runs. */
async function readEdgeVersions(database: DatabaseClient, pipeline_id: string) {
  const select =
    "edge_id,version_number,kind:spec->>kind,edge_verifications(verification_status),edge:edges!edge_versions_edge_id_organization_id_fkey!inner(pipeline_edges!inner(pipeline_id))";
  const ofVerifications = { referencedTable: "edge_verifications" };
  const rows = await readAll((from, to) =>
    database.from("edge_versions").select(select, { count: "exact" })
      .eq("is_active", true).eq("edge.pipeline_edges.pipeline_id", pipeline_id)
      .order("id").range(from, to)
      .neq("edge_verifications.verification_status", "pending")
      .order("verified_at", { ...ofVerifications, ascending: false }).limit(1, ofVerifications)
  );
  return new Map(rows.map(({ edge_id, version_number, kind, edge_verifications: [latest] }) => {
    const verification_status = latest?.verification_status ?? "pending";
    return [edge_id, { version_number, kind, verification_status }];
  }));
}
