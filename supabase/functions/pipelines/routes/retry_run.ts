import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { runSchema } from "../schemas.ts";
import { startErrors } from "../start_errors.ts";
import { wakeWorker } from "@shared/wake_worker.ts";

export const retryRun = createRoute({
  method: "post",
  path: "/runs/{run_id}/retry",
  auth: "user",
  scope: "pipelines:run",
  operationId: "retry_run",
  summary: "Try a run again",
  description:
    "A new run, as you. From `failed`: what succeeded keeps its output, the rest is done again, all with the versions " +
    "of that run. From `start`: everything, with today's versions.",
  params: z.object({ run_id: z.uuid() }),
  body: z.strictObject({ from: z.enum(["failed", "start"]).default("failed") }).prefault({}),
  example: { from: "failed" },
  idempotent: true,
  answers: { 202: { description: "The new run, queued.", schema: runSchema } },
  errors: [...startErrors, "run_ended", "run_not_ended"],
}, async ({ params, body, database }) => {
  const run = await unwrap(database.rpc("retry_run", { ...params, start_at: body.from }));
  wakeWorker();
  return new Reply(run, { location: `runs/${run.id}` });
});
