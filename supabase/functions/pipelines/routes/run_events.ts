import { unwrap } from "@shared/database.ts";
import { pageOf } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { eventStream } from "../event_stream.ts";
import { eventSchema } from "../schemas.ts";

const pageSchema = z.object({
  data: z.array(z.looseObject({ id: z.string(), event_type: z.string() })),
  ended: z.boolean(),
});

export const runEvents = createRoute({
  method: "get",
  path: "/runs/{run_id}/events",
  auth: "user",
  scope: "pipelines:read",
  operationId: "list_run_events",
  summary: "Follow a run",
  description:
    "The run's events in order: a page of JSON, or with `Accept: text/event-stream` a stream until the run " +
    "ends. A stream that broke off goes on after `Last-Event-ID`.",
  params: z.object({ run_id: z.uuid() }),
  query: z.object({
    limit: z.coerce.number().int().min(1).max(100).default(100).describe(
      "Events a page, 1 to 100.",
    ),
    cursor: z.string().max(50).optional().describe("The id of the last event you have."),
  }),
  answers: {
    200: {
      description: "Events, oldest first.",
      schema: pageOf(eventSchema),
      content: {
        "text/event-stream": {
          example: 'id: 764-4\nevent: step.succeeded\ndata: {"id":"764-4", …}\n\n',
        },
      },
    },
  },
  errors: ["invalid_cursor"],
}, async ({ params, query, request, database, reconnect }) => {
  const read = async (after: string, limit: number, as = database) =>
    pageSchema.parse(
      await unwrap(
        as.rpc("list_run_events", { run_id: params.run_id, after, max_events: limit }),
      ),
    );
  const after = request.headers.get("last-event-id") || query.cursor || "0-0";
  if (request.headers.get("accept")?.includes("text/event-stream")) {
    // The first page is read before the answer starts, so that a bad cursor or run is still a problem.
    const readOn = async (cursor: string) => read(cursor, 100, await reconnect());
    return eventStream(await read(after, 100), after, readOn);
  }
  const page = await read(after, query.limit);
  const last = page.data.at(-1);
  return {
    data: page.data,
    next_cursor: page.data.length === query.limit && last ? last.id : null,
  };
});
