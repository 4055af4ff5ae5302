import type { JWTPayload, JWTVerifyGetKey } from "jose";
import { jwks, jwtSecret, parseSecret, secretKeys, signingKey, supabaseUrl } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";

/** Claims of a token whose signature and time have been checked. */
export type Claims = JWTPayload & { role?: unknown };

const encoder = new TextEncoder();
let keySet: JWTVerifyGetKey | undefined;

/**
 * Tokens found good a moment ago, by project and token, as PostgREST keeps them too: clients send the
 * same one with each request. Not for longer than a minute, so that a key taken out of service is soon
 * without effect.
 */
const verified = new Map<string, { claims: Claims; until: number }>();
const VERIFIED_FOR_MS = 60_000;
const VERIFIED_TOKENS = 1_000;

function remember(name: string, claims: Claims): Claims {
  if (verified.size >= VERIFIED_TOKENS) verified.clear();
  const expiry = (claims.exp ?? 0) * 1000;
  verified.set(name, { claims, until: Math.min(expiry, Date.now() + VERIFIED_FOR_MS) });
  return claims;
}

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
  const name = `${supabaseUrl()} ${token}`;
  const known = verified.get(name);
  if (known && known.until > Date.now()) return known.claims;
  const jose = await import("jose");
  try {
    const { alg } = jose.decodeProtectedHeader(token);
    if (alg !== "HS256") {
      const { payload } = await jose.jwtVerify(token, await asymmetricKeys(), {
        algorithms: ["ES256", "RS256", "EdDSA"],
      });
      return remember(name, payload);
    }
    const secret = jwtSecret();
    if (!secret) return await askAuthServer(token, jose.decodeJwt(token));
    const { payload } = await jose.jwtVerify(token, encoder.encode(secret), {
      algorithms: ["HS256"],
    });
    return remember(name, payload);
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

const jwkSchema = z.looseObject({
  kty: z.string(),
  alg: z.string().optional(),
  kid: z.string().optional(),
  d: z.string(),
});

function readJwk(json: string) {
  const jwk = jwkSchema.safeParse(parseSecret("EDGELOOM_JWT_KEY", json));
  if (jwk.success) return jwk.data;
  throw new ApiError("signing_not_configured", "EDGELOOM_JWT_KEY is not a private JWK");
}

/** Our own key, as jose takes it. @throws {ApiError} `signing_not_configured` */
async function ownKey(purpose: "sign" | "verify") {
  const key = signingKey();
  if (!key) {
    throw new ApiError(
      "signing_not_configured",
      "Set EDGELOOM_JWT_KEY to the project's JWT secret",
    );
  }
  if (!key.startsWith("{")) return { key: encoder.encode(key), alg: "HS256" };
  const { importJWK } = await import("jose");
  const { d, ...publicPart } = readJwk(key);
  const alg = publicPart.alg ?? "ES256";
  const jwk = purpose === "sign" ? { ...publicPart, d } : { ...publicPart, key_ops: undefined };
  return { key: await importJWK(jwk, alg), alg, kid: publicPart.kid };
}

/**
 * Signs a statement of the platform as a compact JWS of the given type: kept elsewhere, it proves later
 * what we said. A type of its own keeps it from being taken for a user's token.
 *
 * @throws {ApiError} `signing_not_configured`
 */
export async function signStatement(payload: JWTPayload, typ: string): Promise<string> {
  const [{ SignJWT }, { key, alg, kid }] = [await import("jose"), await ownKey("sign")];
  return await new SignJWT(payload).setProtectedHeader({ alg, kid, typ }).setIssuedAt().sign(key);
}

/**
 * What {@link signStatement} signed; undefined for whatever we did not sign as this type.
 *
 * @throws {ApiError} `signing_not_configured`
 */
export async function readStatement(jws: string, typ: string): Promise<JWTPayload | undefined> {
  const [{ jwtVerify }, { key, alg }] = [await import("jose"), await ownKey("verify")];
  const verified = await jwtVerify(jws, key, { algorithms: [alg], typ }).catch(() => undefined);
  return verified?.payload;
}

/**
 * Mints the token with which work done for a user meets RLS as that user: 60 s, `authenticated`,
 * with `claims` added (a key's `organization_id` and `scopes`, a step's `step_id`).
 *
 * @throws {ApiError} `signing_not_configured` while EDGELOOM_JWT_KEY is not set
 */
export async function mintToken(userId: string, claims: Record<string, unknown>): Promise<string> {
  const [{ SignJWT }, { key, alg, kid }] = [await import("jose"), await ownKey("sign")];
  return await new SignJWT({ ...claims, role: "authenticated" })
    .setProtectedHeader({ alg, kid })
    .setSubject(userId)
    .setAudience("authenticated")
    .setIssuedAt()
    .setExpirationTime("60s")
    .sign(key);
}
