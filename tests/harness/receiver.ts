import { Webhook } from "standardwebhooks";
import type { Body } from "./answer.ts";
import { during, Loopback } from "./loopback.ts";
import { waitFor } from "./wait.ts";

/** A request that came in: `verified` is the event, if a secret that the receiver has signed it. */
export type Received = { id: string; headers: Headers; text: string; verified: Body | undefined };

/** Answers in place of the receiver; `undefined` leaves the answer to it. */
type Misbehaviour = (request: Received) => Response | Promise<Response> | undefined;

/**
 * A receiver of webhooks: a real server on loopback that checks signatures with the Standard Webhooks
 * library, takes each webhook-id once, and can misbehave.
 */
export class Receiver extends Loopback {
  /** Secrets that it accepts. */
  secrets: string[] = [];
  /** All that came, in order. */
  readonly requests: Received[] = [];
  /** Events that it took, by webhook-id. */
  readonly accepted = new Map<string, Body>();
  misbehave: Misbehaviour = () => undefined;

  /** Runs a test with a receiver that is gone afterwards. */
  static with<T>(test: (receiver: Receiver) => Promise<T>): Promise<T> {
    return during(new Receiver(), test);
  }

  get url(): string {
    return `${this.origin}/hook`;
  }

  /** What came with this webhook-id. */
  of(id: string): Received[] {
    return this.requests.filter((request) => request.id === id);
  }

  /** The first request that satisfies a condition, once it has come. */
  next(condition: (request: Received) => boolean = () => true): Promise<Received> {
    return waitFor(() => this.requests.find(condition), { what: "a webhook" });
  }

  protected async answer(request: Request): Promise<Response> {
    const text = await request.text();
    const { headers } = request;
    const id = headers.get("webhook-id") ?? "";
    const verified = this.#verify(headers, text);
    const received = { id, headers, text, verified };
    this.requests.push(received);
    const answer = this.misbehave(received);
    if (answer !== undefined) return answer;
    if (verified === undefined) return new Response("bad signature", { status: 401 });
    if (!this.accepted.has(id)) this.accepted.set(id, verified);
    return new Response("thanks");
  }

  #verify(headers: Headers, text: string): Body | undefined {
    for (const secret of this.secrets) {
      try {
        return verifyWith(secret, headers, text);
      } catch {
        // Perhaps by another one.
      }
    }
    return undefined;
  }
}

/** The event of a message that this secret signed. @throws where it did not */
export function verifyWith(secret: string, headers: Headers, text: string): Body {
  return new Webhook(secret).verify(text, Object.fromEntries(headers));
}
