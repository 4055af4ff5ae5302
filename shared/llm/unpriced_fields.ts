import { isRecord } from "@shared/llm/estimate.ts";

/**
 * Fields with which a call costs something else than its model's price says, as providers' documentation
 * has them (November 2026), and values with which it does not. Nothing of this is known beforehand, so
 * such a call has no price.
 */
const UNPRICED: Readonly<Record<string, readonly unknown[]>> = {
  // Billed beside the tokens, or by tokens of another kind.
  web_search_options: [],
  search_parameters: [],
  plugins: [],
  audio: [],
  modalities: ["text"],
  // Another tariff.
  service_tier: ["auto", "default"],
  speed: ["standard"],
  inference_geo: [],
  provider: [],
  // Another model.
  models: [],
  route: [],
  preset: [],
  // A longer answer than `max_tokens` says, or more of them than `n`.
  best_of: [1],
  max_output_tokens: [],
  max_new_tokens: [],
  num_predict: [],
  n_predict: [],
  "options.num_predict": [],
  // Whatever the provider makes of it.
  extra_body: [],
};

/**
 * The first field of a request that leaves its price unknown.
 *
 * @param body as it is sent: what the provider is not told costs nothing
 *
 * @example
 * ```ts
 * unpricedField({ model: "gpt-4o", messages, service_tier: "priority" }); // "service_tier"
 * ```
 */
export function unpricedField(body: Record<string, unknown>): string | undefined {
  return Object.entries(UNPRICED).find(([path, harmless]) => {
    const value = path.split(".").reduce<unknown>(
      (found, name) => isRecord(found) ? found[name] : undefined,
      body,
    );
    const given = Array.isArray(value) ? value : [value ?? undefined];
    return !given.every((item) => item === undefined || harmless.includes(item));
  })?.[0];
}
