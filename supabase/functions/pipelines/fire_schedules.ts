import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";
import { planFiring, ScheduleError } from "./schedules.ts";
import { catchUpSchema } from "./trigger_schemas.ts";

const BATCH = 20;

const claimSchema = z.object({
  now_ms: z.number(),
  has_queued: z.boolean(),
  schedules: z.array(z.object({
    trigger_id: z.uuid(),
    expression: z.string(),
    timezone: z.string(),
    catch_up: catchUpSchema,
    due: z.string(),
    due_ms: z.number(),
  })),
});

type Claim = z.infer<typeof claimSchema>;

/** What {@link fireSchedules} found. */
export type Fired = {
  /** Schedules that were due. */
  fired: number;
  /** Whether firings wait for an earlier run to end. */
  hasQueued: boolean;
};

/**
 * Fires the schedules that are due. The database sees to it that a time counts once, whoever else is at
 * it; one that fails here is tried again when its claim has run out.
 */
export async function fireSchedules(): Promise<Fired> {
  const database = connect({ kind: "service" });
  let fired = 0;
  while (true) {
    const claim = claimSchema.parse(
      await unwrap(database.rpc("claim_schedules", { max_triggers: BATCH })),
    );
    await Promise.all(claim.schedules.map((schedule) => fire(database, schedule, claim.now_ms)));
    fired += claim.schedules.length;
    if (claim.schedules.length < BATCH) return { fired, hasQueued: claim.has_queued };
  }
}

/** Starts what waited for an earlier run of its trigger to end. @returns how many runs */
export async function startQueuedFirings(): Promise<number> {
  const database = connect({ kind: "service" });
  return await unwrap(database.rpc("start_queued_firings", { max_triggers: BATCH }));
}

async function fire(
  database: DatabaseClient,
  schedule: Claim["schedules"][number],
  now: number,
): Promise<void> {
  const { trigger_id, due } = schedule;
  try {
    const firing = planFiring(schedule, new Date(schedule.due_ms), new Date(now));
    await unwrap(database.rpc("fire_schedule", { trigger_id, due, firing }));
  } catch (error) {
    // Written past the functions, or a zone that is no more: it would fail each time.
    if (error instanceof ScheduleError) {
      await unwrap(
        database.rpc("switch_off_trigger", { trigger_id, reason: error.message }),
      );
    } else {
      log("error", { trigger: trigger_id, error: describeError(error) });
    }
  }
}
