import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { describeError, log } from "@shared/log.ts";
import { type Claim, claimSchema, type StepResult } from "./claim.ts";
import { Computing } from "./computing.ts";
import { executeStep } from "./execute_step.ts";
import { beat, finishSteps, HEARTBEAT_MS, persistently } from "./report_results.ts";

/** Steps in work at once: most of them wait for a network. */
const CONCURRENCY = 32;
/** A worker stops claiming after this: the platform ends a request at 150 s, and a step may take 120 s. */
const WALL_MS = 25_000;
/** Computing time after which a successor goes on; the platform allows 2 s a request. */
const COMPUTING_MS = 1_000;

/** What a worker did; `more`: another one was called. */
export type WorkerReport = { claimed: number; accepted: number; more: boolean };

/**
 * Claims and executes steps until there are none or its budget is spent.
 *
 * Results are sent as they come, several at once when they come faster than the database answers, so
 * that a slow step holds nobody up and a fan-out costs few round trips.
 *
 * @param callAnother called when this worker claims no more, though there may be more to do
 * @throws what a claim failed with, once the steps that were in work are done and told
 */
export async function runWorker(callAnother: () => void): Promise<WorkerReport> {
  const database = connect({ kind: "service" });
  const worker_id = crypto.randomUUID();
  const started = performance.now();
  const report: WorkerReport = { claimed: 0, accepted: 0, more: false };
  const finished: { result: StepResult; stop: AbortController }[] = [];
  /** Steps in work or being reported, each with what stops it. */
  const held = new Map<string, AbortController>();
  let running = 0;
  let isAlone = false;
  /** Whether another worker was called since there was last something new to do. */
  let isHandedOn = false;
  /** Why no more is claimed. */
  let failure: { error: unknown } | undefined;
  const computing = new Computing(COMPUTING_MS);
  let wake = () => {};

  const begin = (claim: Claim) => {
    isAlone = claim.is_alone;
    report.claimed += claim.steps.length;
    for (const step of claim.steps) {
      const stop = new AbortController();
      held.set(step.step_id, stop);
      running++;
      executeStep(step, claim, computing, stop.signal).then((result) => {
        running--;
        finished.push({ result, stop });
        wake();
      });
    }
  };
  const finish = async () => {
    const batch = finished.splice(0);
    report.accepted += await finishSteps(database, worker_id, batch.map(({ result }) => result));
    // What was lost meanwhile may have been claimed anew.
    for (const { result: { step_id }, stop } of batch) {
      if (held.get(step_id) === stop) held.delete(step_id);
    }
  };

  const heartbeat = setInterval(() => beat(database, worker_id, held), HEARTBEAT_MS);
  try {
    while (true) {
      const spent = computing.isSpent || performance.now() - started > WALL_MS;
      if (running === 0) isAlone = false;
      if ((spent || isAlone) && !isHandedOn && !failure && finished.length === 0) {
        isHandedOn = report.more = true;
        callAnother();
      }
      if (!spent && !isAlone && !failure && running < CONCURRENCY) {
        const wanted = { worker_id, max_steps: CONCURRENCY - running, is_idle: running === 0 };
        try {
          const claim = await claimSteps(database, wanted);
          begin(claim);
          if (claim.again || claim.is_alone) continue;
        } catch (error) {
          // What is in work must not be lost with it.
          log("error", { worker: worker_id, claim: "failed", error: describeError(error) });
          failure = { error };
        }
      }
      if (finished.length === 0) {
        if (running === 0) {
          if (failure) throw failure.error;
          return report;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (finished.length > 0) resolve();
        });
      }
      await finish();
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
