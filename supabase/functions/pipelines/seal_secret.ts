import { encrypt } from "@shared/envelope.ts";

/** A new row's secret, encrypted for its own id: `{id, ciphertext, key_version}`. */
export async function sealSecret(secret: string, organizationId: string) {
  const id = crypto.randomUUID();
  return { id, ...await encrypt(secret, { organizationId, rowId: id }) };
}
