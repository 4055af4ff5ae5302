import { ApiError } from "@shared/errors.ts";

/** What a delivery proves itself with, by the trigger's scheme. */
export type Scheme = "standard" | "github" | "none";

/** Minutes that Standard Webhooks' timestamp may be off are in the library: 5. */
async function standard(secret: string, headers: Headers, body: Uint8Array): Promise<string> {
  const { Webhook } = await import("standardwebhooks");
  try {
    new Webhook(secret).verify(new TextDecoder().decode(body), {
      "webhook-id": headers.get("webhook-id") ?? "",
      "webhook-timestamp": headers.get("webhook-timestamp") ?? "",
      "webhook-signature": headers.get("webhook-signature") ?? "",
    });
  } catch (cause) {
    // The library parses the body after it has found the signature good: that is not its business here.
    if (!(cause instanceof SyntaxError)) {
      throw refuse(cause instanceof Error ? cause.message : "", cause);
    }
  }
  return headers.get("webhook-id") ?? "";
}

async function github(
  secret: string,
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const given = /^sha256=([0-9a-f]{64})$/.exec(headers.get("x-hub-signature-256") ?? "")?.[1];
  if (!given) throw refuse("X-Hub-Signature-256 is missing or malformed");
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signature = Uint8Array.from(given.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  if (!await crypto.subtle.verify("HMAC", key, signature, body)) {
    throw refuse("No matching signature found");
  }
  const id = headers.get("x-github-delivery");
  if (!id) throw refuse("X-GitHub-Delivery is missing");
  return id;
}

const refuse = (reason: string, cause?: unknown) =>
  new ApiError("invalid_signature", `The signature was refused: ${reason}`, { cause });

/**
 * Checks a delivery's signature over its raw body; while secrets are changed there may be two.
 *
 * @returns the delivery's id, by which it is taken only once; a random one where the sender names none
 * @throws {ApiError} `invalid_signature`
 */
export async function verifyDelivery(
  scheme: Scheme,
  secrets: readonly string[],
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<string> {
  if (scheme === "none") {
    return headers.get("webhook-id") ?? headers.get("idempotency-key") ?? crypto.randomUUID();
  }
  const verify = scheme === "standard" ? standard : github;
  let refusal: unknown = refuse("the webhook has no secret");
  for (const secret of secrets) {
    try {
      return await verify(secret, headers, body);
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

/** A new secret as the scheme's senders expect it. */
export function createSecret(scheme: Exclude<Scheme, "none">): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return scheme === "standard"
    ? `whsec_${btoa(String.fromCharCode(...bytes))}`
    : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
