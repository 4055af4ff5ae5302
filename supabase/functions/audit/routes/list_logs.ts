import { unwrap } from "@shared/database.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { actionTypeSchema, auditLogSchema } from "../schemas.ts";

const equalTo = {
  entity_type: z.string().max(100).optional().describe("block, pipeline_run …"),
  entity_id: z.uuid().optional(),
  action_type: actionTypeSchema.optional(),
  actor_id: z.uuid().optional(),
  api_key_id: z.uuid().optional(),
  request_id: z.string().max(200).optional(),
};

const timeSchema = z.iso.datetime({ offset: true }).or(z.iso.date());

export const listLogs = createRoute({
  method: "get",
  path: "/logs",
  auth: "user",
  scope: "audit:read",
  operationId: "list_audit_logs",
  summary: "List audit logs",
  description:
    "The organization's log, newest first. Admins see all of it, members their own actions. Reading it is logged.",
  query: pageQuerySchema.extend({
    ...equalTo,
    from: timeSchema.optional().describe("Not before this time (ISO 8601)."),
    to: timeSchema.optional().describe("Before this time (ISO 8601)."),
    q: z.string().min(1).max(200).optional().describe(
      "Part of the name of what was changed, or of its entity type.",
    ),
  }),
  answers: { 200: { description: "A page of the log.", schema: pageOf(auditLogSchema) } },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ query, database, organizationId }) => {
  const { limit, cursor, from, to, q, ...filters } = query;
  const organization_id = await organizationId();
  let select = database.from("audit_logs").select().eq("organization_id", organization_id);
  for (const [column, value] of Object.entries(filters)) {
    if (value !== undefined) select = select.eq(column, value);
  }
  if (from) select = select.gte("occurred_at", from);
  if (to) select = select.lt("occurred_at", to);
  if (q) {
    // What would end the pattern, or widen it, stands for any one character.
    const pattern = `*${q.replace(/[,()"\\*%]/g, "_")}*`;
    select = select.or(
      `entity_type.ilike.${pattern},details->new->>name.ilike.${pattern},details->old->>name.ilike.${pattern}`,
    );
  }
  const [rows] = await Promise.all([
    unwrap(paginate(select, { limit, cursor }, "occurred_at")),
    unwrap(
      database.rpc("log_audit_read", { organization_id, filters: { ...filters, from, to, q } }),
    ),
  ]);
  return toPage(rows, limit, (row) => [row.occurred_at, row.id]);
});
