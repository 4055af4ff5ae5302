/** What a service answers; in place of `undefined` comes a body that never ends. */
type Answer = (request: Request) => Response | Promise<Response> | undefined;

/** A service that steps call: a real server on loopback that answers late, or never. */
export class SlowService {
  /** Requests that wait for an answer at this moment. */
  waiting = 0;
  /** Requests so far. */
  requests = 0;
  /** Requests that the caller gave up. */
  givenUp = 0;
  readonly #stop = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(private readonly answer: Answer) {
    const { signal } = this.#stop;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#handle(request));
  }

  /** Runs a test with a service that is gone afterwards. */
  static async with(answer: Answer, test: (service: SlowService) => Promise<void>): Promise<void> {
    const service = new SlowService(answer);
    try {
      await test(service);
    } finally {
      // Not in peace: what it was never going to answer is cut off.
      service.#stop.abort();
      await service.#server.finished;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  #handle(request: Request): Response | Promise<Response> {
    this.requests++;
    const answer = this.answer(request);
    if (answer !== undefined) return answer;
    this.waiting++;
    // A body that never comes; the server tells when nobody waits for it any more.
    const cancel = () => {
      this.waiting--;
      this.givenUp++;
    };
    return new Response(new ReadableStream({ cancel }));
  }
}
