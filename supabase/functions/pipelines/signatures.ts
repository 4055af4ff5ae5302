import { github } from "./signatures/github.ts";
import { refuse, type Verify } from "./signatures/hmac.ts";
import { plainHmac } from "./signatures/plain_hmac.ts";
import { standard, standardKey } from "./signatures/standard.ts";
import { stripe } from "./signatures/stripe.ts";

/** What a delivery proves itself with, by the trigger's scheme. */
export type Scheme = "standard" | "github" | "stripe" | "hmac" | "none";

/** A scheme that checks something. */
export type SignedScheme = Exclude<Scheme, "none">;

const SCHEMES: Record<SignedScheme, Verify> = { standard, github, stripe, hmac: plainHmac };

/**
 * Checks a delivery's signature over its raw body; while a secret is changed there are two.
 *
 * @returns the delivery's id, by which it is taken only once; a random one where the sender names none
 * @throws {ApiError} `invalid_signature`
 */
export async function verifyDelivery(
  scheme: Scheme,
  secrets: readonly string[],
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
  now: Date = new Date(),
): Promise<string> {
  if (scheme === "none") {
    return headers.get("webhook-id") || headers.get("idempotency-key") || crypto.randomUUID();
  }
  let refusal: unknown = refuse("the webhook has no secret");
  for (const secret of secrets) {
    try {
      return await SCHEMES[scheme](secret, { headers, body, now });
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

/** A new secret as the scheme's senders expect it. */
export function createSecret(scheme: SignedScheme): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return scheme === "standard" || scheme === "stripe"
    ? `whsec_${btoa(String.fromCharCode(...bytes))}`
    : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What is wrong with a secret that a sender gave, if anything. */
export function secretProblem(scheme: Scheme, secret: string | undefined): string | undefined {
  if (secret === undefined) return undefined;
  if (scheme === "none") return "Without a scheme there is nothing to check with a secret";
  if (scheme === "standard" && !standardKey(secret)) {
    return "A Standard Webhooks secret is whsec_ and base64";
  }
  return undefined;
}
