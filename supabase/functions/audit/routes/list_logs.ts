import { unwrap } from "@shared/database.ts";
import { decodeCursor, pageOf, pageQuerySchema, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { logFiltersSchema, searchLogs } from "../filters.ts";
import { auditLogSchema } from "../schemas.ts";

export const listLogs = createRoute({
  method: "get",
  path: "/logs",
  auth: "user",
  scope: "audit:read",
  operationId: "list_audit_logs",
  summary: "List audit logs",
  description:
    "The organization's log, newest first. Admins see all of it, members their own actions. Reading it is logged.",
  query: pageQuerySchema.extend(logFiltersSchema.shape),
  answers: { 200: { description: "A page of the log.", schema: pageOf(auditLogSchema) } },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ query: { limit, cursor, ...filters }, database, organizationId }) => {
  const organization_id = await organizationId();
  const [occurred_at, id] = cursor === undefined ? [] : decodeCursor(cursor);
  const after = occurred_at && id ? { occurred_at, id } : undefined;
  const [rows] = await Promise.all([
    // One more than a page holds says that there is a next page.
    searchLogs(database, { organization_id, filters, after, limit: limit + 1 }),
    unwrap(database.rpc("log_audit_read", { organization_id, filters })),
  ]);
  return toPage(rows, limit, (row) => [row.occurred_at, row.id], isLong(rows));
});

/** The database ends a page early where details pass 4 MiB as it counts: then there may be more. */
const isLong = (rows: { details: unknown }[]) =>
  rows.reduce((sum, { details }) => sum + JSON.stringify(details).length, 0) > 2 * 1024 * 1024;
