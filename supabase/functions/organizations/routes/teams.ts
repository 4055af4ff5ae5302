import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import {
  nameSchema,
  settingsSchema,
  teamDescriptionSchema,
  teamMemberSchema,
  teamSchema,
} from "../schemas.ts";

const teamColumns = Object.keys(teamSchema.shape).join(",");
const memberColumns = Object.keys(teamMemberSchema.shape).join(",");

/** Teams below an organization, and who is in them. Members read them, admins write them. */
export const teams = [
  ...createResource({
    domain: "organizations",
    name: "team",
    table: "teams",
    path: "/teams",
    item: teamSchema,
    select: teamColumns,
    inOrganization: true,
    versioned: true,
    filters: z.object({
      name: z.string().optional().describe("The team of exactly this name."),
    }),
    create: {
      body: z.strictObject({
        name: nameSchema,
        description: teamDescriptionSchema.optional(),
        settings: settingsSchema.optional(),
      }),
      example: { name: "Forecasters", description: "Who write the daily forecast" },
    },
    update: {
      body: z.strictObject({
        name: nameSchema.optional(),
        description: teamDescriptionSchema.optional(),
        settings: settingsSchema.optional(),
      }),
      example: { description: "Who write the weekly forecast" },
    },
    operations: ["list", "get", "create", "update", "delete"],
  }),
  ...createResource({
    domain: "organizations",
    name: "team member",
    table: "team_members",
    path: "/teams/{team_id}/members",
    parents: z.object({ team_id: z.uuid() }),
    parentTable: "teams",
    item: teamMemberSchema,
    select: memberColumns,
    filters: z.object({ user_id: z.uuid().optional() }),
    create: {
      body: z.strictObject({
        user_id: z.uuid().describe("An active member of the organization."),
      }),
      example: { user_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0c001" },
    },
    operations: ["list", "get", "create", "delete"],
  }),
];
