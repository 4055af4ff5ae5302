import { demoModel } from "../../supabase/local/demo_model.ts";
import type { Body } from "./answer.ts";
import { during, Loopback } from "./loopback.ts";

/** Answers one request; what it returns nothing for, the demo model answers. */
export type Behaviour = (
  request: UpstreamRequest,
) => Response | Promise<Response | undefined> | undefined;

/** What the upstream was asked. */
export type UpstreamRequest = {
  method: string;
  path: string;
  headers: Headers;
  body: Body;
  /** `performance.now()` at its arrival. */
  at: number;
};

const encoder = new TextEncoder();

/** A provider of models: a real server on loopback, the demo model unless it is told to misbehave. */
export class Upstream extends Loopback {
  /** What it was asked, in order. */
  readonly requests: UpstreamRequest[] = [];
  /** Streams that were given up before their end. */
  givenUp = 0;
  /** Which keys are good; all of them, unless told. */
  accepts: (key: string) => boolean = () => true;
  #next: Behaviour[] = [];
  #always: Behaviour = () => undefined;

  /** Runs a test with an upstream that is gone afterwards. */
  static with<T>(test: (upstream: Upstream) => Promise<T>): Promise<T> {
    return during(new Upstream(), test);
  }

  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  /** The next requests are answered so, one after the other. */
  next(...behaviours: Behaviour[]): void {
    this.#next.push(...behaviours);
  }

  /** All further requests are answered so. */
  always(behaviour: Behaviour): void {
    this.#always = behaviour;
  }

  /** The keys that came, in order. */
  get keys(): (string | null)[] {
    return this.requests.map(({ headers }) =>
      headers.get("authorization")?.replace(/^Bearer /, "") ?? null
    );
  }

  /** A stream of these chunks that then is silent. */
  stalling(...chunks: Body[]): Behaviour {
    return () => {
      const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
      return new Response(
        new ReadableStream({
          start: (controller) =>
            events.forEach((event) => controller.enqueue(encoder.encode(event))),
          cancel: () => {
            this.givenUp++;
          },
        }),
        { headers: EVENTS },
      );
    };
  }

  protected async answer(request: Request): Promise<Response> {
    const { method, headers } = request;
    const path = new URL(request.url).pathname;
    const text = await request.text();
    const seen = { method, path, headers, body: text && JSON.parse(text), at: performance.now() };
    this.requests.push(seen);
    const key = headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!this.accepts(key)) {
      // OpenAI, too, repeats what it was sent.
      const error = { message: `Incorrect API key provided: ${key}`, code: "invalid_api_key" };
      return Response.json({ error }, { status: 401 });
    }
    const behaviour = this.#next.shift() ?? this.#always;
    const demo = new URL(`/demo-model${path}`, request.url);
    return await behaviour(seen) ??
      await demoModel(new Request(demo, { method, body: text || undefined }));
  }
}

const EVENTS = { "content-type": "text/event-stream" };

/** An error in OpenAI's format. */
export const failing =
  (status: number, error: Body = { message: "It failed" }, headers: Record<string, string> = {}) =>
  () => Response.json({ error }, { status, headers });

/** A stream of these lines, as they are, which then ends. */
export const streaming = (...lines: string[]): Behaviour => () =>
  new Response(lines.map((line) => `${line}\n\n`).join(""), { headers: EVENTS });

/** A chunk of an answer's first choice. */
export const chunk = (content: string, finish_reason: string | null = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 0,
  model: "small",
  choices: [{ index: 0, delta: { content }, finish_reason }],
});

/** The same as an event. */
export const event = (content: string, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify(chunk(content, finish_reason))}`;
