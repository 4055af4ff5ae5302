import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** What `claim_dagster_runs` tells of a run whose turn it is. */
export const claimedRunSchema = z.object({
  run_id: z.string(),
  poll: z.number(),
  is_canceling: z.boolean(),
  /** The run's id on Dagster, once it is known. */
  external_id: z.string().nullable(),
  /** As stored: past the API, it may be anything. */
  config: z.record(z.string(), jsonSchema),
  job: z.string(),
  parent_external_id: z.string().nullable(),
  launches: z.number(),
  seconds_since_launch: z.number().nullable(),
  seconds_since_termination: z.number().nullable(),
  age_seconds: z.number(),
  cursor: z.string().nullable(),
  deployment: z.object({ url: z.string(), location: z.string(), repository: z.string() })
    .nullable(),
  ops: z.array(z.string()).nullable(),
});

export type ClaimedRun = z.infer<typeof claimedRunSchema>;

/** Why a run waits or has failed. */
export type Fault = { code: string; message: string };

/** One of Dagster's events, as the run's log keeps it. */
export type LoggedEvent = {
  op: string | null;
  message: string;
  data: { source: "dagster"; event: string; level: string; at: string };
};

/** What `record_dagster_run` is told of a look at Dagster. */
export type Report =
  | { waiting: Fault; patience_seconds: number }
  | {
    launching?: true;
    external_id?: string;
    dagster_status?: string;
    events?: LoggedEvent[];
    cursor?: string;
    failures?: { op: string; message: string }[];
    terminated?: true;
    outcome?: "succeeded" | "failed" | "canceled";
    error?: Fault;
    next_poll_seconds?: number;
  };
