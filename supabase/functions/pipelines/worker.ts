import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { describeError, log } from "@shared/log.ts";
import { type Claim, claimSchema, type StepResult } from "./claim.ts";
import { Computing } from "./computing.ts";
import { executeStep } from "./execute_step.ts";
import { z } from "zod";

/** Steps in work at once: most of them wait for a network. */
const CONCURRENCY = 32;
/** A worker stops claiming after this: the platform ends a request at 150 s, and a step may take 120 s. */
const WALL_MS = 25_000;
/** Computing time after which a successor goes on; the platform allows 2 s a request. */
const COMPUTING_MS = 1_000;
/** Far below the lease of 60 s, and often enough to stop the steps of a canceled run soon. */
export const HEARTBEAT_MS = 3_000;

const finishedSchema = z.object({ accepted: z.array(z.string()) });

/** How often the database is asked before a worker gives up. */
const TRIES = 6;

/** What a worker did; `more`: another one was called. */
export type WorkerReport = { claimed: number; accepted: number; more: boolean };

/**
 * Claims and executes steps until there are none or its budget is spent.
 *
 * Results are sent as they come, several at once when they come faster than the database answers, so
 * that a slow step holds nobody up and a fan-out costs few round trips.
 *
 * @param callAnother called when this worker claims no more, though there may be more to do
 */
export async function runWorker(callAnother: () => void): Promise<WorkerReport> {
  const database = connect({ kind: "service" });
  const worker_id = crypto.randomUUID();
  const started = performance.now();
  const report: WorkerReport = { claimed: 0, accepted: 0, more: false };
  const finished: StepResult[] = [];
  /** Steps in work, each with what stops it. */
  const running = new Map<string, AbortController>();
  let isAlone = false;
  /** Whether another worker was called since there was last something new to do. */
  let isHandedOn = false;
  const computing = new Computing(COMPUTING_MS);
  let wake = () => {};

  const heartbeat = setInterval(() => beat(database, worker_id, running), HEARTBEAT_MS);
  try {
    while (true) {
      const spent = computing.isSpent || performance.now() - started > WALL_MS;
      if (running.size === 0) isAlone = false;
      if ((spent || isAlone) && !isHandedOn && finished.length === 0) {
        isHandedOn = report.more = true;
        callAnother();
      }
      if (!spent && !isAlone && running.size < CONCURRENCY) {
        const is_idle = running.size === 0;
        const max_steps = CONCURRENCY - running.size;
        const claim = await claimSteps(database, { worker_id, max_steps, is_idle });
        isAlone = claim.is_alone;
        report.claimed += claim.steps.length;
        for (const step of claim.steps) {
          const stop = new AbortController();
          running.set(step.step_id, stop);
          executeStep(step, claim, computing, stop.signal).then((result) => {
            running.delete(step.step_id);
            finished.push(result);
            wake();
          });
        }
        if (claim.again || claim.is_alone) continue;
      }
      if (finished.length === 0) {
        if (running.size === 0) return report;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (finished.length > 0) resolve();
        });
      }
      report.accepted += await finishSteps(database, worker_id, finished.splice(0));
      isHandedOn = false;
    }
  } finally {
    clearInterval(heartbeat);
  }
}

async function claimSteps(
  database: DatabaseClient,
  wanted: { worker_id: string; max_steps: number; is_idle: boolean },
): Promise<Claim> {
  const claim = () => unwrap(database.rpc("claim_steps", wanted));
  return claimSchema.parse(await persistently(claim));
}

/**
 * Reports results, and returns how many counted. One that the database refuses must not take the
 * others along: then each goes by itself, and the refused one as a failure that says why.
 */
export async function finishSteps(
  database: DatabaseClient,
  worker_id: string,
  results: StepResult[],
): Promise<number> {
  const send = async (batch: StepResult[]) =>
    finishedSchema.parse(
      await persistently(() => unwrap(database.rpc("finish_steps", { worker_id, results: batch }))),
    ).accepted.length;
  try {
    return await send(results);
  } catch (error) {
    log("error", { worker: worker_id, refused: results.length, error: describeError(error) });
    // A database that is away has refused nothing: the results wait for the lease, and are had again.
    if (isAway(error)) return 0;
    let accepted = 0;
    for (const result of results) {
      // What can't be reported at all is left to the lease: the steps beside it must not wait for it.
      const report = send([result]).catch((error) => isAway(error) ? 0 : send([refused(result)]));
      accepted += await report.catch(() => 0);
    }
    return accepted;
  }
}

/**
 * Tries again while the database is busy or out of reach: giving up would drop results that are
 * done, and cost each of their steps a lease and an attempt. Both commands may be repeated.
 */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error) || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt * Math.random()));
    }
  }
}

/** Busy, restarting or out of reach. */
const isAway = (error: unknown): boolean =>
  error instanceof ApiError && error.code === "database_unavailable";

const refused = ({ step_id, attempt }: StepResult): StepResult => ({
  step_id,
  attempt,
  succeeded: false,
  error: { code: "output_invalid", message: "The database refused the output" },
  retryable: false,
});

/** Says that the worker lives, and stops those of its steps whose runs are canceled. */
export function beat(
  database: DatabaseClient,
  worker_id: string,
  running: ReadonlyMap<string, AbortController>,
): void {
  unwrap(database.rpc("heartbeat_worker", { worker_id }))
    .then((canceled) => canceled.forEach((step_id) => running.get(step_id)?.abort()))
    .catch((error) => log("error", { worker: worker_id, error: describeError(error) }));
}
