import type { Json } from "@shared/json.ts";
import { publicFetch } from "@shared/network.ts";
import { decodeText } from "../answer.ts";
import type { BlockContext } from "../context.ts";
import { parseRows } from "../formats.ts";
import { rethrowAsStepError } from "../step_error.ts";
import { assertSuccess } from "./http_answer.ts";
import type { DatasetOf } from "./specs.ts";

/** The step's own timeout is never longer. */
const LIMITS = { maxBytes: 20 * 1024 * 1024, timeoutMs: 120_000 };

/** The rows that a public address answers with. */
export async function readHttp(
  { url, format, headers }: DatasetOf<"http">,
  { signal }: BlockContext,
): Promise<Json> {
  const answer = await publicFetch(url, { ...LIMITS, signal, headers }).catch(rethrowAsStepError);
  assertSuccess(answer);
  return await parseRows(decodeText(answer.body, new URL(url).host), format);
}
