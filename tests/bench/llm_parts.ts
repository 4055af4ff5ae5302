import { type HttpServer, listenHttp } from "../../supabase/local/http.ts";
import { median } from "./measure.ts";
import { readStream } from "./llm_client.ts";
import { LlmSetting, type Route, startAssistant } from "./llm_setting.ts";
import type { Shape } from "./llm_shape.ts";
import { decimals, type Figure } from "./report.ts";

const TURNS = 30;
const WARM_UP = 5;
/** What a turn leaves to the background is done by then. */
const PAUSE_MS = 50;

/** A call of the Data API, in ms from the beginning of the turn that makes it. */
type Call = { name: string; startMs: number; ms: number };

/** What the calls of the database take within a turn, and whether the first chunk waits for them. */
export async function measureParts(
  setting: LlmSetting,
  route: Route,
  shape: Shape,
): Promise<Figure[]> {
  const watched = new WatchedStack(setting.stack.url);
  const assistant = await startAssistant(setting.stack, setting.upstream, watched.url);
  try {
    const target = setting.target(route, shape, { url: assistant.url });
    const turns: { firstMs: number; calls: Call[] }[] = [];
    for (let turn = -WARM_UP; turn < TURNS; turn += 1) {
      const { firstMs } = await readStream({
        ...target,
        body: async () => {
          const body = await target.body();
          watched.begin();
          return body;
        },
      });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (turn >= 0) turns.push({ firstMs, calls: watched.calls });
    }
    return partsOf(turns);
  } finally {
    await assistant.stop();
    await watched.stop();
  }
}

function partsOf(turns: { firstMs: number; calls: Call[] }[]): Figure[] {
  const named = turns.flatMap(({ firstMs, calls }) =>
    calls.map(({ name, startMs, ms }) => ({
      name: `${name}, ${startMs < firstMs ? "before the first chunk" : "after it"}`,
      startMs,
      ms,
    }))
  );
  const parts = [...Map.groupBy(named, ({ name }) => name)].map(([name, calls]) => ({
    name,
    startMs: median(calls.map(({ startMs }) => startMs)),
    ms: median(calls.map(({ ms }) => ms)),
  }));
  return parts.toSorted((a, b) => a.startMs - b.startMs).map(({ name, startMs, ms }) => ({
    name: `of it ${name}, at ${decimals(startMs)} ms`,
    measured: `${decimals(ms)} ms`,
  }));
}

/** Stands before a stack, and notes how long it takes for what. */
class WatchedStack {
  readonly #server: HttpServer = listenHttp(0);
  #began = 0;
  #calls: Call[] = [];

  constructor(readonly stackUrl: string) {
    this.#server.answer((request) => this.#forward(request));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** Those since {@link begin}. */
  get calls(): Call[] {
    return this.#calls;
  }

  begin(): void {
    this.#began = performance.now();
    this.#calls = [];
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async #forward({ url, method, headers, body }: Request): Promise<Response> {
    const { pathname, search } = new URL(url);
    const sent = body ? await new Response(body).arrayBuffer() : undefined;
    const [calls, began] = [this.#calls, this.#began];
    const started = performance.now();
    const answer = await fetch(`${this.stackUrl}${pathname}${search}`, {
      method,
      headers,
      body: sent,
    });
    const received = await answer.arrayBuffer();
    calls.push({
      name: pathname.replace(/^\/rest\/v1\//, ""),
      startMs: started - began,
      ms: performance.now() - started,
    });
    const empty = answer.status === 204 || answer.status === 304;
    return new Response(empty ? null : received, {
      status: answer.status,
      headers: answer.headers,
    });
  }
}
