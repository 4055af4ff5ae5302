import { StepError } from "./step_error.ts";

type JsonataError = { code: string; message?: unknown; position?: unknown };

/**
 * What JSONata throws (plain objects with a code and mostly a position) as a {@link StepError} with
 * its place in the expression.
 */
export function jsonataFailure(error: unknown, expression: string): unknown {
  if (error instanceof StepError) return error;
  if (error instanceof RangeError) {
    const message = /string length/i.test(error.message)
      ? "the expression builds a text that is too long"
      : "the expression or its data nests too deeply";
    return new StepError({ code: "jsonata_limit", message });
  }
  if (error instanceof Error && error.name.startsWith("RE2JS")) {
    const message = `the regular expression is not supported: ${error.message}`;
    return new StepError({ code: "jsonata_regex", message });
  }
  if (!isJsonataError(error)) return error;
  const message = typeof error.message === "string" ? error.message : "the expression failed";
  if (typeof error.position !== "number") {
    return new StepError({ code: `jsonata_${error.code}`, message: `${message} (${error.code})` });
  }
  const offset = error.position;
  const before = expression.slice(0, offset).split("\n");
  const [line, column] = [before.length, (before.at(-1) ?? "").length + 1];
  return new StepError({
    code: `jsonata_${error.code}`,
    message: `${message} (${error.code} at position ${offset}, line ${line})`,
    position: { offset, line, column },
  });
}

function isJsonataError(error: unknown): error is JsonataError {
  return typeof error === "object" && error !== null && "code" in error &&
    typeof error.code === "string" && /^[SDTU]\d{4}$/.test(error.code);
}
