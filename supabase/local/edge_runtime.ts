import { AsyncLocalStorage } from "node:async_hooks";

/** What one stack's functions see of the runtime that they believe to run in. */
export interface Runtime {
  /** Environment variables before those of the process. */
  readonly variables: ReadonlyMap<string, string>;
  /** What `EdgeRuntime.waitUntil` was given and has not ended, and requests in progress. */
  readonly tasks: Set<Promise<unknown>>;
}

const current = new AsyncLocalStorage<Runtime>();
let latest: Runtime | undefined;
const { get, has, toObject } = Deno.env;

/** A variable of the process itself, whatever is laid over it. */
export function processVariable(name: string): string | undefined {
  return get.call(Deno.env, name);
}

/** Runs a function's code: in it, `Deno.env` and `EdgeRuntime` are those of this runtime. */
export function runIn<T>(runtime: Runtime, work: () => T): T {
  return current.run(runtime, work);
}

/**
 * An answer whose stream is read in the runtime, too: else it is read in the context of whichever
 * request came first on the server.
 */
export function streamIn(runtime: Runtime, response: Response): Response {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (!response.body || !isStream) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await runIn(runtime, () => reader.read());
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => runIn(runtime, () => reader.cancel(reason)),
  }, { highWaterMark: 0 });
  return new Response(body, response);
}

/**
 * Puts the runtime's globals in place. The variables are laid over `Deno.env` instead of set, for
 * stacks of one process (tests side by side) must not see each other's.
 */
export function install(runtime: Runtime): void {
  if (latest === undefined) patch();
  latest = runtime;
}

/** Keeps a promise in the set until it has ended; a failure is written to the log. */
export function track(tasks: Set<Promise<unknown>>, task: Promise<unknown>): void {
  const ended = task.catch((error) => console.error("EdgeRuntime.waitUntil:", error))
    .finally(() => tasks.delete(ended));
  tasks.add(ended);
}

/** Waits until nothing is left to do, also what comes up meanwhile. False when time ran out. */
export async function drain(tasks: ReadonlySet<Promise<unknown>>, ms: number): Promise<boolean> {
  const { promise: timeUp, resolve } = Promise.withResolvers<"time up">();
  const timer = setTimeout(() => resolve("time up"), ms);
  try {
    while (tasks.size > 0) {
      if (await Promise.race([Promise.allSettled(tasks), timeUp]) === "time up") return false;
    }
    return true;
  } finally {
    clearTimeout(timer);
  }
}

function here(): Runtime | undefined {
  // A stream's callbacks can come without the context of the request that made it.
  return current.getStore() ?? latest;
}

function patch(): void {
  Object.assign(Deno.env, {
    get: (name: string) => here()?.variables.get(name) ?? get.call(Deno.env, name),
    has: (name: string) => here()?.variables.has(name) || has.call(Deno.env, name),
    toObject: () => ({
      ...toObject.call(Deno.env),
      ...Object.fromEntries(here()?.variables ?? []),
    }),
  });
  Object.assign(globalThis, {
    EdgeRuntime: {
      waitUntil(task: Promise<unknown>): void {
        const runtime = here();
        if (runtime) track(runtime.tasks, Promise.resolve(task));
      },
    },
  });
}
