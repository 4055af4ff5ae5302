import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { membershipSchema, membershipStatusSchema, roleSchema } from "../schemas.ts";

/**
 * Members of an organization. An admin adds a user, who then is `invited`; the user says yes by
 * setting the status to `active`. Leaving and removing are both a delete.
 */
export const members = createResource({
  domain: "organizations",
  name: "member",
  table: "memberships",
  path: "/{organization_id}/members",
  parents: z.object({ organization_id: z.uuid() }),
  parentTable: "organizations",
  item: membershipSchema,
  select: "*",
  filters: z.object({ status: membershipStatusSchema.optional(), role: roleSchema.optional() }),
  create: {
    body: z.strictObject({ user_id: z.uuid(), role: roleSchema.default("member") }),
    example: { user_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0c001", role: "member" },
  },
  update: {
    body: z.strictObject({
      role: roleSchema.optional(),
      status: membershipStatusSchema.optional(),
    }),
    example: { role: "admin" },
  },
  errors: ["last_owner"],
  operations: ["list", "get", "create", "update", "delete"],
});
