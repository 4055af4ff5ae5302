import { inBackground } from "@shared/background.ts";
import type { ApiError } from "@shared/errors.ts";
import { isJsonObject, type JsonObject, parseJson } from "@shared/json.ts";
import { Accumulator } from "@shared/llm/accumulator.ts";
import { ANSWER_BYTES, type ChatResult, usageOf } from "@shared/llm/completion.ts";
import { EventReader } from "@shared/llm/event_reader.ts";
import { failureOf } from "@shared/llm/exchange.ts";
import type { Answer, ProviderCall } from "@shared/llm/provider_call.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { describeFailure } from "@shared/llm/refusal.ts";
import { asApiError } from "@shared/llm/wire_errors.ts";

/** A chunk of an answer: its JSON text as the provider sent it, and what it says. */
export type ChatEvent = { data: string; chunk: JsonObject };

/** What a streamed call came to. */
export type StreamResult = ChatResult & {
  /** `partial`: it broke off or was given up after something had come; `canceled`: before. */
  status: "succeeded" | "partial" | "canceled";
  firstTokenMs: number;
  /** What broke it off. */
  error?: ApiError;
};

/** Sends a call that is streamed, and waits for its first event. See `PreparedChat.stream`. */
export function openStream(call: ProviderCall): Promise<ChatStream> {
  return call.send(async (answer) => {
    const { response, target: { source: { provider } } } = answer;
    const type = response.headers.get("content-type") ?? "";
    if (!response.body || !/^text\/event-stream\b/i.test(type)) {
      await response.body?.cancel();
      throw new ProviderFailure("provider_error", `${provider} answered with no stream`, {
        retryable: true,
      });
    }
    const reader = new EventReader(answer, response.body);
    try {
      const stream = new ChatStream(call, answer, reader);
      await stream.begin();
      return stream;
    } catch (error) {
      reader.close();
      throw error;
    }
  });
}

/**
 * An answer as it comes. It is settled by itself when it ends, breaks off or is canceled; one of the
 * three has to happen, so it is read to its end or canceled.
 */
export class ChatStream {
  /** Settled: it never rejects. */
  readonly result: Promise<StreamResult>;
  readonly #resolve: (result: StreamResult) => void;
  readonly #call: ProviderCall;
  readonly #answer: Answer;
  readonly #reader: EventReader;
  readonly #whole = new Accumulator();
  #first: ChatEvent[] | undefined;
  #firstTokenMs = 0;
  #reading: Promise<ChatEvent[] | undefined> = Promise.resolve(undefined);
  #sawDone = false;
  #failure: unknown;
  #isOver = false;
  /** Whether a part is waited for. */
  #isWaiting = false;

  constructor(call: ProviderCall, answer: Answer, reader: EventReader) {
    this.#call = call;
    this.#answer = answer;
    this.#reader = reader;
    const { promise, resolve } = Promise.withResolvers<StreamResult>();
    this.result = promise;
    this.#resolve = resolve;
  }

  /** Who answers. */
  get provider(): string {
    return this.#answer.target.source.provider;
  }

  /** Waits for the first event. @throws {ProviderFailure} when none comes: nothing is lost by asking again */
  async begin(): Promise<void> {
    do this.#first = await this.#read(); while (this.#first?.length === 0 && !this.#sawDone);
    if (!this.#first?.length) throw this.#brokenOff();
    this.#firstTokenMs = Math.round(performance.now() - this.#call.started);
    this.#reader.begun();
    this.#call.abort.signal.addEventListener("abort", () => this.#expire(), { once: true });
    inBackground("settle_usage", () => this.result);
  }

  /**
   * The events that came next, perhaps none; undefined after the last. `[DONE]` is not among them.
   *
   * @throws {ApiError} when the answer breaks off; what came of it is settled as partial
   */
  async next(): Promise<ChatEvent[] | undefined> {
    if (this.#first) {
      const first = this.#first;
      this.#first = undefined;
      return first;
    }
    if (this.#isOver) {
      if (this.#failure !== undefined) throw this.#failure;
      return undefined;
    }
    try {
      this.#isWaiting = true;
      this.#reading = this.#read();
      const events = await this.#reading;
      this.#isWaiting = false;
      if (events === undefined) this.#conclude("succeeded");
      return events;
    } catch (error) {
      this.#conclude("partial", asApiError(error));
      throw error;
    }
  }

  /**
   * Nobody reads on: the rest is awaited for a moment, so that the provider tells the usage, and then
   * given up.
   */
  async cancel(): Promise<StreamResult> {
    if (this.#isOver) return await this.result;
    this.#isOver = true;
    const timer = setTimeout(
      () => this.#answer.abort.abort(),
      this.#answer.timeouts.drain * 1000,
    );
    let isWhole = true;
    try {
      await this.#reading;
      while (await this.#read() !== undefined);
    } catch {
      isWhole = false;
    }
    clearTimeout(timer);
    this.#conclude(isWhole ? "succeeded" : this.#whole.hasOutput ? "partial" : "canceled");
    return await this.result;
  }

  /** The time for the whole is up. A client that reads no further would not notice, and hold its budget. */
  #expire(): void {
    // Who waits for a part hears of it there.
    if (this.#isOver || this.#isWaiting) return;
    const { abort: { signal }, timeouts, key, target: { source } } = this.#answer;
    const failure = failureOf({ source, key, timeouts }, signal, signal.reason);
    this.#failure = failure;
    this.#conclude("partial", failure);
  }

  async #read(): Promise<ChatEvent[] | undefined> {
    if (this.#sawDone) return undefined;
    if (this.#failure !== undefined) throw this.#failure;
    const batch = await this.#reader.next();
    if (batch === undefined) {
      // Some never say [DONE]; an answer without a reason for its end has none.
      if (this.#whole.finishReason === null) throw this.#brokenOff();
      return undefined;
    }
    const events: ChatEvent[] = [];
    for (const data of batch) {
      if (data === "[DONE]") {
        this.#sawDone = true;
        this.#reader.close();
        break;
      }
      try {
        const chunk = this.#parse(data);
        this.#whole.add(chunk);
        if (this.#whole.length > ANSWER_BYTES) throw this.#tooLong();
        events.push({ data, chunk });
      } catch (error) {
        // What came before it is passed on first.
        if (events.length === 0) throw error;
        this.#failure = error;
        break;
      }
    }
    return events;
  }

  #parse(data: string): JsonObject {
    const chunk = readObject(data);
    if (chunk === undefined) throw this.#brokenOff();
    if (chunk.error === undefined || chunk.error === null) return chunk;
    throw describeFailure(this.#answer.target.source, this.#answer.key, chunk.error);
  }

  #tooLong(): ProviderFailure {
    return new ProviderFailure("provider_error", `${this.provider}'s answer is too long`);
  }

  #brokenOff(): ProviderFailure {
    return new ProviderFailure("provider_error", `${this.provider}'s answer broke off`, {
      retryable: true,
    });
  }

  /** Settles, and tells the result. */
  async #conclude(status: StreamResult["status"], error?: ApiError): Promise<void> {
    this.#isOver = true;
    this.#reader.close();
    const whole = this.#whole;
    // A model that reasons out of sight has worked, too.
    const isUnseen = status !== "succeeded" && !whole.hasOutput;
    const usage = usageOf(this.#call, whole.usage, isUnseen ? undefined : whole.output);
    const latencyMs = Math.round(performance.now() - this.#call.started);
    const settled = await this.#call.settle({
      status,
      answered_model: whole.model,
      ...usage,
      latency_ms: latencyMs,
      first_token_ms: this.#firstTokenMs,
      error_code: error?.code,
    });
    this.#resolve({
      status,
      error,
      provider: this.provider,
      model: whole.model ?? this.#call.target.model,
      message: whole.message,
      finishReason: whole.finishReason,
      usage,
      cost: settled?.cost ?? null,
      latencyMs,
      firstTokenMs: this.#firstTokenMs,
    });
  }
}

function readObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
