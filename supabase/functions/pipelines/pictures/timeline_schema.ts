import { z } from "zod";
import { runStatusSchema, stepSchema } from "../schemas.ts";

/** When a run's steps waited, ran and ended. */

const time = z.iso.datetime();
const milliseconds = z.number().nonnegative();

export const attemptStatusSchema = z.enum(["running", "succeeded", "failed", "canceled"]);

const attemptSchema = z.object({
  attempt: z.int(),
  status: attemptStatusSchema,
  started_at: time,
  finished_at: time.nullable(),
  duration_ms: milliseconds.describe("Until now, while it runs."),
  message: z.string().describe("What went wrong, if it failed."),
});

const timedStepSchema = z.object({
  step_id: z.uuid(),
  block_id: z.uuid().nullable(),
  name: z.string(),
  status: stepSchema.shape.status,
  ready_at: time.nullable().describe("When all steps before it had succeeded."),
  started_at: time.nullable().describe("When its first attempt began."),
  finished_at: time.nullable(),
  duration_ms: milliseconds.nullable().describe(
    "From its first attempt's start to its end, or until now.",
  ),
  waiting_ms: milliseconds.nullable().describe(
    "Before its first attempt and between attempts, from when it was ready.",
  ),
  attempts: z.array(attemptSchema),
  is_critical: z.boolean().describe("Whether it is on the critical path."),
  is_reused: z.boolean().describe("Whether its output was taken from an earlier run."),
});

export const timelineSchema = z.object({
  run_id: z.uuid(),
  pipeline_id: z.uuid(),
  name: z.string().describe("The pipeline's name at start."),
  status: runStatusSchema,
  queued_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  observed_at: time.describe("What `now` was: unfinished times are counted up to here."),
  duration_ms: milliseconds.nullable().describe("From start to end, or until now."),
  steps: z.array(timedStepSchema).describe("In the order in which they began."),
  critical_path: z.array(z.uuid()).describe(
    "The steps that made the run take as long as it did: each began when the one before had ended.",
  ),
}).meta({ id: "RunTimeline", description: "When a run's steps waited, ran and ended." });

export type Timeline = z.infer<typeof timelineSchema>;
export type TimedStep = z.infer<typeof timedStepSchema>;
export type Attempt = z.infer<typeof attemptSchema>;
