import { ApiError } from "@shared/errors.ts";
import { prepareChat, type PreparedChat } from "@shared/llm/chat.ts";
import type { ChatStream } from "@shared/llm/chat_stream.ts";
import type { ChatResult } from "@shared/llm/completion.ts";
import type { TokenUsage } from "@shared/llm/token_usage.ts";
import type { BudgetWarning } from "@shared/llm/usage.ts";
import type { AnswerMessage } from "../conversations/turns.ts";
import { MAX_TOOL_ROUNDS } from "../tools/run_tool.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import { needApproval, runCalls } from "./tool_rounds.ts";

type Result = ChatResult & { status?: "succeeded" | "partial" | "canceled"; error?: ApiError };

/** Tokens and cost of a whole turn; `cost` is null where a part of it has no price. */
export type TurnUsage = TokenUsage & { cost: number | null };

/**
 * The answer to a turn: what the model says, and what the assistant's tools answer it, round by round.
 * Each round is a call of its own, held in the budgets and noted.
 */
export class TurnAnswer {
  /** What is to be kept of it, in order. */
  readonly messages: AnswerMessage[] = [];
  /** The last round's. */
  result: Result | undefined;
  usage: TurnUsage = {
    input_tokens: 0,
    cached_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    is_estimated: false,
    cost: 0,
  };
  readonly #turn: PreparedTurn;
  #chat: PreparedChat;
  #stream: ChatStream | undefined;
  #round = 0;
  #isGivenUp = false;

  private constructor(turn: PreparedTurn, chat: PreparedChat) {
    this.#turn = turn;
    this.#chat = chat;
  }

  /** Holds the first call in the budgets. @throws {ApiError} what refuses it: see `prepareChat` */
  static async begin(turn: PreparedTurn): Promise<TurnAnswer> {
    return new TurnAnswer(turn, await prepareRound(turn, 0));
  }

  /** OpenAI's rate-limit headers. */
  get headers(): Record<string, string> {
    return this.#chat.headers;
  }

  get warnings(): BudgetWarning[] {
    return this.#chat.warnings;
  }

  /** Calls of tools that wait for a person's approval. */
  get waiting() {
    return needApproval(this.result?.message.tool_calls ?? [], this.#turn.tools);
  }

  /** All rounds; the text is the last one's, as the provider sent it. @throws {ApiError} what a call fails with */
  async complete(): Promise<string> {
    while (true) {
      const answer = await this.#chat.complete();
      if (!await this.#goOn(answer)) return answer.text;
    }
  }

  /** This round's answer as it comes. @throws {ApiError} what the last provider failed with */
  async open(): Promise<ChatStream> {
    this.#stream ??= await this.#chat.stream();
    return this.#stream;
  }

  /** Called at the end of a round that was streamed: whether there is another one. */
  async goOn(): Promise<boolean> {
    const stream = await this.open();
    this.#stream = undefined;
    return await this.#goOn(await stream.result);
  }

  /** The client has gone: what came is noted, and what comes soon. */
  async giveUp(): Promise<void> {
    this.#isGivenUp = true;
    if (this.#stream) this.#note(await this.#stream.cancel());
    else this.#chat.abort();
  }

  async #goOn(result: Result): Promise<boolean> {
    this.#note(result);
    const { tools, messages, toolContext, turn } = this.#turn;
    const { message, status, error } = result;
    if (error) throw error;
    const calls = message.tool_calls ?? [];
    const isDone = tools.length === 0 || calls.length === 0 || this.#round >= MAX_TOOL_ROUNDS;
    if (isDone || this.waiting.length > 0 || this.#isGivenUp || status === "partial") return false;
    const answers = await runCalls(calls, tools, {
      ...await toolContext(),
      callId: turn?.turn_id ?? crypto.randomUUID(),
    });
    this.messages.push(...answers);
    messages.push(
      message,
      ...answers.map(({ content, tool_call_id }) => ({ role: "tool", content, tool_call_id })),
    );
    this.#round += 1;
    this.#chat = await prepareRound(this.#turn, this.#round);
    return true;
  }

  #note(result: Result): void {
    this.result = result;
    const { usage, cost } = result;
    this.usage = addUsage(this.usage, { ...usage, cost });
    const { content, tool_calls } = result.message;
    if (content === null && !tool_calls && result.status === "canceled") return;
    this.messages.push(toAnswerMessage(result));
  }
}

function prepareRound({ llm, request, messages, sources, tools }: PreparedTurn, round: number) {
  // In the last round the model has to answer with what it knows by now.
  const choice = tools.length > 0 && round >= MAX_TOOL_ROUNDS ? { tool_choice: "none" } : {};
  return prepareChat(llm, { ...request, messages, ...choice }, sources);
}

function toAnswerMessage(result: Result): AnswerMessage {
  const { message, usage, status, error, finishReason } = result;
  return {
    role: "assistant",
    content: message.content ?? message.refusal ?? "",
    tool_calls: message.tool_calls?.map((call) => ({ ...call })),
    model: result.model,
    provider: result.provider,
    input_tokens: usage.input_tokens,
    cached_tokens: usage.cached_tokens,
    output_tokens: usage.output_tokens,
    reasoning_tokens: usage.reasoning_tokens,
    cost: result.cost,
    response_time_ms: result.latencyMs,
    status: status === undefined || status === "succeeded" ? "complete" : "partial",
    metadata: {
      finish_reason: finishReason,
      ...(usage.is_estimated ? { is_estimated: true } : {}),
      ...(message.refusal === undefined ? {} : { is_refusal: true }),
      ...(error ? { error_code: error.code } : {}),
    },
  };
}

const addUsage = (a: TurnUsage, b: TurnUsage): TurnUsage => ({
  input_tokens: a.input_tokens + b.input_tokens,
  cached_tokens: a.cached_tokens + b.cached_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
  is_estimated: a.is_estimated || b.is_estimated,
  cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
});
