import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { runStatusSchema, runSummarySchema, runWithStepsSchema } from "../schemas.ts";

/** Runs as rows: written by the engine, only read here. */

const common = { domain: "pipelines", name: "run", table: "pipeline_runs" } as const;

const summaryColumns = Object.keys(runSummarySchema.shape).join(",");

export const runs = [
  ...createResource({
    ...common,
    path: "/{pipeline_id}/runs",
    parents: z.object({ pipeline_id: z.uuid() }),
    parentTable: "pipelines",
    item: runSummarySchema,
    select: summaryColumns,
    filters: z.object({ status: runStatusSchema.optional() }),
    operations: ["list"],
  }),
  ...createResource({
    ...common,
    path: "/runs",
    item: runWithStepsSchema,
    select:
      "*,steps:run_steps(id,block_id,name,status,attempt,max_attempts,output,error,started_at,finished_at)",
    operations: ["get"],
  }),
];
