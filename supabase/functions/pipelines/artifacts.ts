import { credentials } from "@shared/database.ts";
import { supabaseUrl } from "@shared/env.ts";
import { type Json, parseJson } from "@shared/json.ts";
import { StepError } from "./execution/step_error.ts";

/** Outputs over this many bytes are kept in Storage instead of the step's row. */
export const INLINE_BYTES = 256 * 1024;

/** Storage that does not answer is given up; the step is tried again. */
const TIMEOUT_MS = 30_000;

const address = (path: string) => `${supabaseUrl()}/storage/v1/object/artifacts/${path}`;

function refuse(status: number, path: string): never {
  throw new StepError({
    code: "artifact_failed",
    message: `The artifact ${path} could not be moved: Storage answered ${status}`,
    retryable: true,
  });
}

/** Stores an output's JSON as an artifact. */
export async function putArtifact(path: string, json: string): Promise<void> {
  const response = await fetch(address(path), {
    method: "POST",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      ...credentials({ kind: "service" }),
      "content-type": "application/json",
      "x-upsert": "true",
    },
    body: json,
  });
  await response.body?.cancel();
  if (!response.ok) refuse(response.status, path);
}

/** Reads an artifact back. */
export async function getArtifact(path: string): Promise<Json> {
  const response = await fetch(address(path), {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: credentials({ kind: "service" }),
  });
  if (!response.ok) {
    await response.body?.cancel();
    refuse(response.status, path);
  }
  return parseJson(await response.text());
}
