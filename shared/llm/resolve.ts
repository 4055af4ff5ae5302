import { defaultModels } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import type { Source } from "@shared/llm/sources.ts";

/** Whom to ask for what. */
export type Target = { source: Source; /** As the provider calls it. */ model: string };

/**
 * Which provider serves a model: the one that `<provider>/<model>` names, else the first whose models
 * go by such names, else the first that may have any.
 *
 * @param sources by rank
 * @throws {ApiError} `provider_not_configured`, `model_not_found`
 *
 * @example
 * ```ts
 * resolveModel(sources, "claude-sonnet-4-5").source.provider; // "anthropic"
 * resolveModel(sources, "ours/llama3").model; // "llama3"
 * ```
 */
export function resolveModel(sources: readonly Source[], model: string): Target {
  if (sources.length === 0) throw notConfigured();
  const target = findTarget(sources, model);
  if (target) return target;
  const there = [...new Set(sources.map(({ provider }) => provider))].join(", ");
  throw new ApiError(
    "model_not_found",
    `The model ${model} does not exist or no provider that you can use serves it (there is ${there})`,
  );
}

/** The same, or undefined where nobody serves it. */
export function findTarget(sources: readonly Source[], model: string): Target | undefined {
  const slash = model.indexOf("/");
  const named = sources.find(({ provider }) => slash > 0 && provider === model.slice(0, slash));
  if (named && slash + 1 < model.length) return { source: named, model: model.slice(slash + 1) };
  const source = sources.find(({ adapter }) => adapter.models.test(model)) ??
    sources.find(({ servesAny }) => servesAny);
  return source && { source, model };
}

/**
 * The model that is used where none is named: the environment's, else the first provider's usual one.
 *
 * @throws {ApiError} `provider_not_configured`; `invalid_request` where a model has to be named
 */
export function defaultModel(sources: readonly Source[], kind: "chat" | "embedding"): string {
  if (sources.length === 0) throw notConfigured();
  const set = defaultModels()[kind];
  if (set !== undefined && findTarget(sources, set)) return set;
  const source = sources.find(({ adapter }) => adapter.defaults[kind] !== undefined);
  if (source) return `${source.provider}/${source.adapter.defaults[kind]}`;
  throw new ApiError("invalid_request", "Name a model: your provider has no usual one");
}

const notConfigured = () =>
  new ApiError(
    "provider_not_configured",
    "No model provider is configured: set your own or your organization's key with " +
      "PUT /keys/providers/{provider}, or have the platform's OPENAI_API_KEY (and OPENAI_BASE_URL) set",
  );
