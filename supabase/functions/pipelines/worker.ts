import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { describeError, log } from "@shared/log.ts";
import { type Claim, claimSchema, type StepResult } from "./claim.ts";
import { Computing } from "./computing.ts";
import { executeStep } from "./execute_step.ts";
import { z } from "zod";

/** Steps in work at once: most of them wait for a network. */
const CONCURRENCY = 32;
/** A worker stops claiming after this; the platform ends a request at 150 s. */
const WALL_MS = 60_000;
/** Computing time after which a successor goes on; the platform allows 2 s a request. */
const COMPUTING_MS = 1_000;
/** Far below the lease of 60 s, so that one lost beat costs nothing. */
const HEARTBEAT_MS = 15_000;

const finishedSchema = z.object({ accepted: z.array(z.string()) });

/** How often the database is asked before a worker gives up. */
const TRIES = 6;

/** What a worker did; `more` asks for a successor. */
export type WorkerReport = { claimed: number; accepted: number; more: boolean };

/**
 * Claims and executes steps until there are none or its budget is spent.
 *
 * Results are sent as they come, several at once when they come faster than the database answers, so
 * that a slow step holds nobody up and a fan-out costs few round trips.
 */
export async function runWorker(): Promise<WorkerReport> {
  const database = connect({ kind: "service" });
  const worker_id = crypto.randomUUID();
  const started = performance.now();
  const report: WorkerReport = { claimed: 0, accepted: 0, more: false };
  const finished: StepResult[] = [];
  let running = 0;
  const computing = new Computing(COMPUTING_MS);
  let wake = () => {};

  const heartbeat = setInterval(() => beat(database, worker_id), HEARTBEAT_MS);
  try {
    while (true) {
      const spent = computing.isSpent || performance.now() - started > WALL_MS;
      if (!spent && running < CONCURRENCY) {
        const claim = await claimSteps(database, worker_id, CONCURRENCY - running);
        report.claimed += claim.steps.length;
        for (const step of claim.steps) {
          running += 1;
          executeStep(step, claim, computing).then((result) => {
            running -= 1;
            finished.push(result);
            wake();
          });
        }
      }
      if (finished.length === 0) {
        if (running === 0) {
          report.more = spent;
          return report;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (finished.length > 0) resolve();
        });
      }
      report.accepted += await finishSteps(database, worker_id, finished.splice(0));
    }
  } finally {
    clearInterval(heartbeat);
  }
}

async function claimSteps(
  database: DatabaseClient,
  worker_id: string,
  max_steps: number,
): Promise<Claim> {
  const claim = () => unwrap(database.rpc("claim_steps", { worker_id, max_steps }));
  return claimSchema.parse(await persistently(claim));
}

/**
 * Reports results, and returns how many counted. One that the database refuses must not take the
 * others along: then each goes by itself, and the refused one as a failure that says why.
 */
async function finishSteps(
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
    let accepted = 0;
    for (const result of results) {
      // What can't be reported at all is left to the lease: the steps beside it must not wait for it.
      accepted += await send([result]).catch(() => send([refused(result)])).catch(() => 0);
    }
    return accepted;
  }
}

/**
 * Tries again while the database is busy or out of reach: giving up would drop results that are
 * done, and cost each of their steps a lease and an attempt. Both commands may be repeated.
 */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      const busy = error instanceof ApiError && error.code === "database_unavailable";
      if (!busy || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt * Math.random()));
    }
  }
}

const refused = ({ step_id, attempt }: StepResult): StepResult => ({
  step_id,
  attempt,
  succeeded: false,
  error: { code: "output_invalid", message: "The database refused the output" },
  retryable: false,
});

function beat(database: DatabaseClient, worker_id: string): void {
  unwrap(database.rpc("heartbeat_worker", { worker_id }))
    .catch((error) => log("error", { worker: worker_id, error: describeError(error) }));
}
