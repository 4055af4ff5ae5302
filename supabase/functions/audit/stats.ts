import { z } from "zod";
import { auditLogSchema } from "./schemas.ts";

export const bucketSchema = z.enum(["hour", "day", "week"]);

const countSchema = z.int().min(0);
const countsSchema = z.object({
  CREATE: countSchema,
  READ: countSchema,
  UPDATE: countSchema,
  DELETE: countSchema,
});

/** What `audit_stats` answers. */
export const statsSchema = z.object({
  bucket: bucketSchema,
  from: z.string().describe("ISO 8601."),
  to: z.string().describe("ISO 8601."),
  total: countSchema,
  actions: countsSchema,
  buckets: z.array(countsSchema.extend({ start: z.string().describe("ISO 8601.") })).describe(
    "All of the range, empty ones too. They start at the full hour, at midnight or on Monday, in UTC.",
  ),
  entities: z.array(z.object({ entity_type: z.string(), count: countSchema })).describe(
    "Most frequent first.",
  ),
  actors: z.array(
    auditLogSchema.pick({ actor_type: true, actor_id: true }).extend({ count: countSchema }),
  ).describe("The 20 most active, most active first."),
}).meta({ id: "AuditStats", description: "How much was done, of what, by whom." });

export type AuditStats = z.output<typeof statsSchema>;

const HOUR = 3_600_000;
const SPANS = { hour: 24 * HOUR, day: 30 * 24 * HOUR, week: 26 * 7 * 24 * HOUR };

/** The range to count in; where it is left open, the last 24 hours, 30 days or 26 weeks. */
export function rangeOf(
  { bucket, from, to }: { bucket: keyof typeof SPANS; from?: string; to?: string },
): { since: string; until: string } {
  const until = to ? new Date(to) : new Date();
  const since = from ? new Date(from) : new Date(until.getTime() - SPANS[bucket]);
  return { since: since.toISOString(), until: until.toISOString() };
}
