/** Where a chat is sent, and what; the body is made anew for each. */
export type ChatTarget = {
  url: string;
  headers?: Record<string, string>;
  body(): Promise<Record<string, unknown>>;
};

/** What the reader of a stream sees, in ms. */
export type StreamTimes = {
  /** Until the first event. */
  firstMs: number;
  /** Until the stream's end. */
  wholeMs: number;
  /** From the upstream's sending of a part to its arrival, of each. */
  lagMs: number[];
  /** Reads of the network that brought something. */
  reads: number;
};

/** Sends a chat that is streamed and reads it to its end. @throws when it is refused or breaks off */
export async function readStream(target: ChatTarget): Promise<StreamTimes> {
  const body = await target.body();
  const started = performance.now();
  const response = await send(target, body);
  if (!response.body) throw new Error(`${target.url} answered with no stream`);
  const times: StreamTimes = { firstMs: NaN, wholeMs: NaN, lagMs: [], reads: 0 };
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const now = performance.now();
    times.reads += 1;
    if (Number.isNaN(times.firstMs) && part.includes("data:")) times.firstMs = now - started;
    for (const [, sent] of part.matchAll(/"content":"(\d+\.\d+) "/g)) {
      times.lagMs.push(performance.timeOrigin + now - Number(sent));
    }
    text = `${text}${part}`.slice(-2_000);
  }
  times.wholeMs = performance.now() - started;
  if (!text.endsWith("data: [DONE]\n\n")) throw new Error(`${target.url} broke off: ${text}`);
  return times;
}

/** How long a chat takes that is not streamed, in ms. @throws when it is refused */
export async function timeWhole(target: ChatTarget): Promise<number> {
  const body = await target.body();
  const started = performance.now();
  await (await send(target, body)).json();
  return performance.now() - started;
}

async function send({ url, headers }: ChatTarget, body: object): Promise<Response> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}
