import { z } from "zod";
import { digest, fromHex, isSigned, refuse, requireRecent, utf8, type Verify } from "./hmac.ts";

const eventSchema = z.object({ id: z.string().min(1).max(255) });

/** Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>,…` over `<t>.<body>`; the id is the event's. */
export const stripe: Verify = async (secret, { headers, body, now }) => {
  const parts = (headers.get("stripe-signature") ?? "").split(",").map((part) => part.trim());
  const values = (name: string) =>
    parts.flatMap((part) => part.startsWith(`${name}=`) ? [part.slice(name.length + 1)] : []);
  const [timestamp, ...others] = values("t");
  if (others.length > 0) throw refuse("Stripe-Signature has several timestamps");
  const t = requireRecent(timestamp, now);
  const signatures = values("v1");
  if (signatures.length === 0) throw refuse("Stripe-Signature has no signature of version v1");
  if (!await isSigned(utf8(secret), signatures.map(fromHex), `${t}.`, body)) {
    throw refuse("No matching signature found");
  }
  return eventId(body) ?? await digest(body);
};

function eventId(body: Uint8Array): string | undefined {
  try {
    return eventSchema.safeParse(JSON.parse(new TextDecoder().decode(body))).data?.id;
  } catch {
    // Not JSON: that is not the signature's business.
    return undefined;
  }
}
