import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import {
  blockSchema,
  blockTypeSchema,
  descriptionSchema,
  isArchivedSchema,
  nameSchema,
} from "../schemas.ts";

/** Blocks as plain rows; creating one takes its first version along and has a file of its own. */
export const blocks = createResource({
  domain: "pipelines",
  name: "block",
  table: "blocks",
  path: "/blocks",
  item: blockSchema,
  select: "*,current_version:block_versions!blocks_current_version_fkey(*)",
  inOrganization: true,
  versioned: true,
  filters: z.object({
    name: z.string().optional().describe("The block of exactly this name."),
    is_archived: z.stringbool().optional(),
    block_type: blockTypeSchema.optional(),
  }),
  update: {
    body: z.strictObject({
      name: nameSchema.optional(),
      description: descriptionSchema.optional(),
      is_archived: isArchivedSchema.optional(),
    }),
    example: { description: "Daily weather of Seattle, 2012 to 2015" },
  },
  operations: ["list", "get", "update", "delete"],
});
