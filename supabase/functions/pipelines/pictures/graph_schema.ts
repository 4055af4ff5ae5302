import { z } from "zod";
import {
  blockTypeSchema,
  runStatusSchema,
  stepSchema,
  verificationStatusSchema,
} from "../schemas.ts";

/** A pipeline's graph as a picture shows it: what there is, in which version and which state. */

const versionNumber = z.int().nullable().describe(
  "The version's number; null where there is none.",
);
const kind = z.string().nullable().describe("The kind of the version's spec.");

const nodeSchema = z.object({
  block_id: z.uuid(),
  name: z.string(),
  block_type: blockTypeSchema,
  kind,
  version_number: versionNumber,
  step_id: z.uuid().nullable().describe("The block's step in the run, if it has one."),
  status: stepSchema.shape.status.nullable().describe("What has become of that step."),
});

const arrowSchema = z.object({
  edge_id: z.uuid(),
  name: z.string(),
  source_block_id: z.uuid(),
  target_block_id: z.uuid(),
  kind,
  version_number: versionNumber,
  verification_status: verificationStatusSchema.describe(
    "Whether this version has passed its tests; only then it enters a run.",
  ),
});

export const graphSchema = z.object({
  pipeline_id: z.uuid(),
  name: z.string(),
  run: z.object({ id: z.uuid(), status: runStatusSchema }).nullable().describe(
    "The run that was asked for: then versions are those that it was started with.",
  ),
  nodes: z.array(nodeSchema),
  edges: z.array(arrowSchema),
}).meta({ id: "PipelineGraph", description: "What a picture of a pipeline shows." });

export type Graph = z.infer<typeof graphSchema>;
export type GraphNode = z.infer<typeof nodeSchema>;
export type GraphEdge = z.infer<typeof arrowSchema>;
