import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { statsSchema } from "../assistants/schemas.ts";

const DAY_MS = 86_400_000;
const dateOf = (time: number) => new Date(time).toISOString().slice(0, 10);

export const getAssistantStats = createRoute({
  method: "get",
  path: "/assistants/{id}/stats",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "get_assistant_stats",
  summary: "Get an assistant's use",
  description: "Calls, users, tokens and cost of its organization, by day (UTC), and how it is " +
    "rated. For its creator and for admins.",
  params: z.object({ id: z.uuid() }),
  query: z.object({
    from: z.iso.date().optional().describe("The first day; 29 days before `to` unless told."),
    to: z.iso.date().optional().describe("The last day; today unless told."),
  }),
  answers: { 200: { description: "Its use and its ratings.", schema: statsSchema } },
}, async ({ params, query, database }) => {
  const until = query.to ?? dateOf(Date.now());
  const since = query.from ?? dateOf(Date.parse(until) - 29 * DAY_MS);
  return await unwrap(
    database.rpc("get_assistant_stats", { assistant_id: params.id, since, until }),
  );
});
