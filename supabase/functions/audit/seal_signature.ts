import { ApiError } from "@shared/errors.ts";
import { readStatement, signStatement } from "@shared/token.ts";
import { z } from "zod";

/** What of a seal is anchored elsewhere: enough to know it again. */
const anchorSchema = z.object({
  organization_id: z.uuid(),
  sequence: z.int().positive(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

export type Anchor = z.infer<typeof anchorSchema>;

// Never mistaken for a user's token: it has another type, and no role.
const TYPE = "audit-seal+jwt";

/** A seal as a compact JWS. @throws {ApiError} `signing_not_configured` */
export const signSeal = (seal: Anchor): Promise<string> =>
  signStatement(anchorSchema.parse(seal), TYPE);

/** What {@link signSeal} signed. @throws {ApiError} `validation_failed` for anything else */
export async function readAnchor(signature: string): Promise<Anchor> {
  const anchor = anchorSchema.safeParse(await readStatement(signature, TYPE));
  if (anchor.success) return anchor.data;
  const message = "This is no signature of a seal by this project";
  throw new ApiError("validation_failed", message, { errors: [{ path: "anchor", message }] });
}
