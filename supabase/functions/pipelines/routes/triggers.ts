import { createResource } from "@shared/resource.ts";
import { Reply, type Route } from "@shared/route.ts";
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
} as const;

const pageSchema = z.object({ data: z.array(triggerRowSchema), next_cursor: z.unknown() });

/** The same route, whose rows are shown with what the database can't compute. */
const shown = (route: Route): Route => ({
  ...route,
  handle: async (context) => {
    const answer = await route.handle(context);
    if (answer instanceof Reply) {
      return new Reply(showTrigger(triggerRowSchema.parse(answer.value)), answer.options);
    }
    const { data, next_cursor } = pageSchema.parse(answer);
    return { data: data.map((row) => showTrigger(row)), next_cursor };
  },
});

export const triggers = [
  ...createResource({
    ...common,
    path: "/{pipeline_id}/triggers",
    parents: z.object({ pipeline_id: z.uuid() }),
    parentTable: "pipelines",
    operations: ["list"],
  }).map(shown),
  ...createResource({ ...common, path: "/triggers", operations: ["get"] }).map(shown),
  ...createResource({ ...common, path: "/triggers", operations: ["delete"] }),
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
