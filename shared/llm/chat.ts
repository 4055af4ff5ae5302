import { adaptRequest } from "@shared/llm/adapters.ts";
import { ChatStream, openStream } from "@shared/llm/chat_stream.ts";
import { type ChatAnswer, readCompletion } from "@shared/llm/completion.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { estimateInput, estimateValue } from "@shared/llm/estimate.ts";
import { ProviderCall } from "@shared/llm/provider_call.ts";
import { findTarget, resolveModel, type Target } from "@shared/llm/resolve.ts";
import { readSources, type Source } from "@shared/llm/sources.ts";
import type { BudgetWarning } from "@shared/llm/usage.ts";

/** What an answer whose length the request does not limit is limited to, in tokens. */
const USUAL_OUTPUT = 4_096;

/** A request in OpenAI's format; what is not named here is passed on as it is. */
export type ChatRequest = {
  /** As `<provider>/<model>`, or by itself. */
  model: string;
  messages: readonly unknown[];
  n?: number | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  /** Ours: models that stand in, in this order, while nothing of an answer has come. */
  fallback_models?: readonly string[];
  [field: string]: unknown;
};

/** A chat that is held in the budgets and not yet sent: completed, streamed or released, once. */
export class PreparedChat {
  readonly #call: ProviderCall;

  constructor(call: ProviderCall) {
    this.#call = call;
  }

  /** OpenAI's rate-limit headers. */
  get headers(): Record<string, string> {
    return this.#call.headers;
  }

  /** What advisory budgets say of the call. */
  get warnings(): BudgetWarning[] {
    return this.#call.warnings;
  }

  /**
   * The whole answer, settled. The request must not ask for a stream.
   *
   * @throws {ApiError} what the last provider failed with
   */
  complete(): Promise<ChatAnswer> {
    return readCompletion(this.#call);
  }

  /**
   * The answer as it comes: resolves with its first part. The request must ask for a stream.
   *
   * @throws {ApiError} what the last provider failed with
   */
  stream(): Promise<ChatStream> {
    return openStream(this.#call);
  }

  /** It is not sent after all: nothing is held for it any more. */
  async release(): Promise<void> {
    await this.#call.settle({ status: "canceled", input_tokens: 0, output_tokens: 0 });
  }

  /** Gives the call up, as long as nothing of its answer has come. */
  abort(): void {
    this.#call.abort.abort();
  }
}

/**
 * Finds who serves the model and holds the call in the budgets: all that can refuse it but the
 * provider.
 *
 * @param sources of the context's user; read unless given
 * @throws {ApiError} `provider_not_configured`, `model_not_found`, `budget_exceeded`, `rate_limited`,
 *   `model_not_priced`
 *
 * @example
 * ```ts
 * const chat = await prepareChat(context, { model: "gpt-4o-mini", messages });
 * const { message, usage, cost } = await chat.complete();
 * ```
 */
export async function prepareChat(
  context: LlmContext,
  { fallback_models, ...given }: ChatRequest,
  sources?: readonly Source[],
): Promise<PreparedChat> {
  const request = limitOutput(given);
  const known = sources ?? await readSources(context);
  const primary = resolveModel(known, given.model);
  const fallbacks = (fallback_models ?? []).flatMap((model) => findTarget(known, model) ?? []);
  const streamed = given.stream === true;
  const call = await ProviderCall.reserve(context, {
    operation: "chat",
    targets: [primary, ...fallbacks],
    inputTokens: estimateInput(request),
    // What is predicted in vain is billed as output, beyond the limit.
    maxOutputTokens:
      (request.max_tokens + Math.ceil(estimateValue(given.prediction ?? undefined))) *
      (given.n ?? 1),
    path: "/chat/completions",
    body: ({ source, model }: Target) =>
      adaptRequest(source.adapter, { ...request, model }, streamed),
  });
  return new PreparedChat(call);
}

/**
 * The request with one limit, so that the provider is allowed what is held in the budgets and no more.
 * Fields that are null mean none, and are left out: not every provider takes them for that.
 */
function limitOutput({ max_tokens, max_completion_tokens, ...others }: ChatRequest) {
  const limits = [max_tokens, max_completion_tokens].filter((limit) => typeof limit === "number");
  const given = Object.entries(others).filter(([, value]) => value !== null);
  return {
    ...Object.fromEntries(given),
    max_tokens: limits.length > 0 ? Math.min(...limits) : USUAL_OUTPUT,
  };
}
