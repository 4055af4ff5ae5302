import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { descriptionSchema, edgeSchema, isArchivedSchema, nameSchema } from "../schemas.ts";

/** Edges as plain rows; creating one takes its first version along and has a file of its own. */
export const edges = createResource({
  domain: "pipelines",
  name: "edge",
  table: "edges",
  path: "/edges",
  item: edgeSchema,
  select: "*,current_version:edge_versions!edges_current_version_fkey(*)",
  inOrganization: true,
  versioned: true,
  filters: z.object({
    name: z.string().optional().describe("The edge of exactly this name."),
    is_archived: z.stringbool().optional(),
  }),
  update: {
    body: z.strictObject({
      name: nameSchema.optional(),
      description: descriptionSchema.optional(),
      is_archived: isArchivedSchema.optional(),
    }),
    example: { name: "keep rainy days" },
  },
  operations: ["list", "get", "update", "delete"],
});
