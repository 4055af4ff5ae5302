import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { failureOf } from "@shared/llm/exchange.ts";
import { PartReader } from "@shared/llm/part_reader.ts";
import type { Answer } from "@shared/llm/provider_call.ts";

/** The longest event that is read, in characters. */
const EVENT_LENGTH = 4 * 1024 * 1024;

/**
 * The events of an answer as server-sent events, read as they come: one read of the network, one
 * batch. The `openai` package reads them, too, at three times the processor time a chunk, and a function
 * has two seconds of it.
 */
export class EventReader {
  readonly #reader: PartReader;
  readonly #decoder = new TextDecoder();
  readonly #answer: Answer;
  /** The beginning of a line that has not ended. */
  #rest = "";
  /** The lines of an event that has not ended. */
  #data: string | undefined;
  #isEnded = false;
  /** Since when a part is waited for; what nobody waits for is not late. */
  #waitsSince: number | undefined = performance.now();
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(answer: Answer, body: ReadableStream<Uint8Array>) {
    this.#answer = answer;
    this.#reader = new PartReader(body);
    this.#watchFor(answer.timeouts.first_byte);
  }

  /**
   * The data of the events that came next, perhaps none; undefined at the end.
   *
   * @throws {ProviderFailure} when the stream breaks off or stalls
   */
  async next(): Promise<string[] | undefined> {
    if (this.#isEnded) return undefined;
    this.#waitsSince = performance.now();
    const part = await this.#reader.read().catch((error) => {
      const { target: { source }, key, timeouts, abort } = this.#answer;
      throw failureOf({ source, key, timeouts }, abort.signal, error);
    });
    this.#waitsSince = undefined;
    return part ? this.#take(this.#decoder.decode(part, { stream: true })) : this.#end();
  }

  /** Reads no further and frees the connection. */
  close(): void {
    this.#isEnded = true;
    clearTimeout(this.#watch);
    this.#reader.cancel();
    this.#answer.abort.abort();
  }

  /** From now on the stream may be silent for no longer than between two of its parts. */
  begun(): void {
    this.#watchFor(this.#answer.timeouts.idle);
  }

  #end(): string[] | undefined {
    const last = this.#take(`${this.#decoder.decode()}\n\n`);
    this.close();
    return last.length > 0 ? last : undefined;
  }

  #take(text: string): string[] {
    const whole = this.#rest === "" ? text : this.#rest + text;
    const events: string[] = [];
    let start = 0;
    for (let end = whole.indexOf("\n"); end >= 0; end = whole.indexOf("\n", start)) {
      const line = whole.slice(
        start,
        whole.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end,
      );
      start = end + 1;
      if (line === "") {
        if (this.#data !== undefined) events.push(this.#data);
        this.#data = undefined;
      } else if (line.startsWith("data:")) {
        const data = line.slice(line.charCodeAt(5) === SPACE ? 6 : 5);
        // It is JSON, where a line's end is as good as a space.
        this.#data = this.#data === undefined ? data : `${this.#data} ${data}`;
      }
    }
    this.#rest = whole.slice(start);
    if (this.#rest.length + (this.#data?.length ?? 0) > EVENT_LENGTH) {
      throw new ProviderFailure("provider_error", "The provider sent an event without an end");
    }
    return events;
  }

  /** One timer for all reads: to set one for each would cost more than reading it. */
  #watchFor(seconds: number): void {
    clearTimeout(this.#watch);
    const left = seconds * 1000 - this.#waitedMs;
    this.#watch = setTimeout(() => {
      if (this.#waitedMs < seconds * 1000) return this.#watchFor(seconds);
      this.#answer.abort.abort("idle");
    }, Math.max(1, left));
  }

  get #waitedMs(): number {
    return this.#waitsSince === undefined ? 0 : performance.now() - this.#waitsSince;
  }
}

const CARRIAGE_RETURN = 13;
const SPACE = 32;
