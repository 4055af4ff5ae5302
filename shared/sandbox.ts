import type {
  ExecutePendingJobsResult,
  QuickJSContext,
  QuickJSHandle,
  QuickJSRuntime,
  Scope,
  VmCallResult,
} from "quickjs-emscripten-core";
import { type Json, parseJson } from "@shared/json.ts";
import { dropEngine, type Engine, takeEngine } from "@shared/sandbox_engine.ts";
import { SandboxError } from "@shared/sandbox_error.ts";
import { PRELUDE } from "@shared/sandbox_prelude.ts";
import { SOURCE_NAME, timeoutError, toSandboxError } from "@shared/sandbox_failure.ts";

export { SandboxError, type SandboxErrorKind } from "@shared/sandbox_error.ts";

/** Limits and seeds of one run; each has a default. */
export type SandboxOptions = {
  /** Wall time of the author's code in milliseconds; 1000 by default. */
  timeoutMs?: number;
  /** Memory above the engine's own 16 MiB, in bytes; 64 MiB by default. */
  memoryBytes?: number;
  /** What `Math.random` starts from; the same seed gives the same numbers. */
  seed?: string;
  /** What the clock shows, in milliseconds since 1970; 0 by default. It stands still. */
  now?: number;
  /** The second argument `cursor`; null by default. */
  cursor?: Json;
  /** The longest result, in bytes of JSON; 10 MiB by default. */
  maxOutputBytes?: number;
};

/** The options with their defaults, also where a caller passes undefined. */
function complete(options: SandboxOptions): Required<SandboxOptions> {
  const { timeoutMs = 1000, memoryBytes = 64 * MEBIBYTE, seed = "", now = 0 } = options;
  const { maxOutputBytes = 10 * MEBIBYTE, cursor = null } = options;
  return { timeoutMs, memoryBytes, seed, now, maxOutputBytes, cursor };
}

const MEBIBYTE = 1024 * 1024;
/**
 * How long after its deadline a run is broken off in the middle. QuickJS itself asks every 10,000
 * operations whether to stop, and then it knows the line; inside one built-in it never asks.
 */
const GRACE_MS = 100;
/** About 1,100 plain calls deep. More would reach the end of V8's own stack first. */
const STACK_BYTES = 256 * 1024;

type Run = {
  engine: Engine;
  runtime: QuickJSRuntime;
  context: QuickJSContext;
  scope: Scope;
  options: Required<SandboxOptions>;
  deadline: number;
};

/**
 * Runs JavaScript that nobody vouches for, in QuickJS compiled to WebAssembly. The code has no
 * network, no imports, no host object, a clock that stands still and a seeded `Math.random`.
 *
 * `source` is the body of an async function of `input` and `cursor`. What it returns becomes
 * JSON by the rules of `JSON.stringify`; `undefined`, a function, a symbol, a bigint and a cyclic
 * value are refused.
 *
 * @throws {SandboxError} when the code fails or passes a limit; `line` and `column` count from 1 in
 * `source`
 *
 * @example
 * ```ts
 * await runSandboxed("return input.map((n) => n * 2);", [1, 2]); // [2, 4]
 * ```
 */
export function runSandboxed(
  source: string,
  input: Json,
  options: SandboxOptions = {},
): Promise<Json> {
  return withRun(complete(options), (run) => {
    const { context, scope } = run;
    const { parse, stringify } = installPrelude(run);
    const values = [input, run.options.cursor].map((value) => {
      const json = JSON.stringify(value);
      // The engine copies the text before any of its limits can act.
      if (json.length > run.options.memoryBytes / 4) {
        throw new SandboxError("memory", "the input is larger than the sandbox takes");
      }
      const text = scope.manage(context.newString(json));
      return unwrap(run, context.callFunction(parse, context.undefined, text));
    });
    const author = compile(run, source);
    const [value, cursor] = values;
    const bound = unwrap(
      run,
      context.callFunction(author, context.undefined, cursor ?? context.null),
    );
    const promise = unwrap(
      run,
      context.callFunction(bound, context.undefined, value ?? context.null),
    );
    return serialize(run, stringify, settle(run, promise));
  });
}

/**
 * Compiles `source` as {@link runSandboxed} would, without running it.
 *
 * @throws {SandboxError} of kind `syntax`
 */
export async function checkSyntax(source: string): Promise<void> {
  await withRun(complete({}), (run) => {
    compile(run, source);
  });
}

async function withRun<T>(options: Required<SandboxOptions>, work: (run: Run) => T): Promise<T> {
  const { Scope, shouldInterruptAfterDeadline } = await import("quickjs-emscripten-core");
  let engine = await takeEngine(options.memoryBytes);
  // Another run may have broken it between its arrival and ours.
  while (engine.broken) engine = await takeEngine(options.memoryBytes);
  // From here on nothing is awaited: two runs never share the interpreter at the same time.
  const deadline = Date.now() + options.timeoutMs;
  engine.deadline.value = deadline + GRACE_MS;
  const scope = new Scope();
  let result: T;
  try {
    const runtime = scope.manage(engine.quickjs.newRuntime());
    runtime.setMaxStackSize(STACK_BYTES);
    runtime.setInterruptHandler(shouldInterruptAfterDeadline(deadline));
    const context = scope.manage(runtime.newContext());
    result = work({ engine, runtime, context, scope, options, deadline });
    // The last built-in may have run on past the deadline.
    if (Date.now() > deadline) throw timeoutError(options.timeoutMs);
  } catch (error) {
    if (error instanceof SandboxError) {
      release(scope, engine);
      throw error;
    }
    // The interpreter broke off in the middle: its handles can't be freed, its memory goes as a whole.
    dropEngine(engine);
    const trapped = error instanceof WebAssembly.RuntimeError && Date.now() > deadline;
    if (trapped) throw timeoutError(options.timeoutMs);
    if (error instanceof RangeError || error instanceof WebAssembly.RuntimeError) {
      throw new SandboxError("runtime", "the code or its data nests too deeply");
    }
    throw error;
  }
  release(scope, engine);
  return result;
}

/**
 * Frees the run's handles, its context and its runtime. QuickJS aborts when a kill left a value
 * referenced (a suspended async function is enough), and freeing a full memory takes its time; then
 * the memory goes as a whole.
 */
function release(scope: Scope, engine: Engine): void {
  engine.deadline.value = Date.now() + GRACE_MS;
  try {
    scope.dispose();
  } catch {
    dropEngine(engine);
  }
}

function installPrelude(run: Run): { parse: QuickJSHandle; stringify: QuickJSHandle } {
  const { context, scope, options } = run;
  const install = unwrap(run, context.evalCode(PRELUDE, "prelude.js"));
  const words = scope.manage(context.newArray());
  seedWords(options.seed).forEach((word, index) =>
    context.setProp(words, index, scope.manage(context.newNumber(word)))
  );
  const now = scope.manage(context.newNumber(options.now));
  const kept = unwrap(run, context.callFunction(install, context.undefined, now, words));
  return {
    parse: scope.manage(context.getProp(kept, "parse")),
    stringify: scope.manage(context.getProp(kept, "stringify")),
  };
}

function compile(run: Run, source: string): QuickJSHandle {
  const result = run.context.evalCode(
    // Of one parameter: with two, QuickJS forgets the line that a loop is interrupted in.
    `((cursor) => async function (input) {\n${source}\n})`,
    SOURCE_NAME,
  );
  if (result.error) throw failure(run, run.scope.manage(result.error), "syntax");
  return run.scope.manage(result.value);
}

function settle(run: Run, promise: QuickJSHandle): QuickJSHandle {
  const { context, runtime, scope } = run;
  for (;;) {
    const state = context.getPromiseState(promise);
    if (state.type === "fulfilled") return scope.manage(state.value);
    if (state.type === "rejected") throw failure(run, scope.manage(state.error));
    if (!runtime.hasPendingJob()) {
      throw new SandboxError("runtime", "the code waits for a promise that never settles");
    }
    // One job at a time: an async function swallows the interrupt, so each may run to a new one.
    unwrapJobs(run, runtime.executePendingJobs(1));
    if (Date.now() > run.deadline) throw timeoutError(run.options.timeoutMs);
  }
}

function serialize(run: Run, stringify: QuickJSHandle, value: QuickJSHandle): Json {
  const { context, scope, options } = run;
  const type = context.typeof(value);
  if (type === "undefined") {
    throw new SandboxError("output", "the code returned nothing: it must return a JSON value");
  }
  if (type === "function" || type === "symbol" || type === "bigint") {
    throw new SandboxError("output", `the code returned a ${type}, which is not a JSON value`);
  }
  const result = context.callFunction(stringify, context.undefined, value);
  if (result.error) {
    const error = failure(run, scope.manage(result.error));
    if (error.kind !== "runtime") throw error;
    throw new SandboxError("output", `the result is not JSON: ${error.message}`);
  }
  const text = scope.manage(result.value);
  if (context.typeof(text) !== "string") {
    throw new SandboxError("output", "the result is not JSON: its toJSON returned nothing");
  }
  const length = context.getProp(text, "length").consume((handle) => context.getNumber(handle));
  const tooLong = () =>
    new SandboxError("output", `the result is longer than ${options.maxOutputBytes} bytes`);
  if (length > options.maxOutputBytes) throw tooLong();
  const json = context.getString(text);
  if (new TextEncoder().encode(json).length > options.maxOutputBytes) throw tooLong();
  return parseJson(json);
}

function unwrap(run: Run, result: VmCallResult<QuickJSHandle>): QuickJSHandle {
  if (result.error) throw failure(run, run.scope.manage(result.error));
  return run.scope.manage(result.value);
}

function unwrapJobs(run: Run, result: ExecutePendingJobsResult): void {
  if (result.error) throw failure(run, run.scope.manage(result.error));
}

function failure(
  run: Run,
  thrown: QuickJSHandle,
  otherwise: "syntax" | "runtime" = "runtime",
): SandboxError {
  const { engine, options, deadline } = run;
  const error = toSandboxError(run.context, thrown, {
    otherwise,
    memoryNearlyFull: engine.memory.buffer.byteLength > engine.maximumBytes * 0.75,
  });
  // Whatever fails after the deadline fails for it: the interrupt, what the code throws instead, and
  // what came of reading it.
  if (Date.now() < deadline || error.kind === "memory") return error;
  return timeoutError(options.timeoutMs, { line: error.line, column: error.column });
}

/** Four 32-bit words of a text, by FNV-1a over it with a different start a word. */
function seedWords(seed: string): number[] {
  return [0, 1, 2, 3].map((salt) => {
    let hash = 0x811c9dc5 ^ salt;
    for (const unit of new TextEncoder().encode(seed)) {
      hash = Math.imul(hash ^ unit, 0x01000193);
    }
    return hash;
  });
}
