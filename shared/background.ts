import { describeError, log } from "@shared/log.ts";

/** The edge runtime's global, of which plain Deno has none. */
declare const EdgeRuntime: { waitUntil(promise: Promise<unknown>): void };

/** Goes on with `work` after the answer is sent. A hint at best: the worker may be killed first. */
export function inBackground(name: string, work: () => Promise<unknown>): void {
  const promise = work().catch((error) =>
    log("error", { background: name, error: describeError(error) })
  );
  if ("EdgeRuntime" in globalThis) EdgeRuntime.waitUntil(promise);
}
