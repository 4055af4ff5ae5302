import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { describeError, log } from "@shared/log.ts";
import type { StepResult } from "./claim.ts";
import { z } from "zod";

/** What a worker tells the database: results of steps, and that it lives. */

/** Far below the lease of 60 s, and often enough to stop the steps of a canceled run soon. */
export const HEARTBEAT_MS = 3_000;

/** How often the database is asked before a worker gives up. */
const TRIES = 6;

const finishedSchema = z.object({ accepted: z.array(z.string()) });

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
    // A database that is away has refused nothing: the results are given up, and had again.
    if (isAway(error)) return 0;
    let accepted = 0;
    for (const result of results) {
      // What can't be reported at all is left to the lease: the steps beside it must not wait for it.
      const report = send([result]).catch((error) =>
        isAway(error) ? 0 : send([refused(result, error)])
      );
      accepted += await report.catch(() => 0);
    }
    return accepted;
  }
}

/**
 * Tries again while the database is busy or out of reach: giving up would drop results that are
 * done, and cost each of their steps an attempt. What is done so may be repeated.
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

/** The failure that an attempt ends with whose result was refused. */
function refused({ step_id, attempt }: StepResult, error: unknown): StepResult {
  // A value that does not fit never will. What else went wrong may go well the next time.
  const isInvalid = error instanceof ApiError && error.code === "validation_failed";
  return {
    step_id,
    attempt,
    succeeded: false,
    error: isInvalid
      ? { code: "output_invalid", message: "The database refused the output" }
      : { code: "internal_error", message: "The result could not be stored" },
    retryable: !isInvalid,
  };
}

/**
 * Says that the worker lives, and stops those of its steps whose runs are canceled.
 *
 * @param held the steps that the worker knows of, in work or being reported. Any other that began in
 *   its name a while ago is given back.
 */
export function beat(
  database: DatabaseClient,
  worker_id: string,
  held: ReadonlyMap<string, AbortController>,
): void {
  unwrap(database.rpc("heartbeat_worker", { worker_id, held: [...held.keys()] }))
    .then((canceled) => canceled.forEach((step_id) => held.get(step_id)?.abort()))
    .catch((error) => log("error", { worker: worker_id, error: describeError(error) }));
}
