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
 * Stands in for pg_cron: asks the database whether there is work and wakes the worker. It waits for
 * the worker's answer, so there is never more than one call of its own.
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
      if (await isNeeded(options.database)) await wake(options, signal);
    } catch (error) {
      if (!signal.aborted) console.error("Scheduler:", error);
    }
  }
}

/** A migration may not have made the function yet, or never will in someone's test. */
async function isNeeded(database: Database): Promise<boolean> {
  const [found] = await database.query(
    "select to_regprocedure('private.worker_needed()') is not null as found",
  );
  if (found?.found !== true) return false;
  const [answer] = await database.query("select private.worker_needed() as needed");
  return answer?.needed === true;
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
