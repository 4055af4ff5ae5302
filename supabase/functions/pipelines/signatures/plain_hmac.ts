import { digest, fromBase64, fromHex, isSigned, refuse, utf8, type Verify } from "./hmac.ts";

/** Where senders put the signature; the first one present counts. */
const HEADERS = ["x-signature", "x-signature-256", "x-webhook-signature"];

/**
 * Any other sender: the body's HMAC-SHA256 in `X-Signature`, as hex or base64, with `sha256=` before it
 * or not. The id is the body's digest, with `X-Delivery-Id` where there is one: that is not signed, so
 * by itself it could be put on another body, and keep the one that it belongs to from being taken.
 */
export const plainHmac: Verify = async (secret, { headers, body }) => {
  const name = HEADERS.find((header) => headers.has(header));
  const value = (name && headers.get(name) || "").replace(/^sha256=/, "");
  const signature = /^[0-9a-f]{64}$/i.test(value) ? fromHex(value) : fromBase64(value);
  if (signature?.length !== 32) throw refuse("X-Signature is missing or malformed");
  if (!await isSigned(utf8(secret), [signature], "", body)) {
    throw refuse("No matching signature found");
  }
  const id = headers.get("x-delivery-id");
  return id ? `${await digest(body)}:${id}` : await digest(body);
};
