import { ApiError } from "@shared/errors.ts";
import { parseBody } from "@shared/input.ts";
import type { Json } from "@shared/json.ts";
import type { Scheme } from "./signatures.ts";

/**
 * What a delivery hands to its run, once its signature is checked over the bytes; nothing of GitHub's
 * `ping`, which greets a new webhook and starts none.
 *
 * @throws {ApiError} `invalid_json`, `validation_failed`
 */
export function readDelivery(
  scheme: Scheme,
  headers: Headers,
  body: Uint8Array,
): { input: Json } | undefined {
  if (scheme !== "github") return { input: parseBody(readText(body)) };
  if (headers.get("x-github-event") === "ping") return undefined;
  const text = readText(body);
  // What GitHub sends unless it is told otherwise: a form with the JSON in one field.
  const isForm = headers.get("content-type")?.startsWith("application/x-www-form-urlencoded");
  return { input: parseBody(isForm ? readPayload(text) : text) };
}

function readPayload(form: string): string {
  const payload = new URLSearchParams(form).get("payload");
  if (payload === null) throw new ApiError("invalid_json", "The form has no field payload");
  return payload;
}

/** Text of what was signed as bytes. A replaced byte would be another input than the sender's. */
function readText(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new ApiError("invalid_json", "The body is not JSON: it is not UTF-8", { cause });
  }
}
