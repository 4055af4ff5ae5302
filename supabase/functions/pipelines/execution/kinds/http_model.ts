import { type Json, parseJson } from "@shared/json.ts";
import { publicFetch } from "@shared/network.ts";
import { decodeText } from "../answer.ts";
import type { BlockContext } from "../context.ts";
import { rethrowAsStepError, StepError } from "../step_error.ts";
import { assertSuccess } from "./http_answer.ts";
import type { ModelOf } from "./specs.ts";

/** The step's own timeout is never longer. */
const LIMITS = { maxBytes: 10 * 1024 * 1024, timeoutMs: 120_000 };

/**
 * Sends the input to a public service and returns its answer: JSON by its content type, null when
 * it is empty, else text. The service is called at least once, always with the same
 * `Idempotency-Key`.
 */
export async function callHttpModel(
  { url, method = "POST" }: ModelOf<"http">,
  input: Json,
  { idempotencyKey, signal }: BlockContext,
): Promise<Json> {
  const content = method === "GET"
    ? {}
    : { headers: { "content-type": "application/json" }, body: JSON.stringify(input) };
  const answer = await publicFetch(url, {
    ...LIMITS,
    signal,
    method,
    body: content.body,
    headers: {
      ...content.headers,
      accept: "application/json, text/*;q=0.9",
      "idempotency-key": idempotencyKey,
    },
  }).catch(rethrowAsStepError);
  assertSuccess(answer);
  const host = new URL(url).host;
  const text = decodeText(answer.body, host);
  if (text === "") return null;
  if (!/[/+]json\b/.test(answer.headers["content-type"] ?? "")) return text;
  try {
    return parseJson(text);
  } catch {
    throw new StepError({
      code: "json_invalid",
      message: `${host} calls its answer JSON, and it is none`,
    });
  }
}
