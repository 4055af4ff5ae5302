import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { auditLogSchema } from "../schemas.ts";

export const getLog = createRoute({
  method: "get",
  path: "/logs/{id}",
  auth: "user",
  scope: "audit:read",
  operationId: "get_audit_log",
  summary: "Get an audit log",
  description: "One row of the log.",
  params: z.object({ id: z.uuid() }),
  answers: { 200: { description: "The row.", schema: auditLogSchema } },
}, async ({ params, database }) => {
  const row = await unwrap(database.from("audit_logs").select().eq("id", params.id).maybeSingle());
  if (!row) throw new ApiError("not_found", `No audit log with id ${params.id}`);
  await unwrap(
    database.rpc("log_audit_read", {
      organization_id: row.organization_id ?? undefined,
      filters: params,
    }),
  );
  return row;
});
