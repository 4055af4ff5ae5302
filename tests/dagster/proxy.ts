import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

/** What becomes of the reply to a request that Dagster has carried out. */
type Fate = (body: string) => "pass" | "lose";

/**
 * Stands between Edgeloom and Dagster: a real server on loopback that passes everything on, but may
 * lose the reply to what Dagster has done already.
 */
export class Proxy {
  fate: Fate = () => "pass";
  /** Requests passed on, by their text. */
  readonly requests: string[] = [];
  readonly #server = createServer((request, response) => void this.#pass(request, response));

  private constructor(private readonly target: string) {}

  static async start(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    const { promise, resolve } = Promise.withResolvers<void>();
    proxy.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("It does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  /** How often an operation was passed on. */
  count(name: string): number {
    return this.requests.filter((body) => body.includes(`${name}(`)).length;
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.requests.push(body);
    const headers = { "content-type": "application/json" };
    try {
      const answer = await fetch(`${this.target}${request.url}`, { method: "POST", headers, body });
      const reply = await answer.text();
      if (this.fate(body) === "lose") throw new Error("lost");
      response.writeHead(answer.status, headers).end(reply);
    } catch {
      // As where nobody listens, or the line breaks: no answer at all.
      response.destroy();
    }
  }
}
