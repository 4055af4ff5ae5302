import { unwrap } from "@shared/database.ts";
import { negotiate } from "@shared/negotiate.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { timeSchema } from "../schemas.ts";
import { bucketSchema, rangeOf, statsSchema } from "../stats.ts";

const HEADERS = { vary: "accept", "cache-control": "no-store" };

export const getStats = createRoute({
  method: "get",
  path: "/stats",
  auth: "user",
  scope: "audit:read",
  operationId: "get_audit_stats",
  summary: "Get audit statistics",
  description:
    "Counts by time, action, entity and actor, as JSON or as a drawn chart: `Accept: image/svg+xml` or " +
    "`format=svg`. Admins see all that was done, members what they did. At most 1000 buckets; reading it is logged.",
  query: z.object({
    bucket: bucketSchema.default("day").describe("The time that is counted together, in UTC."),
    from: timeSchema.optional().describe(
      "Not before this time (ISO 8601); 24 hours, 30 days or 26 weeks before `to` unless told.",
    ),
    to: timeSchema.optional().describe("Before this time (ISO 8601); now unless told."),
    format: z.enum(["json", "svg"]).optional().describe("Goes before the Accept header."),
  }),
  answers: {
    200: {
      description: "The counts, or their picture.",
      schema: statsSchema,
      content: {
        "image/svg+xml": {
          example: '<svg xmlns="http://www.w3.org/2000/svg" width="960" height="468" …>…</svg>',
        },
      },
    },
  },
  errors: ["organization_required"],
}, async ({ query, request, database, organizationId }) => {
  const { bucket, format: named } = query;
  const format = negotiate(request, named, [
    { format: "json", type: "application/json" },
    { format: "svg", type: "image/svg+xml" },
  ]);
  const range = rangeOf(query);
  const organization_id = await organizationId();
  const filters = { bucket, from: range.since, to: range.until };
  const [answer] = await Promise.all([
    unwrap(database.rpc("audit_stats", { organization_id, bucket, ...range })),
    unwrap(database.rpc("log_audit_read", { organization_id, filters })),
  ]);
  const stats = statsSchema.parse(answer);
  if (format === "json") return Response.json(stats, { headers: HEADERS });
  // What draws is loaded by those who look at pictures alone.
  const { drawStats } = await import("../stats_picture.ts");
  return new Response(drawStats(stats), {
    headers: { ...HEADERS, "content-type": "image/svg+xml" },
  });
});
