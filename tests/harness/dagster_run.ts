import type { ClaimedRun } from "../../supabase/functions/pipelines/dagster/claim.ts";

/** A run that has not been launched, as a worker is told of it. */
export const DAGSTER_RUN: ClaimedRun = {
  run_id: "ours",
  poll: 1,
  is_canceling: false,
  external_id: null,
  config: {},
  job: "pipeline_1",
  parent_external_id: null,
  launches: 0,
  seconds_since_launch: null,
  seconds_since_termination: null,
  age_seconds: 1,
  cursor: null,
  deployment: null,
  ops: null,
};
