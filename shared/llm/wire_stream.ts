import { describeError, log } from "@shared/log.ts";
import { readTimeouts } from "@shared/llm/timeouts.ts";
import { asApiError, openAiError } from "@shared/llm/wire_errors.ts";

/** What is streamed to a client. */
export type TextSource = {
  /** Text to be sent next, perhaps none; undefined at the end. */
  next(): Promise<string | undefined>;
  /** The client has gone. */
  cancel(): unknown;
};

/**
 * Server-sent events to a client: each text is sent as it comes.
 *
 * @param opening the source once it has something; while that takes long, the answer begins with
 *   comments, and what goes wrong then is told as an event, as OpenAI does in the middle of a stream
 * @param abort gives `opening` up, when the client goes before it
 * @throws what `opening` fails with soon enough
 */
export async function streamText(
  opening: Promise<TextSource>,
  { headers, abort, requestId }: {
    headers: Record<string, string>;
    abort(): void;
    requestId: string;
  },
): Promise<Response> {
  const { hold, keep_alive } = readTimeouts();
  // It may fail before anyone asks for it.
  opening.catch(() => {});
  const { promise: held, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), hold * 1000);
  const ready = await Promise.race([opening, held]).finally(() => clearTimeout(timer));
  const body = new ReadableStream(
    new Sender(ready ?? opening, { abort, requestId, keepAliveMs: keep_alive * 1000 }),
    {
      highWaterMark: 0,
    },
  );
  return new Response(body, {
    headers: {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      // Said to proxies that would collect it.
      "x-accel-buffering": "no",
    },
  });
}

/** Pulled by the client: what it does not read is not read from the provider either. */
class Sender implements UnderlyingDefaultSource<Uint8Array> {
  #source: TextSource | undefined;
  #opening: Promise<TextSource> | undefined;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #isCanceled = false;
  readonly #encoder = new TextEncoder();
  #lastSent = Date.now();

  constructor(
    source: TextSource | Promise<TextSource>,
    private readonly options: { abort(): void; requestId: string; keepAliveMs: number },
  ) {
    if (source instanceof Promise) this.#opening = source;
    else this.#source = source;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { keepAliveMs } = this.options;
    this.#keepAlive = setInterval(() => {
      if (Date.now() - this.#lastSent >= keepAliveMs) this.#send(controller, ": keep-alive\n\n");
    }, keepAliveMs / 2);
    if (this.#opening) this.#send(controller, ": keep-alive\n\n");
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      this.#source ??= await this.#opening;
      let text = await this.#source?.next();
      // A pull that adds nothing would not be followed by another one.
      while (text === "") text = await this.#source?.next();
      if (this.#isCanceled) return;
      if (text !== undefined) return this.#send(controller, text);
    } catch (error) {
      if (this.#isCanceled) return;
      this.#send(controller, `data: ${JSON.stringify(this.#describe(error))}\n\n`);
    }
    clearInterval(this.#keepAlive);
    controller.close();
  }

  cancel(): void {
    this.#isCanceled = true;
    clearInterval(this.#keepAlive);
    if (this.#source) return void this.#source.cancel();
    this.options.abort();
    this.#opening?.then((source) => source.cancel(), () => {});
  }

  #send(controller: ReadableStreamDefaultController<Uint8Array>, text: string): void {
    this.#lastSent = Date.now();
    controller.enqueue(this.#encoder.encode(text));
  }

  #describe(error: unknown) {
    const known = asApiError(error);
    const { requestId } = this.options;
    if (known.status >= 500) log("error", { request_id: requestId, error: describeError(known) });
    return openAiError(known).body;
  }
}
