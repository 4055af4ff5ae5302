import { ApiError } from "@shared/errors.ts";

/** A delivery as it came: what a signature is checked over is its bytes. */
export type Delivery = { headers: Headers; body: Uint8Array<ArrayBuffer>; now: Date };

/** Checks one delivery with one secret. @returns the delivery's id @throws {ApiError} `invalid_signature` */
export type Verify = (secret: string, delivery: Delivery) => Promise<string>;

/** The refusal of a delivery. */
export const refuse = (reason: string, cause?: unknown) =>
  new ApiError("invalid_signature", `The signature was refused: ${reason}`, { cause });

/** A secret that is text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);

/** Bytes of a hex text; undefined where it is none. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^([0-9a-f]{2})+$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** Bytes of a base64 text; undefined where it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const hex = (bytes: ArrayBuffer) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Names a body by what it says, where its sender gives it no id. */
export const digest = async (body: Uint8Array<ArrayBuffer>) =>
  `sha256:${hex(await crypto.subtle.digest("SHA-256", body))}`;

/**
 * Whether one of the signatures is the HMAC-SHA256 of `prefix` and the body. WebCrypto compares in
 * constant time.
 */
export async function isSigned(
  secret: Uint8Array<ArrayBuffer>,
  signatures: readonly (Uint8Array<ArrayBuffer> | undefined)[],
  prefix: string,
  body: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["verify"]);
  const head = utf8(prefix);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  for (const signature of signatures) {
    if (signature && await crypto.subtle.verify("HMAC", key, signature, signed)) return true;
  }
  return false;
}

const TOLERANCE_SECONDS = 5 * 60;

/** A signed time (seconds) that is not far from now, as it was written. @throws {ApiError} */
export function requireRecent(timestamp: string | null | undefined, now: Date): string {
  if (!timestamp || !/^\d{1,12}$/.test(timestamp)) throw refuse("the timestamp is missing or none");
  const age = Math.floor(now.getTime() / 1000) - Number(timestamp);
  if (Math.abs(age) > TOLERANCE_SECONDS) {
    throw refuse(`the timestamp is too ${age > 0 ? "old" : "far ahead"}`);
  }
  return timestamp;
}
