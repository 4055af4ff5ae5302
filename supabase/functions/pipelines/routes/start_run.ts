import { unwrap } from "@shared/database.ts";
import { jsonSchema } from "@shared/json.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { runSchema } from "../schemas.ts";
import { startErrors } from "../start_errors.ts";
import { wakeWorker } from "@shared/wake_worker.ts";

export const startRun = createRoute({
  method: "post",
  path: "/{id}/runs",
  auth: "user",
  scope: "pipelines:run",
  operationId: "start_run",
  summary: "Start a run",
  description:
    "Pins the current version of every block and edge, and queues the run. It acts as you, under your rights.",
  params: z.object({ id: z.uuid() }),
  body: z.strictObject({
    input: jsonSchema.optional().describe(
      "What `trigger` datasets read, and blocks that nothing leads to.",
    ),
    from: z.uuid().optional().describe(
      "A block: only it and what follows it run, and it gets the input.",
    ),
    priority: z.int().min(-100).max(100).optional().describe(
      "Steps of the run with the higher one come first; 0 unless told.",
    ),
  }),
  example: { input: { city: "Seattle" } },
  idempotent: true,
  answers: { 202: { description: "The run, queued.", schema: runSchema } },
  errors: startErrors,
}, async ({ params, body, request, database }) => {
  const run = await unwrap(database.rpc("start_run", {
    pipeline_id: params.id,
    request: body,
    idempotency_key: request.headers.get("idempotency-key") || undefined,
  }));
  wakeWorker();
  return new Reply(run, { location: `runs/${run.id}` });
});
