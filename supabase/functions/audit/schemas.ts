import { jsonSchema } from "@shared/json.ts";
import { pageOf } from "@shared/page.ts";
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
  entity_name: z.string().nullable().describe("What it was called then, if it has a name."),
  occurred_at: z.string().describe("ISO 8601."),
  details: z.record(z.string(), jsonSchema).describe(
    "`old`, `new` and the names of what `changed`.",
  ),
  ip_address: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string().nullable().describe("The x-request-id of the request that did it."),
}).meta({ id: "AuditLog", description: "Who did what, when, and what changed." });

/** A moment in a query. */
export const timeSchema = z.iso.datetime({ offset: true }).or(z.iso.date());

export const changeSchema = auditLogSchema.omit({ details: true }).extend({
  changes: z.array(z.object({ field: z.string(), old: jsonSchema, new: jsonSchema })),
}).meta({ id: "AuditChange", description: "A change, field by field." });

export const historySchema = pageOf(changeSchema).extend({
  state: z.record(z.string(), jsonSchema).nullable().optional().describe(
    "With `at`: the row as it was then, without its secrets; null where there was none.",
  ),
}).meta({ id: "EntityHistory", description: "What became of one entity." });

export const sealSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  sequence: z.int().describe("From 1, without gaps."),
  first_id: z.uuid(),
  last_id: z.uuid(),
  first_at: z.string(),
  last_at: z.string(),
  row_count: z.int(),
  rows_digest: z.string().describe("SHA-256 over the id and the SHA-256 of each row, hex."),
  digest: z.string().describe("SHA-256 over this seal and the digest before, hex."),
  previous_digest: z.string().nullable(),
  sealed_at: z.string(),
  expired_at: z.string().nullable().describe(
    "Its rows were removed when they were older than the log is kept.",
  ),
}).meta({ id: "AuditSeal", description: "What shows that rows were not changed afterwards." });

export const brokenSchema = z.object({
  sequence: z.int().nullable().describe("The seal, or the one before; null before the first."),
  audit_log_id: z.uuid().nullable(),
  reason: z.enum([
    "edited",
    "removed",
    "inserted",
    "seal_edited",
    "seal_removed",
    "anchor_mismatch",
  ]),
}).meta({ id: "BrokenAuditLog", description: "The first thing that is not as it was sealed." });

export const verificationSchema = z.object({
  valid: z.boolean(),
  rows_checked: z.int(),
  rows_expired: z.int().describe("Rows no longer kept: their seals still hold the chain together."),
  seals_checked: z.int(),
  first_broken: brokenSchema.nullable(),
  sealed_until: z.string().nullable().describe("Rows before this time are sealed."),
  is_complete: z.boolean().describe("false: so far; go on with `after_sequence: next_sequence`."),
  next_sequence: z.int().nullable(),
}).meta({ id: "AuditVerification", description: "Whether the log is what it was." });
