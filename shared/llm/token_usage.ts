import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";

/** Tokens of a call. */
export type TokenUsage = {
  /** All of the input, cached tokens among them. */
  input_tokens: number;
  cached_tokens: number;
  /** All of the output, reasoning tokens among them. */
  output_tokens: number;
  reasoning_tokens: number;
  /** Ours, because the provider told none. */
  is_estimated: boolean;
};

/** The most tokens of one call that are believed: two of them fit into the log's 32-bit numbers. */
const MOST = 1_000_000_000;

/** The provider's `usage` object; undefined where it tells no numbers. */
export function readUsage(usage: Json | undefined): TokenUsage | undefined {
  if (!isJsonObject(usage)) return undefined;
  const { prompt_tokens, total_tokens } = usage;
  if (typeof prompt_tokens !== "number") return undefined;
  const output = count(usage.completion_tokens);
  const reasoning = count(detail(usage.completion_tokens_details).reasoning_tokens);
  // Some count reasoning beside the output rather than in it; the total tells.
  const isBeside = count(total_tokens) === count(prompt_tokens) + output + reasoning;
  return {
    input_tokens: count(prompt_tokens),
    cached_tokens: Math.min(
      count(detail(usage.prompt_tokens_details).cached_tokens),
      count(prompt_tokens),
    ),
    output_tokens: Math.min(isBeside ? output + reasoning : Math.max(output, reasoning), MOST),
    reasoning_tokens: reasoning,
    is_estimated: false,
  };
}

/** The usage, or as much of it as is allowed. */
export function limitUsage(
  usage: TokenUsage,
  { input, output }: { input: number; output: number },
): TokenUsage {
  if (usage.input_tokens <= input && usage.output_tokens <= output) return usage;
  return {
    input_tokens: Math.min(usage.input_tokens, input),
    cached_tokens: Math.min(usage.cached_tokens, input),
    output_tokens: Math.min(usage.output_tokens, output),
    reasoning_tokens: Math.min(usage.reasoning_tokens, output),
    is_estimated: true,
  };
}

const count = (value: Json | undefined): number =>
  typeof value === "number" && value > 0 ? Math.min(Math.round(value), MOST) : 0;

const detail = (value: Json | undefined): JsonObject => isJsonObject(value) ? value : {};
