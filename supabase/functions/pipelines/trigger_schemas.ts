import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";
import { nextTimes, type Schedule, ScheduleError } from "./schedules.ts";

/** What triggers take and show. */

export const webhookSchemeSchema = z.enum(["standard", "github", "stripe", "hmac", "none"])
  .describe(
    "How the sender proves itself: Standard Webhooks, GitHub's X-Hub-Signature-256, Stripe-Signature, " +
      "X-Signature with the body's HMAC-SHA256 (hex or base64), or not at all.",
  );

export const catchUpSchema = z.enum(["none", "one", "all"]).describe(
  "What becomes of times missed by more than a minute: none, the latest one, or all (100 at most).",
);

export const overlapSchema = z.enum(["skip", "queue", "cancel"]).describe(
  "At a time when an earlier run of the trigger has not ended: leave it out, start when that ends (100 wait " +
    "at most), or cancel the earlier run.",
);

/** A schedule as it is sent; parts may be left out where they are known. */
export const scheduleFields = {
  expression: z.string().trim().min(1).max(200).describe(
    "Cron: minute, hour, day of month, month, day of week; optionally seconds before them.",
  ),
  timezone: z.string().min(1).max(100).describe("IANA name, as in Europe/Berlin."),
  catch_up: catchUpSchema,
  overlap: overlapSchema,
  input: z.record(z.string(), jsonSchema).describe(
    "Each run's input, to which `scheduled_at` is added.",
  ),
};

/** A secret that the sender gave. */
export const givenSecretSchema = z.string().min(16).max(200);

const time = z.string().describe("ISO 8601.");

const columns = {
  id: z.uuid(),
  organization_id: z.uuid(),
  pipeline_id: z.uuid(),
  type: z.enum(["webhook", "cron"]),
  scheme: webhookSchemeSchema.nullable(),
  expression: z.string().nullable(),
  timezone: z.string().nullable(),
  catch_up: catchUpSchema.nullable(),
  overlap: overlapSchema.nullable(),
  input: jsonSchema,
  is_active: z.boolean(),
  deactivation_reason: z.string().nullable().describe("Why the platform has switched it off."),
  last_triggered_at: time.nullable(),
  created_by: z.uuid().describe("The user that the runs act as."),
  api_key_id: z.uuid().nullable().describe("The issued key that made it, and its runs count for."),
  created_at: time,
  updated_at: time,
};

/** A row of `pipeline_triggers`, as far as it is shown. */
export const triggerRowSchema = z.object(columns);

/** What {@link triggerRowSchema} is read with. */
export const triggerColumns = Object.keys(columns).join(",");

export const triggerSchema = triggerRowSchema.extend({
  url: z.url().nullable().describe("Where a webhook's sender sends to."),
  next_fire_times: z.array(time).nullable().describe("A schedule's next five, while it is active."),
}).meta({ id: "PipelineTrigger", description: "What starts runs from outside." });

export const firingSchema = z.object({
  id: z.uuid(),
  trigger_id: z.uuid(),
  scheduled_at: time.describe("The time by the expression. ISO 8601."),
  status: z.enum(["queued", "started", "skipped", "failed"]),
  reason: z.string().nullable().describe(
    "Of a skipped one `missed`, `overlap`, `queue_full` or `switched_off`; of a failed one, what went wrong.",
  ),
  passed_over: z.int().describe(
    "Earlier times that catch_up left out; 100 stands for more as well.",
  ),
  run_id: z.uuid().nullable(),
  created_at: time,
}).meta({ id: "TriggerFiring", description: "A time of a schedule and what came of it." });

/** Fails a schema's check for a schedule that can't be computed or never fires. */
export function checkSchedule(context: z.core.ParsePayload<Schedule>): void {
  try {
    nextTimes(context.value, 1, new Date());
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    const { message, field } = error;
    context.issues.push({ code: "custom", message, path: [field], input: context.value[field] });
  }
}
