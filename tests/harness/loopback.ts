/** A real server on loopback, which runs from its construction to its end. */
export abstract class Loopback {
  readonly #ended = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const { signal } = this.#ended;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#server = Deno.serve(options, (request) => this.answer(request));
  }

  protected abstract answer(request: Request): Response | Promise<Response>;

  get origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** An answer that does not come while the test lasts. */
  readonly silence = (): Promise<Response> => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#ended.signal.addEventListener("abort", () => resolve(new Response()));
    return promise;
  };

  /** Not in peace: an answer that is still being sent is broken off. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#server.finished;
  }
}

/** Runs a test with a server that is gone afterwards. */
export async function during<S extends Loopback, T>(
  server: S,
  test: (server: S) => Promise<T>,
): Promise<T> {
  try {
    return await test(server);
  } finally {
    await server.end();
  }
}
