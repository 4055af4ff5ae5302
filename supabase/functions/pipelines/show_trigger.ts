import { supabaseUrl } from "@shared/env.ts";
import type { z } from "zod";
import { nextTimes, ScheduleError } from "./schedules.ts";
import type { triggerRowSchema, triggerSchema } from "./trigger_schemas.ts";

const SHOWN_TIMES = 5;

/** A trigger as the API shows it: with the address of a webhook and the next times of a schedule. */
export function showTrigger(
  row: z.infer<typeof triggerRowSchema>,
  now: Date = new Date(),
): z.infer<typeof triggerSchema> {
  const url = row.type === "webhook"
    ? `${supabaseUrl()}/functions/v1/pipelines/hooks/${row.id}`
    : null;
  return { ...row, url, next_fire_times: timesOf(row, now) };
}

function timesOf(
  { expression, timezone, is_active }: z.infer<typeof triggerRowSchema>,
  now: Date,
): string[] | null {
  if (expression === null || timezone === null) return null;
  try {
    return is_active ? nextTimes({ expression, timezone }, SHOWN_TIMES, now) : [];
  } catch (error) {
    // Written past the functions; the next worker switches it off.
    if (error instanceof ScheduleError) return [];
    throw error;
  }
}
