import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { wakeWorker } from "../wake.ts";

export const work = createRoute({
  method: "post",
  path: "/worker",
  auth: "service",
  operationId: "run_worker",
  summary: "Work off steps",
  description:
    "Claims and executes ready steps of all organizations until there are none or its budget is spent; " +
    "then it calls its successor. Called by starts of runs and by the scheduled sweep.",
  answers: {
    200: {
      description: "What was done.",
      schema: z.object({
        claimed: z.int().describe("Attempts taken."),
        accepted: z.int().describe("Attempts whose result counted."),
        more: z.boolean().describe("Whether a successor was called."),
      }),
    },
  },
}, async () => {
  // The executors are loaded by workers alone.
  const { runWorker } = await import("../worker.ts");
  const report = await runWorker();
  if (report.more) wakeWorker();
  return report;
});
