import { negotiate } from "@shared/negotiate.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { answerJson, answerText } from "../pictures/answer.ts";
import { readRunRecord } from "../pictures/read_timeline.ts";
import { buildTimeline } from "../pictures/timeline.ts";
import { timelineSchema } from "../pictures/timeline_schema.ts";

export const getTimeline = createRoute({
  method: "get",
  path: "/runs/{run_id}/timeline",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_run_timeline",
  summary: "Draw a run's timeline",
  description:
    "When each step of a run was ready, ran (attempt by attempt) and ended, and which steps made the run " +
    "take as long as it did; as JSON or as a drawn chart: `Accept: image/svg+xml` or `format=svg`.",
  params: z.object({ run_id: z.uuid() }),
  query: z.object({
    format: z.enum(["json", "svg"]).optional().describe("Goes before the Accept header."),
  }),
  answers: {
    200: {
      description: "The timeline, or its picture.",
      schema: timelineSchema,
      content: {
        "image/svg+xml": {
          example: '<svg xmlns="http://www.w3.org/2000/svg" width="1040" height="388" …>…</svg>',
        },
      },
    },
  },
}, async ({ params, query, request, database }) => {
  const format = negotiate(request, query.format, [
    { format: "json", type: "application/json" },
    { format: "svg", type: "image/svg+xml" },
  ]);
  const timeline = buildTimeline(await readRunRecord(database, params.run_id), Date.now());
  if (format === "json") return answerJson(timeline);
  // What draws is loaded by those who look at pictures alone.
  const { drawTimeline } = await import("../pictures/draw_timeline.ts");
  return answerText(drawTimeline(timeline), "image/svg+xml");
});
