import { log } from "@shared/log.ts";
import type { ClaimedRun, Fault, Report } from "./claim.ts";
import type { Connection, DagsterConfig } from "./config.ts";
import {
  findRuns,
  hasJob,
  type LaunchAnswer,
  launchReexecution,
  launchRun,
  reloadLocation,
  RUN_TAG,
  type Tag,
  terminateRun,
} from "./queries.ts";

/** A launch whose answer was lost may still be on its way for so long. */
const ON_ITS_WAY_SECONDS = 35;
const MAX_LAUNCHES = 5;
/** What a person has to put right at Dagster is waited for so long. */
const REPAIR_SECONDS = 600;

/** Stores a report, unless the claim was lost: by its lease, or by a cancel. False then. */
export type RecordReport = (report: Report) => Promise<boolean>;

/**
 * Brings a run onto Dagster, once. That a launch is sent is stored before it is; from then on its tag
 * is looked for before another one is sent, so that no answer's loss makes two runs of it.
 */
export async function launch(
  run: ClaimedRun,
  config: DagsterConfig,
  at: Connection,
  record: RecordReport,
): Promise<Report> {
  if (run.launches > 0) {
    const found = await adopt(run, at);
    if (found) return { external_id: found, next_poll_seconds: 0 };
    if ((run.seconds_since_launch ?? 0) < ON_ITS_WAY_SECONDS) return { next_poll_seconds: 3 };
  }
  if (run.is_canceling) return { outcome: "canceled" };
  if (run.launches >= MAX_LAUNCHES) {
    return failed("dagster_launch_failed", `Dagster did not take the run in ${run.launches} tries`);
  }
  const obstacle = await loadJob(run, at);
  if (obstacle) return { waiting: obstacle, patience_seconds: REPAIR_SECONDS };
  if (!await record({ launching: true })) return {};
  const answer = await send(run, config, at, record);
  return answer ? conclude(answer, at) : {};
}

/** The run that a launch came to after all. Were there several, only the first one goes on. */
async function adopt(run: ClaimedRun, at: Connection): Promise<string | undefined> {
  const [first, ...copies] = await findRuns(at, run.run_id);
  for (const { runId } of copies) await terminateRun(at, runId, false);
  return first?.runId;
}

const nameOf = ({ isTenants, location }: Connection) =>
  isTenants
    ? `The code location ${location} of Dagster`
    : "The code location of the deployment's Dagster";

/** Dagster's own words, which tell of the machine it is on, for who named it; else for the log. */
export function wordsOf(
  { __typename, message }: { __typename: string; message?: string | undefined },
  { isTenants }: Pick<Connection, "isTenants">,
): string {
  if (isTenants) return message?.slice(0, 1000) ?? __typename;
  log("error", { dagster: __typename, error: message ?? "" });
  return __typename;
}

/** Sees to it that the code location has the job; what stands against that, if anything. */
async function loadJob({ job }: ClaimedRun, at: Connection): Promise<Fault | undefined> {
  if (await hasJob(at, job)) return undefined;
  const failure = await reloadLocation(at);
  if (failure) {
    const message = `${nameOf(at)} does not load: ${wordsOf(failure, at)}`;
    return { code: "dagster_location_failed", message };
  }
  if (await hasJob(at, job)) return undefined;
  return {
    code: "dagster_job_missing",
    message: `${nameOf(at)} loads, but without the job ${job}: ` +
      "look at its EDGELOOM_URL and EDGELOOM_TOKEN",
  };
}

/** The answer to a launch; undefined where the claim was lost before one was answered with a run. */
async function send(
  run: ClaimedRun,
  config: DagsterConfig,
  at: Connection,
  record: RecordReport,
): Promise<LaunchAnswer | undefined> {
  const { job, ops, parent_external_id, run_id } = run;
  const { url: _url, location: _location, repository: _repository, tags, ...runConfig } = config;
  const ours: Tag = { key: RUN_TAG, value: run_id };
  const named = Object.entries(tags ?? {}).map(([key, value]) => ({ key, value }));
  const all = [...named.filter(({ key }) => key !== RUN_TAG), ours];
  if (parent_external_id !== null) {
    const answer = await launchReexecution(at, parent_external_id, all);
    if (answer.run || await adopt(run, at)) return answer;
    // Dagster has lost the run that failed, or sees no failure in it: the steps are known here, too.
    // That is a launch of its own, as late as it may be on its way.
    if (!await record({ launching: true })) return undefined;
  }
  return await launchRun(at, { job, tags: all, runConfig, stepKeys: ops });
}

function conclude(answer: LaunchAnswer, at: Connection): Report {
  const { run, __typename, errors } = answer;
  if (run) return { external_id: run.runId, next_poll_seconds: 0 };
  if (__typename === "RunConfigValidationInvalid") {
    const why = (errors ?? []).map((error) => error.message).join("; ").slice(0, 2000);
    return failed("dagster_config_invalid", `Dagster refuses the run config: ${why}`);
  }
  // It may have the run nevertheless: its tag is looked for before the next try.
  return {
    waiting: {
      code: "dagster_launch_failed",
      message: `Dagster did not launch the run: ${wordsOf(answer, at)}`,
    },
    patience_seconds: REPAIR_SECONDS,
  };
}

const failed = (code: string, message: string): Report => ({
  outcome: "failed",
  error: { code, message },
});
