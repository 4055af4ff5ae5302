import { ApiError } from "@shared/errors.ts";
import { negotiate } from "@shared/negotiate.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { answerJson, answerText } from "../pictures/answer.ts";
import { graphSchema } from "../pictures/graph_schema.ts";
import { isDrawable, MAX_BLOCKS, MAX_EDGES } from "../pictures/graph_size.ts";
import { readGraph } from "../pictures/read_graph.ts";
import { readRunGraph } from "../pictures/read_run_graph.ts";

export const getGraph = createRoute({
  method: "get",
  path: "/{id}/graph",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_pipeline_graph",
  summary: "Draw a pipeline",
  description:
    "The pipeline's blocks and edges as JSON, as a Mermaid flowchart (`Accept: text/vnd.mermaid` or " +
    "`format=mermaid`), or drawn (`image/svg+xml` or `format=svg`; up to 300 blocks and 600 edges). With " +
    "`run_id` it is the graph that the run was started with, and what has become of each block.",
  params: z.object({ id: z.uuid() }),
  query: z.object({
    format: z.enum(["json", "mermaid", "svg"]).optional().describe(
      "Goes before the Accept header.",
    ),
    run_id: z.uuid().optional().describe("A run of this pipeline."),
  }),
  answers: {
    200: {
      description: "The graph, or its picture.",
      schema: graphSchema,
      content: {
        "text/vnd.mermaid": {
          example: '---\ntitle: "weather"\n---\nflowchart LR\n  b1[("readings<br/>table v1")]\n',
        },
        "image/svg+xml": {
          example: '<svg xmlns="http://www.w3.org/2000/svg" width="879" height="266" …>…</svg>',
        },
      },
    },
  },
}, async ({ params, query, request, database }) => {
  const format = negotiate(request, query.format, [
    { format: "json", type: "application/json" },
    { format: "mermaid", type: "text/vnd.mermaid" },
    { format: "svg", type: "image/svg+xml" },
  ]);
  const graph = query.run_id
    ? await readRunGraph(database, params.id, query.run_id)
    : await readGraph(database, params.id);
  if (format === "json") return answerJson(graph);
  if (format === "mermaid") {
    const { toMermaid } = await import("../pictures/mermaid.ts");
    return answerText(toMermaid(graph), "text/vnd.mermaid; charset=utf-8");
  }
  if (!isDrawable(graph)) {
    const message =
      `This is more than a drawing has room for (${MAX_BLOCKS} blocks, ${MAX_EDGES} edges): ask for json or mermaid`;
    throw new ApiError("validation_failed", message, {
      errors: [{ path: "query.format", message }],
    });
  }
  // What lays out and draws is loaded by those who look at pictures alone.
  const { drawGraph } = await import("../pictures/draw_graph.ts");
  return answerText(drawGraph(graph), "image/svg+xml");
});
