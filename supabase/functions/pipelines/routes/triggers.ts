import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { showTrigger } from "../show_trigger.ts";
import {
  firingSchema,
  triggerColumns,
  triggerRowSchema,
  triggerSchema,
} from "../trigger_schemas.ts";

/** Triggers as rows; what makes or changes one has a file of its own. */

const common = {
  domain: "pipelines",
  name: "trigger",
  table: "pipeline_triggers",
  item: triggerSchema,
  select: triggerColumns,
  // With what the database can't compute.
  show: (rows: unknown[]) => z.array(triggerRowSchema).parse(rows).map((row) => showTrigger(row)),
} as const;

export const triggers = [
  ...createResource({
    ...common,
    path: "/{pipeline_id}/triggers",
    parents: z.object({ pipeline_id: z.uuid() }),
    parentTable: "pipelines",
    operations: ["list"],
  }),
  ...createResource({ ...common, path: "/triggers", operations: ["get", "delete"] }),
  ...createResource({
    domain: "pipelines",
    name: "firing",
    table: "trigger_firings",
    path: "/triggers/{trigger_id}/firings",
    parents: z.object({ trigger_id: z.uuid() }),
    parentTable: "pipeline_triggers",
    item: firingSchema,
    select: Object.keys(firingSchema.shape).join(","),
    operations: ["list"],
  }),
];
