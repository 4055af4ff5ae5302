import { unwrap } from "@shared/database.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { runStatusSchema, runSummarySchema, runWithStepsSchema } from "../schemas.ts";

/** Runs as rows: written by the engine, only read here. */

const common = { domain: "pipelines", name: "run", table: "pipeline_runs" } as const;

const summaryColumns = Object.keys(runSummarySchema.shape).join(",");

const getRun = createRoute({
  method: "get",
  path: "/runs/{run_id}",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_run",
  summary: "Get a run",
  description:
    "A run with its steps in the order they started. Steps' outputs are shown up to 1 MiB in all.",
  params: z.object({ run_id: z.uuid() }),
  answers: { 200: { description: "The run with its steps.", schema: runWithStepsSchema } },
}, async ({ params, database }) => await unwrap(database.rpc("get_run", params)));

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
  getRun,
];
