import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

export const actionTypeSchema = z.enum(["CREATE", "READ", "UPDATE", "DELETE"]);

export const auditLogSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid().nullable(),
  actor_id: z.uuid().nullable().describe("The user; null for the service and the system."),
  actor_type: z.enum(["user", "api_key", "service", "system"]),
  api_key_id: z.uuid().nullable(),
  action_type: actionTypeSchema,
  entity_type: z.string().describe("The table's singular: block, edge_version, pipeline_run …"),
  entity_id: z.uuid().nullable(),
  occurred_at: z.string().describe("ISO 8601."),
  details: z.record(z.string(), jsonSchema).describe(
    "`old`, `new` and the names of what `changed`.",
  ),
  ip_address: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string().nullable().describe("The x-request-id of the request that did it."),
}).meta({ id: "AuditLog", description: "Who did what, when, and what changed." });
