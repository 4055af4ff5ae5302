import { timingSafeEqual } from "hono/utils/buffer";
import type { Access, Caller, Scope } from "@shared/access.ts";
import { publishableKeys, secretKeys } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { exchangeKey } from "@shared/issued_key.ts";
import { type Claims, verifyToken } from "@shared/token.ts";

/**
 * Reads the credentials in the order issued key, user token, secret key. The first one present
 * counts: a bad one is refused, never passed over for a weaker one.
 *
 * @param forwarded what the database is told of the request
 * @param cost what an issued key's limit is charged: 0 for the same request once more
 * @throws {ApiError} `invalid_api_key`, `invalid_token`, `rate_limited`, `signing_not_configured`
 */
export async function identify(
  headers: Headers,
  forwarded: Record<string, string>,
  cost = 1,
): Promise<Caller> {
  const bearer = /^Bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1]?.trim();
  const issuedKey = bearer?.startsWith("el_") ? bearer : headers.get("x-api-key");
  if (issuedKey !== null) return await exchangeKey(issuedKey, forwarded, cost);
  // Supabase clients repeat the project's key as the bearer until someone signs in.
  if (bearer && !await isOneOf(publishableKeys(), bearer)) return await fromBearer(bearer);
  if (headers.has("authorization") && !bearer) {
    throw new ApiError("invalid_token", "Authorization must be a Bearer token");
  }
  const apikey = headers.get("apikey");
  if (!apikey || await isOneOf(publishableKeys(), apikey)) return { kind: "anonymous" };
  if (await isOneOf(secretKeys(), apikey)) return { kind: "service" };
  throw new ApiError("invalid_api_key", "The apikey is not one of this project");
}

async function fromBearer(bearer: string): Promise<Caller> {
  if (await isOneOf(secretKeys(), bearer)) return { kind: "service" };
  return fromClaims(await verifyToken(bearer), bearer);
}

function fromClaims(claims: Claims, token: string): Caller {
  if (claims.role === "service_role") return { kind: "service" };
  if (claims.role === "anon") return { kind: "anonymous" };
  if (claims.role !== "authenticated" || !claims.sub) {
    throw new ApiError("invalid_token", "The token is not a user's");
  }
  return { kind: "user", userId: claims.sub, token };
}

// Hono's comparison, because importing node:crypto costs a function 30 ms of its boot.
async function isOneOf(keys: readonly string[], candidate: string): Promise<boolean> {
  for (const key of keys) {
    if (key.length === candidate.length && await timingSafeEqual(key, candidate)) return true;
  }
  return false;
}

/**
 * Holds a caller against what a route declares.
 *
 * @throws {ApiError} `unauthorized`, `forbidden`, `insufficient_scope`
 */
export function authorize(caller: Caller, access: Access): void {
  if (access.auth === "public") return;
  if (caller.kind === "anonymous") {
    throw new ApiError("unauthorized", "Send a user's token or a key in the Authorization header", {
      headers: { "www-authenticate": "Bearer" },
    });
  }
  if (caller.kind === "service") {
    if (access.auth !== "user") return;
    throw new ApiError("forbidden", "This acts as a user: send a user's token or a key");
  }
  const isKeyWithScope = caller.scopes !== undefined && access.scope !== undefined;
  if (access.auth !== "user" && !isKeyWithScope) {
    throw new ApiError("forbidden", "This needs the project's secret key");
  }
  if (access.scope) requireScope(caller.scopes, access.scope);
}

function requireScope(scopes: readonly string[] | undefined, scope: Scope): void {
  const [domain] = scope.split(":");
  if (!scopes || scopes.includes(scope) || scopes.includes(`${domain}:*`)) return;
  throw new ApiError("insufficient_scope", `The key lacks the scope ${scope}`);
}
