import { describeError, log } from "@shared/log.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { wakeWorker } from "@shared/wake_worker.ts";

export const work = createRoute({
  method: "post",
  path: "/worker",
  auth: "worker",
  operationId: "run_worker",
  summary: "Work off steps",
  description:
    "Fires the schedules that are due, follows runs on Dagster, and claims and executes ready steps of all " +
    "organizations until there are none or its budget is spent; then it calls its successor. One that leaves " +
    "nothing to do embeds what has changed in the registry. Called by starts of runs and by the clock. A call with " +
    "the worker's token is answered at once, and its successor does the work.",
  answers: {
    200: {
      description: "What was done.",
      schema: z.object({
        fired: z.int().describe("Schedules that were due."),
        claimed: z.int().describe("Attempts taken."),
        accepted: z.int().describe("Attempts whose result counted."),
        sent: z.int().describe("Messages sent to endpoints."),
        looked: z.int().describe("Looks at runs on Dagster."),
        more: z.boolean().describe("Whether another worker was called to go on."),
      }),
    },
  },
}, async ({ request }) => {
  if (request.headers.has("x-worker-token")) {
    wakeWorker();
    return { fired: 0, claimed: 0, accepted: 0, sent: 0, looked: 0, more: true };
  }
  // What only workers need is loaded by workers alone.
  const [
    { runWorker },
    { fireSchedules, startQueuedFirings },
    { deliverWhile },
    { followDagster },
    { refreshRepresentations },
  ] = await Promise.all([
    import("../worker.ts"),
    import("../fire_schedules.ts"),
    import("../deliveries.ts"),
    import("../dagster/work.ts"),
    import("../representations.ts"),
  ]);
  // Side by side: a run that waits for its worker does not wait for the clock as well.
  const working = runWorker(wakeWorker);
  const following = followDagster();
  const [report, { fired, hasQueued }, deliveries, dagster] = await Promise.all([
    working,
    fireSchedules().catch((error) => {
      log("error", { schedules: "not fired", error: describeError(error) });
      return { fired: 0, hasQueued: false };
    }),
    // Runs end by both.
    deliverWhile(Promise.allSettled([working, following])),
    following,
  ]);
  const hasStarted = fired > 0 || (hasQueued && await startQueuedFirings() > 0);
  const hasMore = deliveries.more || dagster.more || hasStarted;
  if (hasMore) wakeWorker();
  else await refreshRepresentations();
  const { claimed, accepted } = report;
  const more = report.more || hasMore;
  return { fired, claimed, accepted, sent: deliveries.sent, looked: dagster.looked, more };
});
