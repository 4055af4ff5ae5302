import { logIsOff } from "@shared/env.ts";

/** One JSON line an event; the platform's log search takes it apart again. */
export function log(level: "info" | "error", entry: Record<string, unknown>): void {
  if (level === "info" && logIsOff()) return;
  const line = JSON.stringify({ time: new Date().toISOString(), level, ...entry });
  if (level === "error") console.error(line);
  else console.log(line);
}

/** What a log line may hold of an error: the chain of its causes, never a request's body. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return isRefusal(error) ? pick(error) : String(error);
  return {
    name: error.name,
    message: error.message,
    stack: error.stack?.split("\n").slice(1, 6).map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** A refusal by PostgREST is a plain object. Its details quote values, so they stay out. */
type Refusal = { code: unknown; message: unknown; hint: unknown };

const isRefusal = (value: unknown): value is Refusal =>
  typeof value === "object" && value !== null && "code" in value && "message" in value &&
  "hint" in value;

const pick = ({ code, message, hint }: Refusal) => ({ code, message, hint });
