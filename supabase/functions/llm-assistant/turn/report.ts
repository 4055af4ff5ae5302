import type { ToolCall } from "@shared/llm/accumulator.ts";
import type { TokenUsage } from "@shared/llm/token_usage.ts";
import type { AnswerMessage } from "../conversations/turns.ts";
import type { Tool } from "../tools/tool.ts";
import { needApproval } from "./tool_rounds.ts";
import { toolCallsOf } from "./wire_messages.ts";

/** A message of an answer, kept or about to be. */
type Said = Pick<AnswerMessage, "content" | "model" | "cost" | "metadata" | TokenCount> & {
  role: string;
  tool_calls?: AnswerMessage["tool_calls"];
};
type TokenCount = "input_tokens" | "cached_tokens" | "output_tokens" | "reasoning_tokens";

/** What a client is told of a turn. It comes from its messages, so that a retry is told the same. */
export type TurnReport = {
  content: string;
  model: string | null;
  finishReason: string;
  /** Calls that the client has to do with: those that wait for approval, or those of its own tools. */
  calls: ToolCall[];
  /** Of all rounds. */
  usage: TokenUsage;
  /** In US dollars; null where a part has no price. */
  cost: number | null;
};

/** @param tools the assistant's: what the model calls of them is no matter of the client's, unless it waits */
export function reportOf(messages: readonly Said[], tools: readonly Tool[]): TurnReport {
  const answers = messages.filter(({ role }) => role === "assistant");
  const last = answers.at(-1);
  const calls = toolCallsOf({ tool_calls: last?.tool_calls ?? null });
  const reason = last?.metadata?.finish_reason;
  const sum = (count: TokenCount) =>
    answers.reduce((total, message) => total + (message[count] ?? 0), 0);
  return {
    content: last?.content ?? "",
    model: last?.model ?? null,
    finishReason: typeof reason === "string" ? reason : "stop",
    calls: tools.length > 0 ? needApproval(calls, tools) : calls,
    usage: {
      input_tokens: sum("input_tokens"),
      cached_tokens: sum("cached_tokens"),
      output_tokens: sum("output_tokens"),
      reasoning_tokens: sum("reasoning_tokens"),
      is_estimated: answers.some(({ metadata }) => metadata?.is_estimated === true),
    },
    cost: answers.some(({ cost }) => cost === null || cost === undefined)
      ? null
      : answers.reduce((total, { cost }) => total + (cost ?? 0), 0),
  };
}

/** The usage of all rounds, in OpenAI's format. */
export const openAiUsage = ({ usage }: { usage: TokenUsage }) => ({
  prompt_tokens: usage.input_tokens,
  completion_tokens: usage.output_tokens,
  total_tokens: usage.input_tokens + usage.output_tokens,
  prompt_tokens_details: { cached_tokens: usage.cached_tokens },
  completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
});

/**
 * The chunk that ends a stream. Usage comes without choices, as OpenAI has it; who did not ask for it reads
 * the first choice of each chunk.
 */
export const lastChunk = (report: TurnReport, includeUsage: boolean) => ({
  ...(includeUsage
    ? { choices: [], usage: openAiUsage(report) }
    : { choices: [{ index: 0, delta: {}, finish_reason: null }] }),
  cost: report.cost,
});

/** A message in OpenAI's format. */
export const openAiMessage = ({ content, calls }: TurnReport) => ({
  role: "assistant",
  content,
  ...(calls.length > 0 ? { tool_calls: calls } : {}),
});

/** The same as a delta of a stream, where each call has its place. */
export const openAiDelta = (report: TurnReport) => ({
  ...openAiMessage(report),
  ...callsOf(report),
});

/** The calls alone. */
export const callsOf = ({ calls }: TurnReport) =>
  calls.length > 0 ? { tool_calls: calls.map((call, index) => ({ index, ...call })) } : {};
