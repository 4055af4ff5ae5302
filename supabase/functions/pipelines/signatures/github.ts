import { fromHex, isSigned, refuse, utf8, type Verify } from "./hmac.ts";

/** GitHub: `X-Hub-Signature-256: sha256=<hex>` over the body alone. */
export const github: Verify = async (secret, { headers, body }) => {
  const given = /^sha256=([0-9a-f]{64})$/.exec(headers.get("x-hub-signature-256") ?? "")?.[1];
  if (!given) throw refuse("X-Hub-Signature-256 is missing or malformed");
  if (!await isSigned(utf8(secret), [fromHex(given)], "", body)) {
    throw refuse("No matching signature found");
  }
  const id = headers.get("x-github-delivery");
  if (!id) throw refuse("X-GitHub-Delivery is missing");
  return id;
};
