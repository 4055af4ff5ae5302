import { fromBase64, isSigned, refuse, requireRecent, type Verify } from "./hmac.ts";

const PREFIX = "whsec_";

/** The key that a Standard Webhooks secret names; undefined where it names none. */
export const standardKey = (secret: string) => {
  const key = secret.startsWith(PREFIX) ? fromBase64(secret.slice(PREFIX.length)) : undefined;
  return key?.length ? key : undefined;
};

/** Standard Webhooks: `webhook-id`, `webhook-timestamp`, and signatures apart by spaces. */
export const standard: Verify = async (secret, { headers, body, now }) => {
  const key = standardKey(secret);
  if (!key) throw refuse("the webhook's secret is no Standard Webhooks secret");
  const id = headers.get("webhook-id");
  if (!id) throw refuse("webhook-id is missing");
  const timestamp = requireRecent(headers.get("webhook-timestamp"), now);
  const signatures = (headers.get("webhook-signature") ?? "").split(" ")
    .flatMap((signature) => signature.startsWith("v1,") ? [fromBase64(signature.slice(3))] : []);
  if (signatures.length === 0) {
    throw refuse("webhook-signature is missing or has none of version v1");
  }
  if (!await isSigned(key, signatures, `${id}.${timestamp}.`, body)) {
    throw refuse("No matching signature found");
  }
  return id;
};
