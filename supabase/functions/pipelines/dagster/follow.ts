import type { ClaimedRun, Report } from "./claim.ts";
import type { Connection } from "./config.ts";
import { failureOf, toFailures, toLogged } from "./events.ts";
import { readLog, readStatus, terminateRun } from "./queries.ts";

/** Pages of the log at one look: a long log is taken over in several. */
const MAX_PAGES = 5;
/** A run that is still there so long after it was asked to end is called canceled. */
const TERMINATION_SECONDS = 60;

const OUTCOMES = { SUCCESS: "succeeded", FAILURE: "failed", CANCELED: "canceled" } as const;

const isEnd = (status: string): status is keyof typeof OUTCOMES => Object.hasOwn(OUTCOMES, status);

/** Takes over what is new of a run that Dagster has. */
export async function follow(run: ClaimedRun, at: Connection, id: string): Promise<Report> {
  // The status first: the log that is read after it holds all that led to it.
  const status = await readStatus(at, id, run.run_id);
  if (status === undefined) {
    const message = `Dagster has no run ${id} any more: it was deleted there`;
    return {
      outcome: run.is_canceling ? "canceled" : "failed",
      error: { code: "dagster_run_lost", message },
    };
  }
  const { events, cursor, hasMore } = await readPages(run, at, id);
  const failures = toFailures(events);
  const report = {
    dagster_status: status,
    events: toLogged(events),
    ...(failures.length > 0 ? { failures } : {}),
    ...(cursor === null ? {} : { cursor }),
  };
  if (hasMore) return { ...report, next_poll_seconds: 1 };
  if (isEnd(status)) {
    return { ...report, outcome: OUTCOMES[status], error: leftover(status, failureOf(events)) };
  }
  if (run.is_canceling && await terminate(run, at, id)) {
    return { ...report, terminated: true, next_poll_seconds: 1 };
  }
  return { ...report, next_poll_seconds: run.is_canceling ? 2 : pauseSeconds(run) };
}

async function readPages({ cursor: after }: ClaimedRun, at: Connection, id: string) {
  const events = [];
  let cursor = after;
  for (let page = 1;; page++) {
    const log = await readLog(at, id, cursor);
    events.push(...log.events);
    cursor = log.cursor;
    if (!log.hasMore || page === MAX_PAGES) return { events, cursor, hasMore: log.hasMore };
  }
}

/** Why a step can be left when Dagster is done. */
function leftover(status: keyof typeof OUTCOMES, why: string | undefined) {
  return status === "FAILURE"
    ? { code: "dagster_run_failed", message: why ?? "The run failed on Dagster" }
    : {
      code: "dagster_out_of_step",
      message: "Dagster ended the run, but this step was not done",
    };
}

/** Asks Dagster to end the run, if it is time to; whether it was asked. */
async function terminate(run: ClaimedRun, at: Connection, id: string): Promise<boolean> {
  const { seconds_since_termination: since } = run;
  if (since !== null && since < TERMINATION_SECONDS) return false;
  // A refusal needs no answer: the run's state tells at the next look.
  await terminateRun(at, id, since !== null);
  return true;
}

/** The longer a run has taken, the less it matters to hear of its end at once. */
const pauseSeconds = ({ age_seconds }: ClaimedRun) => Math.min(Math.max(age_seconds / 30, 1), 20);
