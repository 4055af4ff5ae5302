import { decrypt } from "@shared/envelope.ts";
import type { ClaimedDelivery } from "./claim.ts";

/** The secrets that an endpoint's messages are signed with: several while one takes another's place. */
export function openSecrets({ secrets, organization_id }: ClaimedDelivery): Promise<string[]> {
  return Promise.all(
    secrets.map((sealed) => decrypt(sealed, { organizationId: organization_id, rowId: sealed.id })),
  );
}

/** The headers of a message by Standard Webhooks: one signature a secret, the newest first. */
export async function signedHeaders(
  { delivery_id, body }: ClaimedDelivery,
  secrets: readonly string[],
  at: Date = new Date(),
): Promise<Record<string, string>> {
  const { Webhook } = await import("standardwebhooks");
  return {
    "content-type": "application/json",
    "user-agent": "Edgeloom-Webhooks/1",
    "webhook-id": delivery_id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": secrets
      .map((secret) => new Webhook(secret).sign(delivery_id, at, body)).join(" "),
  };
}
