import { ApiError } from "@shared/errors.ts";

/**
 * Providers of models, each an endpoint that speaks OpenAI's format. Any other one is reached by its
 * base URL.
 */

/** How a provider is asked. */
export type Endpoint = {
  /** Without a slash at its end. */
  baseUrl: string;
  /** Answers only to a key that is good. */
  modelsUrl: string;
  /** What carries the key where models are listed: a chat takes `Authorization: Bearer` everywhere. */
  headers(key: string): Record<string, string>;
  /** Statuses that say that the key is no good. */
  refusals: readonly number[];
};

type Provider = {
  baseUrl: string;
  /** In place of `/models`, where that answers anyone. */
  checkPath?: string;
  /** In place of `Authorization: Bearer`. */
  headers?(key: string): Record<string, string>;
  /** Beside 401 and 403. Gemini calls a bad key bad input. */
  refusal?: number;
};

/** By name; base URLs as their documentation has them (November 2026). */
export const PROVIDERS: ReadonlyMap<string, Provider> = new Map<string, Provider>([
  ["openai", { baseUrl: "https://api.openai.com/v1" }],
  ["anthropic", {
    baseUrl: "https://api.anthropic.com/v1",
    // Its list of models is not part of its OpenAI compatibility: it wants its own headers. A chat
    // with it is: there it takes what OpenAI's clients send.
    headers: (key) => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
  }],
  ["gemini", {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    refusal: 400,
  }],
  ["mistral", { baseUrl: "https://api.mistral.ai/v1" }],
  ["groq", { baseUrl: "https://api.groq.com/openai/v1" }],
  ["openrouter", { baseUrl: "https://openrouter.ai/api/v1", checkPath: "/key" }],
]);

/** What carries a key in OpenAI's format. */
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/**
 * Where a provider is, at its own address or at the one given.
 *
 * @throws {ApiError} `provider_error` for an unknown provider without an address: a client that writes
 *   to the database itself can store such a key
 */
export function endpointOf(provider: string, givenUrl: string | null): Endpoint {
  const known = PROVIDERS.get(provider);
  const baseUrl = (givenUrl ?? known?.baseUrl)?.replace(/\/+$/, "");
  if (baseUrl === undefined) {
    const message = `We don't know where ${provider} is: set its key again, with base_url`;
    throw new ApiError("provider_error", message);
  }
  return {
    baseUrl,
    modelsUrl: `${baseUrl}${known?.checkPath ?? "/models"}`,
    headers: known?.headers ?? bearer,
    refusals: [401, 403, ...(known?.refusal ? [known.refusal] : [])],
  };
}
