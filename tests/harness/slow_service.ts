import { during, Loopback } from "./loopback.ts";

/** What a service answers; in place of `undefined` comes a body that never ends. */
type Answer = (request: Request) => Response | Promise<Response> | undefined;

/** A service that steps call: a real server on loopback that answers late, or never. */
export class SlowService extends Loopback {
  /** Requests that wait for an answer at this moment. */
  waiting = 0;
  /** Requests so far. */
  requests = 0;
  /** Requests that the caller gave up. */
  givenUp = 0;

  private constructor(private readonly respond: Answer) {
    super();
  }

  /** Runs a test with a service that is gone afterwards. */
  static with(answer: Answer, test: (service: SlowService) => Promise<void>): Promise<void> {
    return during(new SlowService(answer), test);
  }

  get url(): string {
    return `${this.origin}/`;
  }

  protected answer(request: Request): Response | Promise<Response> {
    this.requests++;
    const answer = this.respond(request);
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
