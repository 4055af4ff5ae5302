import type { Database } from "./database.ts";

const INTERVAL_MS = 2_000;

/** What the scheduler needs. */
export interface SchedulerOptions {
  readonly database: Database;
  /** The API's URL. */
  readonly url: string;
  readonly secretKey: string;
}

/**
 * Stands in for pg_cron: has the database run its jobs that are due, asks it whether there is work and
 * wakes the worker. It waits for the worker's answer, so there is never more than one call of its own.
 * @returns the function that ends it
 */
export function startScheduler(options: SchedulerOptions): () => Promise<void> {
  const stopped = new AbortController();
  const running = loop(options, stopped.signal);
  return () => {
    stopped.abort();
    return running;
  };
}

async function loop(options: SchedulerOptions, signal: AbortSignal): Promise<void> {
  while (await pause(signal)) {
    try {
      await callIfThere(options.database, "private.run_jobs()");
      const needed = await callIfThere(options.database, "private.worker_needed()");
      if (needed === true) await wake(options, signal);
    } catch (error) {
      if (!signal.aborted) console.error("Scheduler:", error);
    }
  }
}

/** A migration may not have made the function yet, or never will in someone's test. */
async function callIfThere(database: Database, call: string): Promise<unknown> {
  const [found] = await database.query(`select to_regprocedure('${call}') is not null as found`);
  if (found?.found !== true) return undefined;
  const [answer] = await database.query(`select ${call} as result`);
  return answer?.result;
}

async function wake({ url, secretKey }: SchedulerOptions, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${url}/functions/v1/pipelines/worker`, {
    method: "POST",
    headers: { apikey: secretKey },
    signal,
  });
  const text = await answer.text();
  if (!answer.ok) console.error(`Scheduler: the worker answered ${answer.status}: ${text}`);
}

/** Waits for the next turn; false when there is none. */
function pause(signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), INTERVAL_MS);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve(false);
  }, { once: true });
  return promise;
}
