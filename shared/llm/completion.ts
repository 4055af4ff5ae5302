import { isJsonObject, type Json, type JsonObject, parseJson } from "@shared/json.ts";
import { Accumulator, type AssistantMessage } from "@shared/llm/accumulator.ts";
import { estimateTokens } from "@shared/llm/estimate.ts";
import { failureOf } from "@shared/llm/exchange.ts";
import type { Answer, ProviderCall } from "@shared/llm/provider_call.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { describeFailure } from "@shared/llm/refusal.ts";
import type { Target } from "@shared/llm/resolve.ts";
import { limitUsage, readUsage, type TokenUsage } from "@shared/llm/token_usage.ts";
import { readText } from "@shared/read_text.ts";

/** The longest answer, in bytes. */
export const ANSWER_BYTES = 32 * 1024 * 1024;

/** What a call came to, streamed or not. */
export type ChatResult = {
  /** Who answered, and what it calls the model. */
  provider: string;
  model: string;
  /** The first choice, put together. */
  message: AssistantMessage;
  finishReason: string | null;
  usage: TokenUsage;
  /** USD; null where the model has no price. */
  cost: number | null;
  latencyMs: number;
};

/** A whole answer. */
export type ChatAnswer = ChatResult & {
  /** OpenAI's `chat.completion` as the provider sent it, the JSON's text. */
  text: string;
};

/** Sends a call that is not streamed. See `PreparedChat.complete`. */
export async function readCompletion(call: ProviderCall): Promise<ChatAnswer> {
  const { text, completion } = await call.send(readAnswer);
  const whole = new Accumulator();
  whole.add(completion);
  const usage = usageOf(call, completion.usage, whole.output);
  const { source: { provider }, model } = call.target;
  const latencyMs = Math.round(performance.now() - call.started);
  const settled = await call.settle({
    status: "succeeded",
    answered_model: whole.model,
    ...usage,
    latency_ms: latencyMs,
  });
  return {
    text,
    provider,
    model: whole.model ?? model,
    message: whole.message,
    finishReason: whole.finishReason,
    usage,
    cost: settled?.cost ?? null,
    latencyMs,
  };
}

/**
 * Tokens of a call: what the provider tells, or else an estimate. A member's own server can tell anything,
 * which others read in reports: of its numbers no more counts than was held for the call.
 *
 * @param output the text that came; undefined where nothing did and nobody knows what would have
 */
export function usageOf(
  call: ProviderCall,
  reported: Json | undefined,
  output: string | undefined,
): TokenUsage {
  const { isTenantAddress, level } = call.target.source;
  const usage = readUsage(reported) ?? {
    input_tokens: call.plan.inputTokens,
    cached_tokens: 0,
    output_tokens: output === undefined ? call.unseenOutput : estimateTokens(output),
    reasoning_tokens: 0,
    is_estimated: true,
  };
  return isTenantAddress && level === "user" ? limitUsage(usage, call.held) : usage;
}

async function readAnswer(
  answer: Answer,
): Promise<{ text: string; completion: JsonObject }> {
  const { text, value } = await readJson(answer);
  const { source } = answer.target;
  if (isJsonObject(value) && Array.isArray(value.choices)) return { text, completion: value };
  if (isJsonObject(value) && value.error !== undefined) {
    throw describeFailure(source, answer.key, value.error);
  }
  throw noAnswer(answer);
}

/** What an answer is read from; the model it came from matters to nobody then. */
type Readable = Omit<Answer, "target"> & { target: Pick<Target, "source"> };

/**
 * The JSON of an answer that is not streamed.
 *
 * @throws {ProviderFailure} when it is something else, or too long
 */
export async function readJson(
  answer: Readable,
  maxBytes = ANSWER_BYTES,
): Promise<{ text: string; value: Json }> {
  const { response, target: { source }, key, timeouts, abort } = answer;
  const timer = setTimeout(() => abort.abort("idle"), timeouts.first_byte * 1000);
  const { text, isWhole } = await readText(response.body, maxBytes)
    .catch((error) => {
      throw failureOf({ source, key, timeouts }, abort.signal, error);
    })
    .finally(() => clearTimeout(timer));
  if (!isWhole) throw noAnswer(answer);
  try {
    return { text, value: parseJson(text) };
  } catch {
    throw noAnswer(answer);
  }
}

/** An answer of another shape than was asked for. */
export const noAnswer = ({ target: { source: { provider } } }: Readable) =>
  new ProviderFailure("provider_error", `${provider}'s answer is not what it was asked for`, {
    retryable: true,
  });
