import { Logger, makeWorkerUtils, run } from "graphile-worker";
import PgBoss from "pg-boss";

/** A job queue of somebody else's, on the same server. */
export type Rival = {
  name: string;
  /** Queues `count` jobs that do nothing, then works them off; returns the time of the working, in ms. */
  workOff(count: number): Promise<number>;
  /** Queues a job for a worker that has nothing to do; returns the time until it starts, in ms. */
  latency(): Promise<number>;
  stop(): Promise<void>;
};

const CONCURRENCY = 24;
const BATCH = 200;
const CLIENTS = 2;
/** The shortest interval that pg-boss takes. */
const POLLING_SECONDS = 0.5;

/** graphile-worker as its own benchmark runs it: a local queue, results sent in batches. */
export async function startGraphileWorker(connectionString: string): Promise<Rival> {
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  let left = 0;
  let notify = () => {};
  const begin = () =>
    run({
      connectionString,
      logger,
      noHandleSignals: true,
      taskList: {
        noop: () => {
          left -= 1;
          if (left === 0) notify();
        },
      },
      preset: {
        worker: {
          concurrentJobs: CONCURRENCY,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
        },
      },
    });
  const untilDone = (jobs: number) => {
    left = jobs;
    return new Promise<void>((resolve) => notify = resolve);
  };
  return {
    name: "graphile-worker 0.17.3",
    async workOff(count) {
      await utils.addJobs(
        Array.from({ length: count }, () => ({ identifier: "noop", payload: {} })),
      );
      const done = untilDone(count);
      const started = performance.now();
      const runner = await begin();
      await done;
      const ms = performance.now() - started;
      await runner.stop();
      return ms;
    },
    async latency() {
      const runner = await idle(begin);
      const done = untilDone(1);
      const queued = performance.now();
      await utils.addJob("noop", {});
      await done;
      const ms = performance.now() - queued;
      await runner.stop();
      return ms;
    },
    stop: async () => await utils.release(),
  };
}

/** A worker that has looked for jobs and found none. */
async function idle<T>(begin: () => Promise<T>): Promise<T> {
  const worker = await begin();
  await new Promise((resolve) => setTimeout(resolve, 300 + 500 * Math.random()));
  return worker;
}

/** pg-boss: batches fetched and completed for the rate, its own polling worker for the latency. */
export async function startPgBoss(connectionString: string): Promise<Rival> {
  const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue("rate");
  await boss.createQueue("latency");
  return {
    name: "pg-boss 10.4.2",
    async workOff(count) {
      await boss.insert(Array.from({ length: count }, () => ({ name: "rate", data: {} })));
      const started = performance.now();
      await Promise.all(Array.from({ length: CLIENTS }, async () => {
        for (;;) {
          const jobs = await boss.fetch("rate", { batchSize: BATCH });
          if (jobs.length === 0) return;
          await boss.complete("rate", jobs.map(({ id }) => id));
        }
      }));
      return performance.now() - started;
    },
    async latency() {
      let start = () => {};
      const started = new Promise<void>((resolve) => start = resolve);
      const options = { pollingIntervalSeconds: POLLING_SECONDS };
      const worker = await idle(() =>
        boss.work("latency", options, () => {
          start();
          return Promise.resolve();
        })
      );
      const queued = performance.now();
      await boss.send("latency", {});
      await started;
      const ms = performance.now() - queued;
      await boss.offWork({ id: worker });
      return ms;
    },
    stop: async () => await boss.stop({ graceful: true, wait: true }),
  };
}
