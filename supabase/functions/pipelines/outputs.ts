import { type Json, nestsDeeper } from "@shared/json.ts";
import { INLINE_BYTES, putArtifact } from "./artifacts.ts";
import type { ClaimedStep } from "./claim.ts";
import { StepError } from "./execution/step_error.ts";

/** Text that JSON can escape and Postgres can't hold: NUL, and halves of surrogate pairs. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f]..)/;

/** Levels of nesting that an output may have, as a request's body. */
const MAX_DEPTH = 500;

/** Small outputs go to the step's row; a large one to Storage, leaving its address. */
export async function storeOutput(
  step: Pick<ClaimedStep, "organization_id" | "run_id" | "step_id" | "attempt"> & {
    /** Who reports from elsewhere, so that no two can write to one object. */
    worker_id?: string;
  },
  output: Json,
): Promise<{ output: Json; output_path?: string }> {
  const json = serialize(output, "output");
  const bytes = new TextEncoder().encode(json);
  if (bytes.length <= INLINE_BYTES) return { output };
  const attempt = [step.step_id, step.attempt, ...(step.worker_id ? [step.worker_id] : [])];
  const path = `${step.organization_id}/${step.run_id}/${attempt.join("-")}.json`;
  const [sha256] = await Promise.all([digest(bytes), putArtifact(path, json)]);
  const artifact = { bucket: "artifacts", path, bytes: bytes.length, sha256 };
  return { output: { artifact }, output_path: path };
}

/**
 * The cursor, if a step's row can hold it.
 *
 * @throws {StepError} `cursor_invalid`, `cursor_too_large`
 */
export function checkCursor(cursor: Json): Json {
  const { length } = new TextEncoder().encode(serialize(cursor, "cursor"));
  if (length <= INLINE_BYTES) return cursor;
  throw new StepError({
    code: "cursor_too_large",
    message: `The cursor is ${length} bytes long, and ${INLINE_BYTES} at most are kept`,
  });
}

/** JSON text that the database can hold. */
function serialize(value: Json, what: "output" | "cursor"): string {
  const invalid = (why: string) =>
    new StepError({ code: `${what}_invalid`, message: `The ${what} ${why}` });
  const json = stringify(value);
  if (json === undefined || nestsDeeper(json, MAX_DEPTH)) {
    throw invalid(`nests deeper than ${MAX_DEPTH} levels`);
  }
  if (UNSTORABLE.test(json)) {
    throw invalid("holds a character that can't be stored: NUL, or half of a surrogate pair");
  }
  return json;
}

/** None where the value nests so deeply that walking it overflows the stack. */
function stringify(value: Json): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** SHA-256 in hexadecimal: what a step that reuses outputs knows a large input by. */
async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
