import { isJsonObject, type Json, type JsonObject, parseJson } from "@shared/json.ts";
import type { Source } from "@shared/llm/sources.ts";
import { ProviderFailure, retryAfterSeconds } from "@shared/llm/provider_failure.ts";

/** The longest message of a provider that is passed on, and the longest of its codes, in characters. */
const MESSAGE_LENGTH = 1_000;
const CODE_LENGTH = 200;

/** Statuses of a refusal that is the request's fault: it is passed on as it is. */
const OF_THE_REQUEST = [400, 404, 413, 415, 422];

/** What {@link describeRefusal} needs to know of who refused. */
type Refuser = Pick<Source, "provider" | "level">;

/**
 * What an answer other than 2xx means. A refused key is no fault of the caller's, who may not even
 * know of it; neither is whatever else the provider can't do.
 *
 * @param text the answer's body; what it repeats of the key is left out
 */
export function describeRefusal(
  { provider, level }: Refuser,
  key: string,
  { status, headers }: Pick<Response, "status" | "headers">,
  text: string,
): ProviderFailure {
  const told = readError(text);
  const retryAfter = retryAfterSeconds(headers.get("retry-after"));
  const message = messageOf(told, key);
  if (OF_THE_REQUEST.includes(status)) {
    const code = codeOf(told.code, key);
    const wire = {
      status,
      message: message || `${provider} answered ${status}`,
      type: codeOf(told.type, key) ?? "invalid_request_error",
      param: codeOf(told.param, key),
      code,
    };
    const isModel = status === 404 || code === "model_not_found";
    return new ProviderFailure(isModel ? "model_not_found" : "provider_refused", wire.message, {
      wire,
    });
  }
  if (status === 401 || status === 403) {
    const who = provider === level ? "The provider" : provider;
    return new ProviderFailure("provider_error", `${who} refused the ${level}'s key`);
  }
  if (status === 429) {
    const isSpent = [told.code, told.type].includes("insufficient_quota");
    return new ProviderFailure(
      "rate_limited",
      isSpent
        ? `The ${level}'s quota with ${provider} is spent`
        : `${provider} is at its rate limit`,
      { retryable: !isSpent, retryAfterSeconds: retryAfter },
    );
  }
  return new ProviderFailure("provider_error", `${provider} answered ${status}`, {
    retryable: status >= 500 || status === 408 || status === 409,
    retryAfterSeconds: retryAfter,
  });
}

/** An error that came as an event of a stream, or in place of an answer. */
export function describeFailure(
  { provider }: Refuser,
  key: string,
  error: Json,
): ProviderFailure {
  const told = isJsonObject(error) ? error : { message: error };
  const message = messageOf(told, key);
  return new ProviderFailure(
    "provider_error",
    `${provider} failed: ${message || "no reason given"}`,
    {
      retryable: true,
    },
  );
}

/** `{error: {…}}`, in a list with Gemini, bare with Mistral. */
function readError(text: string): JsonObject {
  try {
    const value = parseJson(text);
    const first = Array.isArray(value) ? value[0] : value;
    if (!isJsonObject(first)) return {};
    return isJsonObject(first.error) ? first.error : { message: first.error ?? null, ...first };
  } catch {
    return {};
  }
}

function messageOf({ message, detail }: JsonObject, key: string): string {
  const given = message ?? detail ?? "";
  const text = typeof given === "string" ? given : JSON.stringify(given);
  return withoutKey(text, key).slice(0, MESSAGE_LENGTH);
}

const codeOf = (value: Json | undefined, key: string): string | null =>
  typeof value === "string" && value !== "" ? withoutKey(value, key).slice(0, CODE_LENGTH) : null;

/** Providers repeat what they were sent, and so do errors of a connection. Before anything is cut, or the beginning of a key may stay. */
export function withoutKey(text: string, key: string): string {
  return key === "" ? text : text.replaceAll(key, "…");
}
