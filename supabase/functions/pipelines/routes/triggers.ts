import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { triggerSchema } from "../schemas.ts";

/** Triggers as rows; creating one makes a secret and has a file of its own. */

const common = {
  domain: "pipelines",
  name: "trigger",
  table: "pipeline_triggers",
  item: triggerSchema,
  select: "*",
} as const;

export const triggers = [
  ...createResource({
    ...common,
    path: "/{pipeline_id}/triggers",
    parents: z.object({ pipeline_id: z.uuid() }),
    parentTable: "pipelines",
    operations: ["list"],
  }),
  ...createResource({
    ...common,
    path: "/triggers",
    update: { body: z.strictObject({ is_active: z.boolean() }), example: { is_active: false } },
    operations: ["get", "update", "delete"],
  }),
];
