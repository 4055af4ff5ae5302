import { during, Loopback } from "./loopback.ts";

/** Answers in place of the provider; `undefined` leaves the answer to it. */
type Misbehaviour = (request: Request) => Response | Promise<Response> | undefined;

/** A provider of models: a real server on loopback that speaks as much of OpenAI's API as is asked for. */
export class Provider extends Loopback {
  /** Keys that it takes. */
  readonly keys = new Set<string>();
  /** What it was asked, in order. */
  readonly requests: { path: string; headers: Headers }[] = [];
  misbehave: Misbehaviour = () => undefined;

  /** Runs a test with a provider that is gone afterwards. */
  static with<T>(test: (provider: Provider) => Promise<T>): Promise<T> {
    return during(new Provider(), test);
  }

  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  /** A key that this provider takes. */
  issue(): string {
    const key = newProviderKey();
    this.keys.add(key);
    return key;
  }

  /** Whether a request held the key, anywhere in its headers. */
  hasSeen(key: string): boolean {
    return this.requests.some(({ headers }) => [...headers.values()].join("\n").includes(key));
  }

  protected answer(request: Request): Response | Promise<Response> {
    const { pathname: path } = new URL(request.url);
    this.requests.push({ path, headers: request.headers });
    const answer = this.misbehave(request);
    if (answer !== undefined) return answer;
    const key = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!this.keys.has(key)) {
      // OpenAI, too, repeats what it was sent.
      const error = { message: `Incorrect API key provided: ${key}`, code: "invalid_api_key" };
      return Response.json({ error }, { status: 401 });
    }
    if (path !== "/v1/models") return Response.json({ error: { message: "?" } }, { status: 404 });
    return Response.json({ object: "list", data: [{ id: "small", object: "model" }] });
  }
}

/** A key as providers make them, unlike any other. */
export const newProviderKey = () => `sk-proj-${crypto.randomUUID()}-${crypto.randomUUID()}`;

/** Runs a test with a server that answers every connection with these words, HTTP or not. */
export async function withRawServer<T>(
  words: string,
  test: (origin: string) => Promise<T>,
): Promise<T> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(words));
      connection.close();
    }
  })();
  try {
    return await test(`http://127.0.0.1:${listener.addr.port}`);
  } finally {
    listener.close();
    await serving;
  }
}
