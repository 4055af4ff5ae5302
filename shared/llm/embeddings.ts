import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { adaptRequest } from "@shared/llm/adapters.ts";
import { noAnswer, readJson, usageOf } from "@shared/llm/completion.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { estimateTokens } from "@shared/llm/estimate.ts";
import { ProviderCall } from "@shared/llm/provider_call.ts";
import { resolveModel, type Target } from "@shared/llm/resolve.ts";
import { readSources, type Source } from "@shared/llm/sources.ts";
import type { TokenUsage } from "@shared/llm/token_usage.ts";
import { decodeBase64, encodeBase64 } from "hono/utils/encode";

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
 *   what the provider failed with: also where it sends another number of vectors than texts
 */
export async function createEmbeddings(
  context: LlmContext,
  request: EmbeddingRequest,
  sources?: readonly Source[],
): Promise<EmbeddingAnswer> {
  const read: ReadVector<Json> = request.encoding_format === "base64" ? toBase64 : toNumbers;
  const { call, list, items, usage, cost } = await embed(context, request, read, sources);
  const tokens = { prompt_tokens: usage.input_tokens, total_tokens: usage.input_tokens };
  const { source: { provider }, model } = call.target;
  return {
    provider,
    model: typeof list.model === "string" ? list.model : model,
    body: {
      model,
      object: "list",
      ...list,
      data: items,
      usage: isJsonObject(list.usage) ? list.usage : tokens,
    },
    usage,
    cost,
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
  const { items } = await embed(context, request, toNumbers, sources);
  return items.map(({ embedding }) =>
    // As JSON, a 32-bit float is twice as long as what it says.
    embedding.map((value) => Math.round(value * 1e8) / 1e8)
  );
}

/** Reads a vector as some form of it; undefined where it is none. */
type ReadVector<V> = (embedding: Json | undefined) => V | undefined;

async function embed<V extends Json>(
  context: LlmContext,
  request: EmbeddingRequest,
  read: ReadVector<V>,
  sources?: readonly Source[],
) {
  const target = resolveModel(sources ?? await readSources(context), request.model);
  const call = await ProviderCall.reserve(context, {
    operation: "embedding",
    targets: [target],
    inputTokens: countTokens(request.input),
    maxOutputTokens: 0,
    path: "/embeddings",
    body: ({ source, model }: Target) => adaptRequest(source.adapter, { ...request, model }, false),
  });
  const { list, items } = await call.send(async (answer) => {
    const { value } = await readJson(answer);
    const list = isJsonObject(value) ? value : {};
    const items = itemsOf(list, read);
    const isWhole = items.length === countTexts(request.input) &&
      items.every(({ index }, position) => index === position);
    if (!isWhole) throw noAnswer(answer);
    return { list, items };
  });
  const usage = usageOf(call, list.usage, "");
  const answered_model = typeof list.model === "string" ? list.model : undefined;
  const settled = await call.settle({ status: "succeeded", answered_model, ...usage });
  return { call, list, items, usage, cost: settled?.cost ?? null };
}

/** What has a vector, in the order of the texts. Not every provider numbers them. */
function itemsOf<V extends Json>({ data }: JsonObject, read: ReadVector<V>) {
  const items = Array.isArray(data) ? data.filter(isJsonObject) : [];
  return items.flatMap((item, position) => {
    const embedding = read(item.embedding);
    const index = item.index ?? position;
    return embedding === undefined ? [] : [{ object: "embedding", ...item, index, embedding }];
  }).sort((a, b) => Number(a.index) - Number(b.index));
}

/** Some providers know one encoding only, whatever is asked for. */
const toNumbers: ReadVector<number[]> = (embedding) => {
  const vector = typeof embedding === "string" ? decode(embedding) : embedding;
  const isVector = Array.isArray(vector) && vector.length > 0 &&
    vector.every((value) => typeof value === "number");
  return isVector ? vector : undefined;
};

const toBase64: ReadVector<string> = (embedding) => {
  if (typeof embedding === "string") return embedding || undefined;
  const vector = toNumbers(embedding);
  return vector && encodeBase64(Float32Array.from(vector).buffer);
};

/** 32-bit floats, little-endian, as OpenAI has them; undefined for what is none. */
function decode(base64: string): number[] | undefined {
  try {
    return [...new Float32Array(decodeBase64(base64).buffer)];
  } catch {
    return undefined;
  }
}

const countTexts = (input: EmbeddingRequest["input"]): number =>
  typeof input === "string" || typeof input[0] === "number" ? 1 : input.length;

function countTokens(input: EmbeddingRequest["input"]): number {
  if (typeof input === "string") return estimateTokens(input);
  return input.reduce<number>((sum, item) => {
    if (typeof item === "string") return sum + estimateTokens(item);
    return sum + (typeof item === "number" ? 1 : item.length);
  }, 0);
}
