import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { adaptRequest } from "@shared/llm/adapters.ts";
import { noAnswer, readJson, usageOf } from "@shared/llm/completion.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { estimateTokens } from "@shared/llm/estimate.ts";
import { ProviderCall } from "@shared/llm/provider_call.ts";
import { resolveModel, type Target } from "@shared/llm/resolve.ts";
import { readSources, type Source } from "@shared/llm/sources.ts";
import type { TokenUsage } from "@shared/llm/token_usage.ts";

/** A request in OpenAI's format; what is not named here is passed on as it is. */
export type EmbeddingRequest = {
  model: string;
  /** Texts, or tokens of texts. */
  input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  encoding_format?: "float" | "base64" | null;
  [field: string]: unknown;
};

/** What embedding texts came to. */
export type EmbeddingAnswer = {
  provider: string;
  model: string;
  /** OpenAI's `list` of `embedding`s, in the encoding that was asked for. */
  body: JsonObject;
  usage: TokenUsage;
  /** USD; null where the model has no price. */
  cost: number | null;
  /** OpenAI's rate-limit headers. */
  headers: Record<string, string>;
};

/**
 * Embeds texts: finds who serves the model, holds the call in the budgets, asks, and settles.
 *
 * @param sources of the context's user; read unless given
 * @throws {ApiError} `provider_not_configured`, `model_not_found`, `budget_exceeded`, `rate_limited`, or
 *   what the provider failed with
 */
export async function createEmbeddings(
  context: LlmContext,
  request: EmbeddingRequest,
  sources?: readonly Source[],
): Promise<EmbeddingAnswer> {
  const target = resolveModel(sources ?? await readSources(context), request.model);
  const call = await ProviderCall.reserve(context, {
    operation: "embedding",
    targets: [target],
    inputTokens: countTokens(request.input),
    maxOutputTokens: 0,
    path: "/embeddings",
    body: ({ source, model }: Target) => adaptRequest(source.adapter, { ...request, model }, false),
  });
  const { list, data } = await call.send(async (answer) => {
    const { value } = await readJson(answer);
    if (!isJsonObject(value) || !Array.isArray(value.data)) throw noAnswer(answer);
    return { list: value, data: value.data };
  });
  const usage = usageOf(call, list.usage, "");
  const settled = await call.settle({ status: "succeeded", ...usage });
  const tokens = { prompt_tokens: usage.input_tokens, total_tokens: usage.input_tokens };
  return {
    provider: target.source.provider,
    model: typeof list.model === "string" ? list.model : target.model,
    body: {
      model: target.model,
      object: "list",
      ...list,
      data: data.map((item) => encodeItem(item, request.encoding_format ?? "float")),
      usage: isJsonObject(list.usage) ? list.usage : tokens,
    },
    usage,
    cost: settled?.cost ?? null,
    headers: call.headers,
  };
}

/**
 * The vectors of texts, in their order. Base64 is asked for: of numbers, JSON is four times as long.
 *
 * @throws as {@link createEmbeddings}
 */
export async function embedTexts(
  context: LlmContext,
  { model, texts }: { model: string; texts: readonly string[] },
  sources?: readonly Source[],
): Promise<number[][]> {
  const request = { model, input: texts, encoding_format: "base64" } as const;
  const { body } = await createEmbeddings(context, request, sources);
  const items = Array.isArray(body.data) ? body.data.filter(isJsonObject) : [];
  return items.sort((a, b) => Number(a.index) - Number(b.index)).map(({ embedding }) =>
    // As JSON, a 32-bit float is twice as long as what it says.
    typeof embedding === "string"
      ? decode(embedding).map((value) => Math.round(value * 1e8) / 1e8)
      : []
  );
}

/** Some providers know one encoding only, whatever is asked for. */
function encodeItem(item: Json, format: "float" | "base64"): Json {
  if (!isJsonObject(item)) return item;
  const { embedding } = item;
  if (format === "float" && typeof embedding === "string") {
    return { ...item, embedding: decode(embedding) };
  }
  if (format === "base64" && Array.isArray(embedding)) {
    return { ...item, embedding: encode(embedding.map(Number)) };
  }
  return item;
}

/** 32-bit floats, little-endian, as OpenAI has them. */
function decode(base64: string): number[] {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return [...new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))];
}

function encode(vector: number[]): string {
  let text = "";
  for (const byte of new Uint8Array(Float32Array.from(vector).buffer)) {
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}

function countTokens(input: EmbeddingRequest["input"]): number {
  if (typeof input === "string") return estimateTokens(input);
  return input.reduce<number>((sum, item) => {
    if (typeof item === "string") return sum + estimateTokens(item);
    return sum + (typeof item === "number" ? 1 : item.length);
  }, 0);
}
