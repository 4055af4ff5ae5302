import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { nextTimes, ScheduleError } from "../schedules.ts";
import { showTrigger } from "../show_trigger.ts";
import {
  scheduleFields,
  triggerColumns,
  triggerRowSchema,
  triggerSchema,
} from "../trigger_schemas.ts";

type Row = z.infer<typeof triggerRowSchema>;

export const updateTrigger = createRoute({
  method: "patch",
  path: "/triggers/{id}",
  auth: "user",
  scope: "pipelines:write",
  operationId: "update_trigger",
  summary: "Change a trigger",
  description:
    "Changes what the body names and leaves the rest. A webhook can be switched off and on; a schedule that is " +
    "changed or switched on counts from now. Needs the role admin.",
  params: z.object({ id: z.uuid() }),
  body: z.strictObject({ ...scheduleFields, is_active: z.boolean() }).partial(),
  example: { is_active: false },
  answers: { 200: { description: "The trigger as it is now.", schema: triggerSchema } },
}, async ({ params: { id }, body, database }) => {
  const find = () =>
    unwrap(database.from("pipeline_triggers").select(triggerColumns).eq("id", id).maybeSingle());
  const found = await find();
  if (!found) throw new ApiError("not_found", `No trigger with id ${id}`);
  const before = triggerRowSchema.parse(found);
  check(before, body);
  if (Object.keys(body).length === 0) return showTrigger(before);
  const [row] = await unwrap(
    database.from("pipeline_triggers").update(body).eq("id", id).select(triggerColumns),
  );
  if (!row) throw new ApiError("forbidden", "Your role does not allow this with the trigger");
  return showTrigger(triggerRowSchema.parse(row));
});

/** Holds the change against what stays: an expression is computed with its zone. */
function check(before: Row, change: Partial<Row>): void {
  if (before.type === "webhook") {
    const [field] = Object.keys(change).filter((name) => name !== "is_active");
    if (field) throw invalid(field, "A webhook has no schedule");
    return;
  }
  const { expression, timezone } = { ...before, ...change };
  if (expression === null || timezone === null) return;
  try {
    nextTimes({ expression, timezone }, 1, new Date());
  } catch (error) {
    if (error instanceof ScheduleError) throw invalid(error.field, error.message);
    throw error;
  }
}

const invalid = (path: string, message: string) =>
  new ApiError("validation_failed", `${path}: ${message}`, { errors: [{ path, message }] });
