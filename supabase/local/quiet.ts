import { AsyncLocalStorage } from "node:async_hooks";

const silenced = new AsyncLocalStorage<boolean>();
let patched = false;

/**
 * Runs `work` without its words on the console: Lite writes the stack of each refused statement
 * there. Others that run at the same time keep theirs.
 */
export function quietly<T>(quiet: boolean, work: () => T): T {
  if (quiet && !patched) patch();
  return silenced.run(quiet, work);
}

function patch(): void {
  patched = true;
  const { error, warn } = console;
  console.error = (...said: unknown[]) => silenced.getStore() ? undefined : error(...said);
  console.warn = (...said: unknown[]) => silenced.getStore() ? undefined : warn(...said);
}
