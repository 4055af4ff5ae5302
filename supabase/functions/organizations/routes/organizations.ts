import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import {
  nameSchema,
  organizationSchema,
  retentionSchema,
  settingsSchema,
  slugSchema,
} from "../schemas.ts";

export const organizations = createResource({
  domain: "organizations",
  name: "organization",
  table: "organizations",
  path: "/",
  item: organizationSchema,
  select: "*",
  versioned: true,
  update: {
    body: z.strictObject({
      name: nameSchema.optional(),
      slug: slugSchema.optional(),
      settings: settingsSchema.optional(),
      audit_retention_days: retentionSchema.optional(),
    }),
    example: { name: "Weather Lab" },
  },
  errors: ["personal_organization"],
  operations: ["list", "get", "update", "delete"],
});
