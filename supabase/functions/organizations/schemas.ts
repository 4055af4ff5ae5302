import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

const time = z.string().describe("ISO 8601.");

export const nameSchema = z.string().trim().min(1).max(200);
export const slugSchema = z.string().regex(/^[a-z0-9](-?[a-z0-9]){1,62}$/)
  .describe("Lower case letters, digits and single hyphens; unique in the project.");
export const settingsSchema = z.record(z.string(), jsonSchema);
export const retentionSchema = z.int().min(30).max(3650)
  .describe("Days that the audit log is kept.");
export const roleSchema = z.enum(["member", "admin", "owner"]);
export const membershipStatusSchema = z.enum(["invited", "active", "suspended"]);

export const organizationSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  slug: z.string(),
  kind: z.enum(["personal", "team"]).describe("personal: made with the user, for them alone."),
  settings: settingsSchema,
  member_count: z.int(),
  audit_retention_days: retentionSchema,
  max_concurrent_steps: z.int().nullable().describe(
    "Steps of all its runs in work at once; null: no limit. The platform's to set.",
  ),
  revision: z.int().describe("Counts changes; the ETag."),
  created_by: z.uuid().nullable(),
  created_at: time,
  updated_at: time,
}).meta({ id: "Organization", description: "The tenant: everything else belongs to one." });

export const membershipSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  user_id: z.uuid(),
  role: roleSchema,
  status: membershipStatusSchema.describe("Counts only while active."),
  accepted_at: time.nullable(),
  created_at: time,
  updated_at: time,
}).meta({ id: "Membership", description: "A user's place in an organization." });

export const teamDescriptionSchema = z.string().max(10_000).nullable();

export const teamSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  name: z.string().describe("Unique in the organization."),
  description: teamDescriptionSchema,
  settings: settingsSchema,
  member_count: z.int(),
  revision: z.int().describe("Counts changes; the ETag."),
  created_by: z.uuid().nullable(),
  created_at: time,
  updated_at: time,
}).meta({ id: "Team", description: "Members of an organization who work together." });

export const teamMemberSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  team_id: z.uuid(),
  user_id: z.uuid(),
  created_at: time,
  updated_at: time,
}).meta({ id: "TeamMember", description: "A user's place in a team." });
