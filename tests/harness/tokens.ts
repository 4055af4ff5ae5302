import { SignJWT, UnsecuredJWT } from "jose";
import { stack } from "./stack.ts";

/** How a token is made; what is left out is as the auth server does it. */
type TokenOptions = { secret?: string; expiresAt?: Date; claims?: Record<string, unknown> };

/** A user's token as the auth server signs it, unless told otherwise. */
export function mintToken(userId: string, options: TokenOptions = {}): Promise<string> {
  const { secret = stack.jwtSecret, expiresAt, claims } = options;
  return new SignJWT({ role: "authenticated", ...claims })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(userId)
    .setAudience("authenticated")
    .setIssuedAt()
    .setExpirationTime(expiresAt ?? new Date(Date.now() + 3_600_000))
    .sign(new TextEncoder().encode(secret));
}

/** A token that says whose it is and has no signature. */
export const unsignedToken = (userId: string) =>
  new UnsecuredJWT({ role: "authenticated" }).setSubject(userId).setAudience("authenticated")
    .setIssuedAt().setExpirationTime("1h").encode();
