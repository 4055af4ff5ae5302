import type { JWK, JWTPayload, JWTVerifyGetKey } from "jose";
import { jwks, jwtSecret, secretKeys, signingKey, supabaseUrl } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";

/** Claims of a token whose signature and time have been checked. */
export type Claims = JWTPayload & { role?: unknown; organization_id?: unknown };

const encoder = new TextEncoder();
let keySet: JWTVerifyGetKey | undefined;

async function asymmetricKeys(): Promise<JWTVerifyGetKey> {
  const jose = await import("jose");
  const given = jwks();
  return keySet ??= given
    ? jose.createLocalJWKSet(JSON.parse(given))
    : jose.createRemoteJWKSet(new URL(`${supabaseUrl()}/auth/v1/.well-known/jwks.json`));
}

/**
 * Checks a user's token: by the project's JWKS, by the shared secret where there is one, and by
 * asking the auth server where an HS256 token's secret is kept from us (`supabase functions serve`).
 *
 * @throws {ApiError} `invalid_token` for whatever is forged, expired or not a JWT
 */
export async function verifyToken(token: string): Promise<Claims> {
  const jose = await import("jose");
  try {
    const { alg } = jose.decodeProtectedHeader(token);
    if (alg !== "HS256") {
      const verified = await jose.jwtVerify(token, await asymmetricKeys(), {
        algorithms: ["ES256", "RS256", "EdDSA"],
      });
      return verified.payload;
    }
    const secret = jwtSecret();
    if (!secret) return await askAuthServer(token, jose.decodeJwt(token));
    return (await jose.jwtVerify(token, encoder.encode(secret), { algorithms: ["HS256"] })).payload;
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    const expired = cause instanceof jose.errors.JWTExpired;
    throw new ApiError(
      "invalid_token",
      expired ? "The token has expired" : "The token is not valid",
      {
        cause,
      },
    );
  }
}

async function askAuthServer(token: string, claims: Claims): Promise<Claims> {
  const response = await fetch(`${supabaseUrl()}/auth/v1/user`, {
    headers: { apikey: secretKeys()[0] ?? "", authorization: `Bearer ${token}` },
  });
  await response.body?.cancel();
  if (!response.ok) throw new ApiError("invalid_token", "The token is not valid");
  return claims;
}

/**
 * Mints the token with which work done for a user meets RLS as that user: 60 s, `authenticated`,
 * with `claims` added (a key's `organization_id` and `scopes`, a step's `step_id`).
 *
 * @throws {ApiError} `signing_not_configured` while EDGELOOM_JWT_KEY is not set
 */
export async function mintToken(userId: string, claims: Record<string, unknown>): Promise<string> {
  const key = signingKey();
  if (!key) {
    throw new ApiError(
      "signing_not_configured",
      "Set EDGELOOM_JWT_KEY to the project's JWT secret",
    );
  }
  const jose = await import("jose");
  const jwk: JWK | undefined = key.startsWith("{") ? JSON.parse(key) : undefined;
  return new jose.SignJWT({ ...claims, role: "authenticated" })
    .setProtectedHeader(jwk ? { alg: jwk.alg ?? "ES256", kid: jwk.kid } : { alg: "HS256" })
    .setSubject(userId)
    .setAudience("authenticated")
    .setIssuedAt()
    .setExpirationTime("60s")
    .sign(jwk ? await jose.importJWK(jwk) : encoder.encode(key));
}
