import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";
import type { StepEvent } from "./attempts.ts";
import { readAll } from "./read_all.ts";
import type { RunRecord } from "./timeline.ts";

const parentsSchema = z.array(z.object({ source_step_id: z.string() }));

const milliseconds = (time: string): number => new Date(time).getTime();
const millisecondsOrNull = (time: string | null) => time === null ? null : milliseconds(time);

/** Everything that a run's timeline is made of. @throws {ApiError} `not_found` */
export async function readRunRecord(database: DatabaseClient, run_id: string): Promise<RunRecord> {
  const [run, steps, events] = await Promise.all([
    unwrap(
      database.from("pipeline_runs")
        .select("pipeline_id,status,created_at,started_at,finished_at,name:definition->>name")
        .eq("id", run_id).maybeSingle(),
    ),
    readAll((from, to) =>
      database.from("run_steps")
        .select("id,block_id,name,status,incoming,attempt,started_at,finished_at", {
          count: "exact",
        })
        .eq("run_id", run_id).order("id").range(from, to)
    ),
    readEvents(database, run_id),
  ]);
  if (!run) throw new ApiError("not_found", `No run with id ${run_id}`);
  return {
    run: {
      run_id,
      pipeline_id: run.pipeline_id,
      name: run.name,
      status: run.status,
      queued: milliseconds(run.created_at),
      started: millisecondsOrNull(run.started_at),
      finished: millisecondsOrNull(run.finished_at),
    },
    steps: steps.map(({ incoming, started_at, finished_at, ...step }) => ({
      ...step,
      parents: parentsSchema.parse(incoming).map(({ source_step_id }) => source_step_id),
      started: millisecondsOrNull(started_at),
      finished: millisecondsOrNull(finished_at),
    })),
    events,
  };
}

/** The transitions of a run's steps, without the lines that they log. */
async function readEvents(
  database: DatabaseClient,
  run_id: string,
): Promise<Map<string, StepEvent[]>> {
  const rows = await readAll((from, to) =>
    database.from("run_events")
      .select("step_id,event_type,message,created_at,attempt:data->attempt", { count: "exact" })
      .eq("run_id", run_id).not("step_id", "is", null).neq("event_type", "step.log")
      .order("transaction_id").order("sequence").range(from, to)
  );
  const byStep = new Map<string, StepEvent[]>();
  for (const { step_id, event_type, message, created_at, attempt } of rows) {
    if (step_id === null) continue;
    const events = byStep.get(step_id) ?? [];
    byStep.set(step_id, events);
    const number = typeof attempt === "number" ? attempt : null;
    events.push({ event_type, message, at: milliseconds(created_at), attempt: number });
  }
  return byStep;
}
