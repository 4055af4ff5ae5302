import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";

const count = z.int().min(0);

const sumsSchema = z.object({
  calls: count,
  failed: count,
  input_tokens: count.describe("All of the input, cached tokens among them."),
  cached_tokens: count,
  output_tokens: count.describe("All of the output, reasoning tokens among them."),
  reasoning_tokens: count,
  cost: z.number().describe("USD, of the calls that have a price."),
  unpriced_calls: count.describe("Calls whose cost is unknown, because the model has no price."),
  estimated_calls: count.describe("Calls whose tokens we had to estimate."),
});

export const groupBySchema = z.enum(["day", "model", "user", "assistant", "key"]);

/** What `usage_report` answers. */
export const usageSchema = z.object({
  group_by: groupBySchema,
  from: z.string().describe("ISO 8601."),
  to: z.string().describe("ISO 8601."),
  data: z.array(sumsSchema.extend({
    day: z.iso.date().optional().describe("Of `group_by=day`: the day, in UTC."),
    provider: z.string().optional().describe("Of `group_by=model`."),
    model: z.string().optional().describe("Of `group_by=model`."),
    user_id: z.uuid().optional().describe("Of `group_by=user`."),
    assistant_id: z.uuid().nullable().optional().describe(
      "Of `group_by=assistant`; null: calls without one.",
    ),
    api_key_id: z.uuid().nullable().optional().describe(
      "Of `group_by=key`; null: calls by signed-in users.",
    ),
    name: z.string().nullable().optional().describe(
      "What the user, assistant or key is called, if it is still there.",
    ),
  })).describe("Days in order, without those that had no calls; all else by cost, dearest first."),
  groups: count.describe("How many there are; `data` holds the first `limit` of them."),
  totals: sumsSchema.describe("Of all groups."),
}).meta({ id: "Usage", description: "Calls to models, their tokens and what they cost." });

export type Usage = z.output<typeof usageSchema>;

const DAY = 86_400_000;
const MAX_DAYS = 1000;

/** The range to count in: the last 30 days where it is left open. @throws {ApiError} `validation_failed` */
export function rangeOf({ from, to }: { from?: string; to?: string }) {
  const until = to ? new Date(to) : new Date();
  const since = from ? new Date(from) : new Date(until.getTime() - 30 * DAY);
  const fail = (path: string, message: string): never => {
    throw new ApiError("validation_failed", message, { errors: [{ path, message }] });
  };
  if (since >= until) fail("query.from", "from is not before to");
  if (until.getTime() - since.getTime() > MAX_DAYS * DAY) {
    fail("query.from", `At most ${MAX_DAYS} days at once`);
  }
  return { since: since.toISOString(), until: until.toISOString() };
}

/** What is asked for: whose calls of which time, and how they are put together. */
export type UsageQuery = {
  organization_id: string;
  group_by: z.output<typeof groupBySchema>;
  filters: Record<string, string | undefined>;
  range: { since: string; until: string };
  /** Of each group apart what each model has in it, for a picture. */
  by_model?: boolean;
  limit: number;
};

/** Adds up usage, as far as the caller may see it. */
export async function readUsage(database: DatabaseClient, asked: UsageQuery): Promise<Usage> {
  const { organization_id, group_by, filters, range, by_model, limit } = asked;
  const report = await unwrap(database.rpc("usage_report", {
    organization_id,
    group_by,
    filters,
    ...range,
    by_model,
    max_groups: limit,
  }));
  const answer = z.record(z.string(), z.unknown()).parse(report);
  return usageSchema.parse({ ...answer, group_by, from: range.since, to: range.until });
}
