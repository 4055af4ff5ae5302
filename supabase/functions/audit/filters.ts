import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { z } from "zod";
import { actionTypeSchema, timeSchema } from "./schemas.ts";

/** What the log can be narrowed by, in a list as in an export. */
export const logFiltersSchema = z.object({
  entity_type: z.string().max(100).optional().describe("block, pipeline_run …"),
  entity_id: z.uuid().optional(),
  action_type: actionTypeSchema.optional(),
  actor_id: z.uuid().optional(),
  api_key_id: z.uuid().optional(),
  request_id: z.string().max(200).optional(),
  from: timeSchema.optional().describe("Not before this time (ISO 8601)."),
  to: timeSchema.optional().describe("Before this time (ISO 8601)."),
  q: z.string().min(1).max(200).optional().describe("Part of the name of what was changed."),
});

export type LogFilters = z.output<typeof logFiltersSchema>;

/** Which rows of the log are asked for: those that follow a row, in one order or the other. */
export type LogPage = {
  organization_id: string;
  filters: LogFilters;
  after?: { occurred_at: string; id: string };
  limit: number;
  oldest_first?: boolean;
  signal?: AbortSignal;
};

/**
 * Reads rows of the log that the caller may see. By rpc, because a text search under row level
 * security can't use its index.
 */
export function searchLogs(
  database: DatabaseClient,
  { organization_id, filters, after, limit, oldest_first, signal }: LogPage,
) {
  const query = database.rpc("search_audit_logs", {
    organization_id,
    filters: { ...filters, after },
    page_size: limit,
    oldest_first,
  });
  return unwrap(signal ? query.abortSignal(signal) : query);
}
