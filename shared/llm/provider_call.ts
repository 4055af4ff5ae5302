import { ApiError } from "@shared/errors.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { exchange } from "@shared/llm/exchange.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { llmRateLimitHeaders } from "@shared/llm/rate_limit_headers.ts";
import type { Target } from "@shared/llm/resolve.ts";
import { readTimeouts, type Timeouts } from "@shared/llm/timeouts.ts";
import { unpricedField } from "@shared/llm/unpriced_fields.ts";
import {
  type BudgetWarning,
  type Reservation,
  reserveUsage,
  settleUsage,
  type UsageOutcome,
} from "@shared/llm/usage.ts";
import { describeError, log } from "@shared/log.ts";

/** How often one target is asked before the next one is. */
const TRIES = 3;
/** The longest that is waited between two tries, whatever the provider asks for, in seconds. */
const LONGEST_PAUSE = 5;

/** An estimate of input is held with this much to spare. */
const MARGIN = 1.2;

/**
 * Tokens a second that a model is taken to write whose answer nobody has seen: about what fast hosted
 * models do, so that rather too much is charged than too little. `private.expire_reservations` knows it, too.
 */
const SPEED = 200;

/** What is asked for, of whom, and what it will cost at most. */
export type Plan = {
  operation: "chat" | "embedding";
  /** The first one, and those that stand in when it fails. */
  targets: readonly [Target, ...Target[]];
  /** An estimate. */
  inputTokens: number;
  /** What is held for the answer. */
  maxOutputTokens: number;
  /** As in `/chat/completions`. */
  path: string;
  body(target: Target): Record<string, unknown>;
};

/** An answer that has begun. */
export type Answer = {
  target: Target;
  key: string;
  response: Response;
  timeouts: Timeouts;
  /** Ends the exchange. */
  abort: AbortController;
};

/**
 * A call to a provider: held in the budgets, tried again and elsewhere while nothing has come, and
 * noted in the end, whatever came of it.
 */
export class ProviderCall {
  readonly started = performance.now();
  readonly abort = new AbortController();
  readonly #timeouts = readTimeouts();
  readonly #timer: ReturnType<typeof setTimeout>;
  #target: Target;
  /** When the request that is under way was sent. */
  #sentAt: number | undefined;

  private constructor(
    readonly context: LlmContext,
    readonly plan: Plan,
    private reservation: Reservation,
  ) {
    this.#target = plan.targets[0];
    this.#timer = setTimeout(() => this.abort.abort("total"), this.#timeouts.total * 1000);
    const { signal } = context;
    signal?.addEventListener("abort", () => this.abort.abort(), { once: true });
    if (signal?.aborted) this.abort.abort();
  }

  /**
   * Reserves; nothing is sent yet.
   *
   * @throws {ApiError} `budget_exceeded`, `rate_limited`, `model_not_priced`
   */
  static async reserve(context: LlmContext, plan: Plan): Promise<ProviderCall> {
    return new ProviderCall(context, plan, await reserve(context, plan, plan.targets[0]));
  }

  /** Where the caller stands with their rate limits. */
  get headers(): Record<string, string> {
    return llmRateLimitHeaders(this.reservation.rate_limits);
  }

  /** What advisory budgets say of the call. */
  get warnings(): BudgetWarning[] {
    return this.reservation.warnings;
  }

  /** What is held for it, in tokens. */
  get held(): { input: number; output: number } {
    return heldFor(this.plan);
  }

  /** Tokens of an answer that the provider has perhaps been writing until now, and wants to be paid for. */
  get unseenOutput(): number {
    const sentAt = this.#sentAt ?? performance.now();
    return Math.min(this.held.output, Math.ceil((performance.now() - sentAt) / 1000 * SPEED));
  }

  /** Who is being asked, in the end who answered. */
  get target(): Target {
    return this.#target;
  }

  /**
   * Asks, and returns what `read` makes of the first answer that it takes.
   *
   * @param read throws a retryable {@link ProviderFailure} for an answer whose beginning is no good;
   *   nothing of it may have been passed on by then
   * @throws {ApiError} what the last target failed with; the call is settled then
   */
  async send<T>(read: (answer: Answer) => Promise<T>): Promise<T> {
    const [, ...fallbacks] = this.plan.targets;
    while (true) {
      try {
        return await this.#askRepeatedly(read);
      } catch (error) {
        await this.#settleFailure(error);
        const next = fallbacks.shift();
        const mayGoOn = error instanceof ProviderFailure && !this.abort.signal.aborted;
        // What is wrong with the request is wrong with it everywhere, but for the model's name.
        if (!next || !mayGoOn || (error.wire && error.code !== "model_not_found")) {
          clearTimeout(this.#timer);
          throw error;
        }
        this.reservation = await reserve(this.context, this.plan, next);
        this.#target = next;
      }
    }
  }

  /** Notes what came of it; undefined where the database could not be told. */
  async settle(outcome: UsageOutcome): Promise<{ cost: number | null } | undefined> {
    clearTimeout(this.#timer);
    return await this.#note(outcome);
  }

  async #askRepeatedly<T>(read: (answer: Answer) => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#ask(read);
      } catch (error) {
        const pause = pauseAfter(error, attempt);
        if (pause === undefined || this.abort.signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
      }
    }
  }

  async #ask<T>(read: (answer: Answer) => Promise<T>): Promise<T> {
    const { source } = this.#target;
    this.#sentAt = undefined;
    const key = await source.key();
    const abort = new AbortController();
    const { signal } = this.abort;
    const follow = () => abort.abort(signal.reason);
    signal.addEventListener("abort", follow, { once: true });
    if (signal.aborted) follow();
    else this.#sentAt = performance.now();
    try {
      const response = await exchange({
        source,
        key,
        method: "POST",
        path: this.plan.path,
        body: JSON.stringify(this.plan.body(this.#target)),
        timeouts: this.#timeouts,
        signal: abort.signal,
      });
      return await read({ target: this.#target, key, response, timeouts: this.#timeouts, abort });
    } catch (error) {
      abort.abort();
      throw error;
    }
  }

  async #settleFailure(error: unknown): Promise<void> {
    const code = error instanceof ApiError ? error.code : "internal_error";
    const { aborted, reason } = this.abort.signal;
    const isUnreached = error instanceof ProviderFailure && error.unreached;
    const isGivenUp = code === "provider_timeout" || aborted;
    // Who was not waited for has perhaps worked all the same.
    const isUnknown = this.#sentAt !== undefined && isGivenUp && !isUnreached;
    await this.#note({
      status: aborted && reason !== "total" ? "canceled" : "failed",
      input_tokens: isUnknown ? this.plan.inputTokens : 0,
      output_tokens: isUnknown ? this.unseenOutput : 0,
      is_estimated: isUnknown,
      error_code: code,
    });
  }

  async #note(outcome: UsageOutcome): Promise<{ cost: number | null } | undefined> {
    const { source: { provider }, model } = this.#target;
    try {
      return await settleUsage(this.context.service, this.reservation.reservation_id, {
        provider,
        model,
        latency_ms: Math.round(performance.now() - this.started),
        ...outcome,
      });
    } catch (error) {
      // The answer is not held back for it: the reservation runs out, and is noted as an estimate.
      log("error", { usage: "not settled", error: describeError(error) });
      return undefined;
    }
  }
}

/** An estimate may be too low. */
const heldFor = ({ inputTokens, maxOutputTokens }: Plan) => ({
  input: Math.ceil(inputTokens * MARGIN),
  output: maxOutputTokens,
});

function reserve(context: LlmContext, plan: Plan, target: Target): Promise<Reservation> {
  const { input, output } = heldFor(plan);
  return reserveUsage(context.service, {
    organization_id: context.organizationId,
    user_id: context.userId,
    api_key_id: context.apiKeyId,
    assistant_id: context.assistantId,
    conversation_id: context.conversationId,
    run_id: context.runId,
    step_id: context.stepId,
    request_id: context.requestId,
    operation: context.operation ?? plan.operation,
    key_level: target.source.level,
    provider: target.source.provider,
    model: target.model,
    input_tokens: input,
    max_output_tokens: output,
    unpriced_field: unpricedField(plan.body(target)),
  });
}

/** Seconds until the next try; undefined where there is none. */
function pauseAfter(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof ProviderFailure) || !error.retryable || attempt >= TRIES) return undefined;
  // Whoever took that long once has spent the time of all tries.
  if (error.code === "provider_timeout") return undefined;
  const asked = error.retryAfterSeconds;
  if (asked !== undefined) return asked <= LONGEST_PAUSE ? asked : undefined;
  return 0.25 * 2 ** attempt * (0.5 + Math.random() / 2);
}
