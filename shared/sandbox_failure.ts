import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten-core";
import { SandboxError, type SandboxErrorDetail } from "@shared/sandbox_error.ts";

/** The file name that stack frames of the author's code carry. */
export const SOURCE_NAME = "code.js";

/** Lines that the wrapper puts before the author's first line. */
const WRAPPER_LINES = 1;

const MESSAGE_LENGTH = 1000;
const FRAME = /code\.js:(\d+):(\d+)/;

/** What is known of the run when it failed, to tell a limit from the author's own error. */
export type RunState = {
  /** What it is when it is no limit: the source didn't compile, or it threw. */
  otherwise: "syntax" | "runtime";
  memoryNearlyFull: boolean;
};

/** Reads what the code threw, without running more of it than its getters. */
export function toSandboxError(
  context: QuickJSContext,
  thrown: QuickJSHandle,
  state: RunState,
): SandboxError {
  const name = readText(context, thrown, "name") ?? "";
  const message = readText(context, thrown, "message") ?? describeValue(context, thrown);
  const position = readPosition(readText(context, thrown, "stack") ?? "");
  // When not even an Error object fits into the memory, QuickJS throws null, or nothing at all.
  const isNothing = context.typeof(thrown) === "undefined" || context.eq(thrown, context.null);
  const nothingFits = state.memoryNearlyFull && isNothing;
  if ((name === "InternalError" && message === "out of memory") || nothingFits) {
    return new SandboxError("memory", "the code used more memory than it may", position);
  }
  const text = name === "" || name === "Error" ? message : `${name}: ${message}`;
  return new SandboxError(state.otherwise, text.slice(0, MESSAGE_LENGTH), position);
}

/** The error of a run that passed its deadline. */
export function timeoutError(timeoutMs: number, position: SandboxErrorDetail = {}): SandboxError {
  return new SandboxError("timeout", `the code ran longer than ${timeoutMs} ms`, position);
}

function readText(context: QuickJSContext, target: QuickJSHandle, key: string): string | undefined {
  const type = context.typeof(target);
  if (type !== "object" && type !== "function") return undefined;
  return context.getProp(target, key).consume((value) =>
    context.typeof(value) === "string" ? context.getString(value) : undefined
  );
}

/** A thrown value that is not an Error: text as it is, anything else by its type. */
function describeValue(context: QuickJSContext, thrown: QuickJSHandle): string {
  const type = context.typeof(thrown);
  if (type === "string" || type === "number" || type === "boolean") {
    return context.getString(thrown);
  }
  return `the code threw a value of type ${type}`;
}

function readPosition(stack: string): { line?: number; column?: number } {
  const frame = FRAME.exec(stack);
  if (frame === null) return {};
  return { line: Math.max(1, Number(frame[1]) - WRAPPER_LINES), column: Number(frame[2]) };
}
