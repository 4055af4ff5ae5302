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
    output_tokens: isBeside ? output + reasoning : Math.max(output, reasoning),
    reasoning_tokens: reasoning,
    is_estimated: false,
  };
}

const count = (value: Json | undefined): number =>
  typeof value === "number" && value > 0 ? Math.round(value) : 0;

const detail = (value: Json | undefined): JsonObject => isJsonObject(value) ? value : {};
