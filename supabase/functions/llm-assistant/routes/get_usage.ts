import { negotiate } from "@shared/negotiate.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { groupBySchema, rangeOf, readUsage, usageSchema } from "../usage/report.ts";

const HEADERS = { vary: "accept", "cache-control": "no-store" };
/** Groups of a picture: each bar has one a model. */
const MAX_DRAWN = 20_000;

const timeSchema = z.iso.datetime({ offset: true }).or(z.iso.date());

export const getUsage = createRoute({
  method: "get",
  path: "/usage",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "get_usage",
  summary: "Get usage",
  description:
    "Calls to models, their tokens and cost, by day, model, user, assistant or key, as JSON or as a drawn " +
    "chart: `Accept: image/svg+xml` or `format=svg`. Admins see the organization's usage, members their own. " +
    "A call counts for the day (UTC) that it began on. A model without a price has no cost, which is not 0: " +
    "such calls are counted in `unpriced_calls`.",
  query: z.object({
    from: timeSchema.optional().describe(
      "Not before this time or day (ISO 8601); 30 days before `to` unless told.",
    ),
    to: timeSchema.optional().describe("Before this time or day (ISO 8601); now unless told."),
    group_by: groupBySchema.default("day"),
    provider: z.string().max(50).optional(),
    model: z.string().max(200).optional(),
    user_id: z.uuid().optional(),
    assistant_id: z.uuid().optional(),
    api_key_id: z.uuid().optional(),
    operation: z.enum(["chat", "embedding", "title"]).optional().describe(
      "title: what names a conversation after its first turn.",
    ),
    status: z.enum(["succeeded", "failed", "partial", "canceled"]).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(1000).describe(
      "Groups shown at most, 1 to 1000.",
    ),
    measure: z.enum(["cost", "tokens", "calls"]).optional().describe(
      "What a picture shows: cost unless told, or tokens where nothing has cost anything.",
    ),
    format: z.enum(["json", "svg"]).optional().describe("Goes before the Accept header."),
  }),
  answers: {
    200: {
      description: "The usage, or its picture.",
      schema: usageSchema,
      content: {
        "image/svg+xml": {
          example: '<svg xmlns="http://www.w3.org/2000/svg" width="960" height="468" …>…</svg>',
        },
      },
    },
  },
  errors: ["organization_required"],
}, async ({ query, request, database, organizationId }) => {
  const { from, to, group_by, limit, measure, format: named, ...filters } = query;
  const format = negotiate(request, named, [
    { format: "json", type: "application/json" },
    { format: "svg", type: "image/svg+xml" },
  ]);
  const asked = {
    organization_id: await organizationId(),
    group_by,
    filters,
    range: rangeOf({ from, to }),
  };
  if (format === "json") {
    return Response.json(await readUsage(database, { ...asked, limit }), { headers: HEADERS });
  }
  const [usage, { drawUsage }] = await Promise.all([
    readUsage(database, { ...asked, by_model: true, limit: MAX_DRAWN }),
    // What draws is loaded by those who look at pictures alone.
    import("../usage/usage_picture.ts"),
  ]);
  return new Response(drawUsage(usage, measure), {
    headers: { ...HEADERS, "content-type": "image/svg+xml" },
  });
});
