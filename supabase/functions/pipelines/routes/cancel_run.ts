import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { wakeWorker } from "@shared/wake_worker.ts";
import { z } from "zod";
import { runSchema } from "../schemas.ts";

export const cancelRun = createRoute({
  method: "post",
  path: "/runs/{run_id}/cancel",
  auth: "user",
  scope: "pipelines:run",
  operationId: "cancel_run",
  summary: "Cancel a run",
  description:
    "Nothing of the run begins any more. It is `canceling` while steps are running, whose results no longer count, " +
    "and then `canceled`, for good. Once more changes nothing.",
  params: z.object({ run_id: z.uuid() }),
  answers: { 200: { description: "The run as it is now.", schema: runSchema } },
  errors: ["run_ended"],
}, async ({ params, database }) => {
  const run = await unwrap(database.rpc("cancel_run", params));
  // A worker cancels it on Dagster, and sends what endpoints are to hear of it.
  wakeWorker();
  return run;
});
