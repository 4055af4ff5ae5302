import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";
import { blockSettings } from "./graph.ts";

/** What the pipelines function shows: its rows, as JSON. */

const time = z.string().describe("ISO 8601.");
const id = z.uuid();
const owned = { id, organization_id: id, created_at: time, updated_at: time };

export const blockTypeSchema = z.enum(["dataset", "model"]);
export const verificationStatusSchema = z.enum(["pending", "passed", "failed"]);
export const pipelineStatusSchema = z.enum(["draft", "active", "archived"]);
export const executorSchema = z.enum(["edge", "dagster"]);
export const runStatusSchema = z.enum([
  "queued",
  "running",
  "succeeded",
  "failed",
  "canceling",
  "canceled",
]);

export const nameSchema = z.string().trim().min(1).max(200).describe("Unique in the organization.");
export const descriptionSchema = z.string().max(10_000).nullable();
export const metadataSchema = z.record(z.string(), jsonSchema).describe(
  "Anything you want to keep with it.",
);

export const isArchivedSchema = z.boolean().describe(
  "Kept for what it was, and for no new use: in no other pipeline, and in no new run.",
);

const version = {
  ...owned,
  version_number: z.int().describe("1, 2, 3 …"),
  spec: z.record(z.string(), jsonSchema).describe("A tagged union on `kind`."),
  metadata: metadataSchema,
  is_active: z.boolean().describe("Whether it is the current one."),
  created_by: id.nullable(),
};

export const blockVersionSchema = z.object({ ...version, block_id: id })
  .meta({ id: "BlockVersion", description: "What a block was at one time. Never changed." });

export const edgeVersionSchema = z.object({ ...version, edge_id: id })
  .meta({ id: "EdgeVersion", description: "What an edge was at one time. Never changed." });

const versioned = {
  ...owned,
  name: nameSchema,
  description: descriptionSchema,
  current_version_id: id.nullable(),
  is_archived: isArchivedSchema,
  created_by: id.nullable(),
  revision: z.int().describe("Counts changes; the ETag."),
};

export const blockSchema = z.object({
  ...versioned,
  block_type: blockTypeSchema,
  current_version: blockVersionSchema.nullable(),
}).meta({ id: "Block", description: "A dataset or a model." });

export const edgeSchema = z.object({ ...versioned, current_version: edgeVersionSchema.nullable() })
  .meta({ id: "Edge", description: "A verified transformation between blocks." });

export const verificationSchema = z.object({
  ...owned,
  edge_version_id: id,
  verification_status: verificationStatusSchema,
  verification_logs: z.string().describe("A line a test."),
  verified_at: time.nullable(),
  verified_by: id.nullable(),
}).meta({ id: "EdgeVerification", description: "A run of an edge version's own tests." });

export const concurrencySchema = z.int().min(1).max(10_000).describe(
  "Steps of all its runs in work at once; null: no limit.",
);

export const pipelineSchema = z.object({
  ...owned,
  name: nameSchema,
  description: descriptionSchema,
  status: pipelineStatusSchema,
  executor: executorSchema,
  dagster_pipeline_config: z.record(z.string(), jsonSchema),
  max_concurrent_steps: concurrencySchema.nullable(),
  times_run: z.int(),
  average_runtime: z.number().nullable().describe("Seconds, over the latest hundred runs."),
  last_run_at: time.nullable(),
  created_by: id.nullable(),
  revision: z.int().describe("Counts changes of the pipeline and its graph; the ETag."),
}).meta({ id: "Pipeline", description: "Blocks joined by edges, run as a whole." });

export const pipelineGraphSchema = pipelineSchema.extend({
  blocks: z.array(
    z.object({ block_id: id, name: z.string(), block_type: blockTypeSchema, ...blockSettings }),
  ),
  edges: z.array(
    z.object({ edge_id: id, name: z.string(), source_block_id: id, target_block_id: id }),
  ),
}).meta({ id: "PipelineWithGraph", description: "A pipeline with its graph." });

export const runErrorSchema = z.looseObject({ code: z.string(), message: z.string() })
  .describe("What went wrong, and where: `position` for code, `block` for a run.");

export const runSchema = z.object({
  ...owned,
  pipeline_id: id,
  status: runStatusSchema,
  trigger: z.enum(["manual", "webhook", "cron", "retry"]),
  trigger_id: id.nullable(),
  from_block_id: id.nullable().describe("Where it began, if not at the beginning."),
  priority: z.int(),
  input: jsonSchema,
  output: jsonSchema.describe(
    "The final block's output; by block name when there are several. An output over 256 KiB is named by its address in Storage; several over 1 MiB in all, by their steps.",
  ),
  error: runErrorSchema.nullable(),
  definition: z.record(z.string(), jsonSchema).describe(
    "The pipeline with every version pinned at start.",
  ),
  idempotency_key: z.string().nullable(),
  parent_run_id: id.nullable(),
  executor: executorSchema,
  external_id: z.string().nullable(),
  created_by: id.nullable().describe("The user that the steps act as."),
  api_key_id: id.nullable().describe("The issued key that it began with, and counts for."),
  started_at: time.nullable(),
  finished_at: time.nullable(),
}).meta({ id: "Run", description: "One execution of a pipeline." });

export const runSummarySchema = runSchema.omit({ input: true, output: true, definition: true })
  .meta({ id: "RunSummary", description: "A run without its data." });

export const stepSchema = z.object({
  id,
  block_id: id,
  name: z.string().describe("The block's name."),
  status: z.enum(["blocked", "ready", "running", "succeeded", "failed", "skipped", "canceled"]),
  attempt: z.int().describe("How often it was begun: tries, and parts of a long step."),
  failures: z.int().describe("Tries that failed since it last got on."),
  max_attempts: z.int().describe("So many failures, and it has failed."),
  continuations: z.int().describe("Parts of a long step that are done."),
  timeout_seconds: z.int().describe("Of one attempt."),
  priority: z.int().describe("Within the run: the higher first."),
  cache: z.boolean().describe("Whether it may take an earlier output."),
  next_attempt_at: time.nullable().describe("When a step that is ready may begin."),
  reused_step_id: id.nullable().describe("The step of an earlier run whose output it took."),
  output: jsonSchema,
  output_omitted: z.boolean().describe("Whether the output was left out for its size."),
  error: runErrorSchema.nullable(),
  started_at: time.nullable(),
  finished_at: time.nullable(),
}).meta({ id: "RunStep", description: "One block of a run." });

export const runWithStepsSchema = runSchema.extend({ steps: z.array(stepSchema) })
  .meta({ id: "RunWithSteps", description: "A run with its steps." });

export const eventSchema = z.object({
  id: z.string().describe("Where to go on from: `Last-Event-ID` or `cursor`."),
  organization_id: id,
  run_id: id,
  step_id: id.nullable(),
  event_type: z.string().describe("run.queued, step.started, step.succeeded …"),
  message: z.string(),
  data: z.record(z.string(), jsonSchema),
  created_at: time,
}).meta({ id: "RunEvent", description: "A transition of a run or of one of its steps." });
