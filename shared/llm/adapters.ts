import { PROVIDERS } from "@shared/providers.ts";

/** In what a provider's OpenAI-compatible endpoint differs from OpenAI's own. */
export type Adapter = {
  /** Names of models that are this provider's also when it isn't named. */
  models: RegExp;
  /** Fields of a request that go by another name here. */
  renames?: Readonly<Record<string, string>>;
  /** Models that want the limit of an answer as `max_completion_tokens`; others know `max_tokens`. */
  refusesMaxTokens?: RegExp;
  /** Models that reason, and refuse another {@link SAMPLING} than the usual one while they do. */
  fixesSampling?: RegExp;
  /** Fields that it refuses a request for, though an answer without them is as good. */
  omits?: readonly string[];
  /** Whether it knows the role `developer`; elsewhere that is `system`. */
  hasDeveloperRole?: boolean;
  /** Whether it tells a stream's usage unasked, and refuses to be asked. */
  tellsUsage?: boolean;
  /** What is used where no model is named. */
  defaults: { chat?: string; embedding?: string };
};

/** Fields that only OpenAI itself stores or bills by. */
const OF_OPENAI_ALONE = [
  "logit_bias",
  "metadata",
  "prediction",
  "prompt_cache_key",
  "safety_identifier",
  "service_tier",
  "store",
  "user",
  "verbosity",
];

/** How the next token is chosen. */
const SAMPLING = ["frequency_penalty", "presence_penalty", "temperature", "top_p"];

/** OpenAI's models that reason, also behind a proxy. */
const REASONING = /(?:^|\/)(?:ft:)?(?:o\d|gpt-[5-9](?!\d|-chat))/;

/** By provider, as their documentation and the errors they answer with have it (November 2026). */
const ADAPTERS: ReadonlyMap<string, Adapter> = new Map<string, Adapter>([
  ["openai", {
    models: /^(?:gpt-|chatgpt-|codex-|o\d|text-embedding-3|text-embedding-ada|ft:)/,
    // Its newer models refuse the old name, and the older ones know the new one.
    refusesMaxTokens: /^/,
    fixesSampling: REASONING,
    hasDeveloperRole: true,
    defaults: { chat: "gpt-4o-mini", embedding: "text-embedding-3-small" },
  }],
  ["anthropic", {
    models: /^claude-/,
    hasDeveloperRole: true,
    defaults: { chat: "claude-sonnet-4-5" },
  }],
  ["gemini", {
    models: /^(?:gemini-|gemma-|text-embedding-00)/,
    // It calls what it doesn't know an invalid payload.
    omits: [
      ...OF_OPENAI_ALONE,
      "frequency_penalty",
      "logprobs",
      "parallel_tool_calls",
      "presence_penalty",
      "seed",
      "top_logprobs",
    ],
    defaults: { chat: "gemini-2.5-flash", embedding: "gemini-embedding-001" },
  }],
  ["mistral", {
    models: /^(?:(?:open-)?mi[sx]tral-|ministral-|codestral-|magistral-|devstral-|pixtral-)/,
    renames: { seed: "random_seed" },
    // "Extra inputs are not permitted", and usage is always in the last chunk.
    omits: [...OF_OPENAI_ALONE, "logprobs", "top_logprobs"],
    tellsUsage: true,
    defaults: { chat: "mistral-small-latest", embedding: "mistral-embed" },
  }],
  ["groq", {
    models: /^(?:llama-|meta-llama\/|openai\/gpt-oss|qwen\/|moonshotai\/|groq\/)/,
    omits: ["logit_bias", "logprobs", "top_logprobs"],
    defaults: { chat: "llama-3.3-70b-versatile" },
  }],
  ["openrouter", {
    models: /^[\w.-]+\/[\w.:-]+$/,
    hasDeveloperRole: true,
    defaults: { chat: "openrouter/auto" },
  }],
]);

/** Any other endpoint: Ollama, vLLM, a proxy. */
const PLAIN: Adapter = {
  models: /^\b$/,
  // OpenAI's behind a proxy; what else there is ignores the new name, and with it the limit.
  refusesMaxTokens: REASONING,
  fixesSampling: REASONING,
  defaults: {},
};

/** Which known provider an address is of. */
const byHost = new Map(
  [...PROVIDERS].map(([name, { baseUrl }]) => [new URL(baseUrl).host, name]),
);

/** The name of the known provider at this address, if it is one's. */
export const providerAt = (baseUrl: string): string | undefined =>
  byHost.get(URL.parse(baseUrl)?.host ?? "");

/** How to speak to what is at this address. */
export const adapterAt = (baseUrl: string): Adapter =>
  ADAPTERS.get(providerAt(baseUrl) ?? "") ?? PLAIN;

/** Whether a known provider has a model of this name. */
export const isKnownModel = (model: string): boolean =>
  [...ADAPTERS.values()].some(({ models }) => models.test(model));

type Fields = Record<string, unknown>;

/**
 * A request as the provider takes it.
 *
 * @param request its answer's limit, if any, is `max_tokens`
 * @param streamed whether to ask for the stream's usage: without it a call can only be estimated
 */
export function adaptRequest(adapter: Adapter, request: Fields, streamed: boolean): Fields {
  const { renames = {}, refusesMaxTokens, tellsUsage } = adapter;
  const isFixed = request.reasoning_effort !== "none" &&
    adapter.fixesSampling?.test(String(request.model));
  const omits = [...adapter.omits ?? [], ...(isFixed ? SAMPLING : [])];
  const fields: Fields = {};
  for (const [name, value] of Object.entries(request)) {
    const renamed = renames[name];
    // Of two names for one thing, the one that the provider itself has counts.
    if (omits.includes(name) || (renamed && Object.hasOwn(request, renamed))) continue;
    fields[renamed ?? name] = value;
  }
  // With predicted output, OpenAI refuses the new name.
  const isPredicted = fields.prediction !== undefined;
  if ("max_tokens" in fields && !isPredicted && refusesMaxTokens?.test(String(fields.model))) {
    fields.max_completion_tokens = fields.max_tokens;
    delete fields.max_tokens;
  }
  if (!adapter.hasDeveloperRole && Array.isArray(fields.messages)) {
    fields.messages = fields.messages.map((message) =>
      message.role === "developer" ? { ...message, role: "system" } : message
    );
  }
  if (streamed && !tellsUsage) {
    const given = fields.stream_options;
    const others = typeof given === "object" ? given : {};
    fields.stream_options = { ...others, include_usage: true };
  }
  if (tellsUsage || !streamed) delete fields.stream_options;
  return fields;
}
