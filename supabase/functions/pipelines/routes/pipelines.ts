import { unwrap } from "@shared/database.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { checkOwnDagster } from "../dagster/check.ts";
import { dagsterConfigSchema } from "../dagster/config.ts";
import { checkGraph, graphShape } from "../graph.ts";
import {
  concurrencySchema,
  descriptionSchema,
  executorSchema,
  nameSchema,
  pipelineGraphSchema,
  pipelineSchema,
  pipelineStatusSchema,
} from "../schemas.ts";

/** Pipelines: rows that are listed and removed, and graphs that are written whole. */

const rowSchema = z.looseObject({ id: z.string(), revision: z.number() });
const id = z.object({ id: z.uuid() });

const fields = {
  description: descriptionSchema.optional(),
  status: pipelineStatusSchema.optional().describe(
    "Only an active pipeline runs; active unless told.",
  ),
  executor: executorSchema.optional().describe(
    "Who works the steps off: these functions, or Dagster.",
  ),
  dagster_pipeline_config: dagsterConfigSchema.optional(),
  max_concurrent_steps: concurrencySchema.nullable().optional(),
};

const exampleGraph = {
  blocks: [
    { block_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0a001" },
    { block_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0a002" },
  ],
  edges: [{
    edge_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0b001",
    source_block_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0a001",
    target_block_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0a002",
  }],
};

const [listPipelines, deletePipeline] = createResource({
  domain: "pipelines",
  name: "pipeline",
  table: "pipelines",
  path: "/",
  item: pipelineSchema,
  select: "*",
  inOrganization: true,
  filters: z.object({
    name: z.string().optional().describe("The pipeline of exactly this name."),
    status: pipelineStatusSchema.optional(),
  }),
  operations: ["list", "delete"],
});

const createPipeline = createRoute({
  method: "post",
  path: "/",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_pipeline",
  summary: "Create a pipeline",
  description: "Adds a pipeline with its whole graph, or nothing.",
  body: z.strictObject({
    name: nameSchema,
    ...fields,
    blocks: graphShape.blocks.default([]),
    edges: graphShape.edges.default([]),
  }).check(checkGraph),
  example: { name: "weather report", ...exampleGraph },
  answers: { 201: { description: "The pipeline with its graph.", schema: pipelineGraphSchema } },
  errors: ["organization_required", "conflict", "cycle", "block_archived", "edge_archived"],
}, async ({ body, database, organizationId }) => {
  const { description, max_concurrent_steps, ...pipeline } = body;
  await checkOwnDagster(body.dagster_pipeline_config);
  const row = rowSchema.parse(
    await unwrap(database.rpc("create_pipeline", {
      ...pipeline,
      description: description ?? undefined,
      max_concurrent_steps: max_concurrent_steps ?? undefined,
      organization_id: await organizationId(),
    })),
  );
  return new Reply(row, { revision: row.revision, location: row.id });
});

const getPipeline = createRoute({
  method: "get",
  path: "/{id}",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_pipeline",
  summary: "Get a pipeline",
  description: "One pipeline with its graph.",
  params: id,
  versioned: true,
  answers: { 200: { description: "The pipeline with its graph.", schema: pipelineGraphSchema } },
}, async ({ params, database }) => {
  const row = rowSchema.parse(
    await unwrap(database.rpc("get_pipeline", { pipeline_id: params.id })),
  );
  return new Reply(row, { revision: row.revision });
});

const updatePipeline = createRoute({
  method: "patch",
  path: "/{id}",
  auth: "user",
  scope: "pipelines:write",
  operationId: "update_pipeline",
  summary: "Change a pipeline",
  description:
    "Changes what the body names. `blocks` and `edges`, if given, replace the graph's nodes and arrows.",
  params: id,
  body: z.strictObject({
    name: nameSchema.optional(),
    ...fields,
    blocks: graphShape.blocks.optional(),
    edges: graphShape.edges.optional(),
  }).check(checkGraph),
  example: { description: "Rainy days by month" },
  versioned: true,
  answers: { 200: { description: "The pipeline as it is now.", schema: pipelineGraphSchema } },
  errors: ["conflict", "cycle", "block_archived", "edge_archived"],
}, async ({ params, body, database, expectedRevision }) => {
  const { blocks, edges, ...changes } = body;
  await checkOwnDagster(body.dagster_pipeline_config);
  const row = rowSchema.parse(
    await unwrap(database.rpc("update_pipeline", {
      pipeline_id: params.id,
      changes,
      blocks,
      edges,
      expected_revision: expectedRevision,
    })),
  );
  return new Reply(row, { revision: row.revision });
});

export const pipelines = [
  listPipelines,
  createPipeline,
  getPipeline,
  updatePipeline,
  deletePipeline,
]
  .filter((route) => route !== undefined);
