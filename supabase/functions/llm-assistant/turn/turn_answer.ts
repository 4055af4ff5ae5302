import { ApiError } from "@shared/errors.ts";
import type { ToolCall } from "@shared/llm/accumulator.ts";
import { prepareChat, type PreparedChat } from "@shared/llm/chat.ts";
import type { ChatStream } from "@shared/llm/chat_stream.ts";
import type { ChatResult } from "@shared/llm/completion.ts";
import type { AnswerMessage } from "../conversations/turns.ts";
import { MAX_TOOL_ROUNDS } from "../tools/run_tool.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import { needApproval, runCalls } from "./tool_rounds.ts";

type Result = ChatResult & { status?: "succeeded" | "partial" | "canceled"; error?: ApiError };

/** What a client may want to know beside its answer: of advisory budgets, and of what was left out. */
export type Warning = { code: string; message: string };

/**
 * The answer to a turn: what the model says, and what the assistant's tools answer it, round by round.
 * Each round is a call of its own, held in the budgets and noted.
 */
export class TurnAnswer {
  /** What is to be kept of it, in order. */
  readonly messages: AnswerMessage[] = [];
  readonly #turn: PreparedTurn;
  #chat: PreparedChat;
  #isSent = false;
  #stream: ChatStream | undefined;
  /** The tools at work, and the reservation of the round after them. */
  #between: Promise<boolean> | undefined;
  #round = 0;
  readonly #abort = new AbortController();

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

  get warnings(): Warning[] {
    const { turn } = this.#turn;
    const omitted = turn && turn.omitted_count > 0
      ? [{
        code: "history_cut",
        message:
          `The conversation is long: its ${turn.omitted_count} oldest messages were not told`,
      }]
      : [];
    return [...this.#chat.warnings, ...omitted];
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
    this.#isSent = true;
    this.#stream ??= await this.#chat.stream();
    return this.#stream;
  }

  /** Called at the end of a round that was streamed: whether there is another one. */
  async goOn(): Promise<boolean> {
    const { result } = await this.open();
    this.#stream = undefined;
    this.#between = result.then((ended) => this.#goOn(ended));
    return await this.#between;
  }

  /** The client has gone: what came is noted, and what comes soon. No further call is made. */
  async giveUp(): Promise<void> {
    this.#abort.abort();
    if (this.#stream) return this.#note(await this.#stream.cancel());
    if (this.#isSent) this.#chat.abort();
    else await this.#chat.release();
    // What they fail with is told to whoever asked for them.
    await this.#between?.catch(() => {});
  }

  async #goOn(result: Result): Promise<boolean> {
    this.#note(result);
    if (result.error) throw result.error;
    const calls = this.#callsToRun(result);
    if (calls.length === 0) return false;
    const { tools, messages, toolContext, turn } = this.#turn;
    const { signal } = this.#abort;
    const callId = `${turn?.turn_id ?? crypto.randomUUID()}:${this.#round}`;
    const answers = await runCalls(calls, tools, { ...await toolContext(), callId, signal });
    this.messages.push(...answers);
    messages.push(
      result.message,
      ...answers.map(({ content, tool_call_id }) => ({ role: "tool", content, tool_call_id })),
    );
    this.#round += 1;
    if (signal.aborted) return false;
    this.#chat = await prepareRound(this.#turn, this.#round);
    this.#isSent = false;
    if (!signal.aborted) return true;
    await this.#chat.release();
    return false;
  }

  #callsToRun({ message, status }: Result): ToolCall[] {
    const { tools } = this.#turn;
    const calls = message.tool_calls ?? [];
    const isLast = this.#round >= MAX_TOOL_ROUNDS || this.#abort.signal.aborted;
    const waits = needApproval(calls, tools).length > 0;
    return tools.length === 0 || isLast || waits || status === "partial" ? [] : calls;
  }

  #note(result: Result): void {
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
