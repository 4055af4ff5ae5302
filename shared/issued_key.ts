import type { Caller, RateLimit } from "@shared/access.ts";
import { connect, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { hashKey, isWellFormed } from "@shared/key_format.ts";
import { mintToken } from "@shared/token.ts";
import { z } from "zod";

const verdictSchema = z.object({
  valid: z.boolean(),
  code: z.enum([
    "VALID",
    "NOT_FOUND",
    "EXPIRED",
    "REVOKED",
    "DISABLED",
    "INSUFFICIENT_SCOPE",
    "RATE_LIMITED",
  ]),
  key_id: z.uuid().nullable(),
  user_id: z.uuid().nullable(),
  organization_id: z.uuid().nullable(),
  scopes: z.array(z.string()),
  rate_limit: z.object({
    limit: z.int(),
    remaining: z.int().describe("Calls left at this moment."),
    reset_at: z.string().describe("When the window ends; after a refusal, when to try again."),
  }).nullable(),
});

/** What the database says of a key. Zod's schema of it. */
export const keyVerdictSchema = verdictSchema.meta({
  id: "KeyVerdict",
  description: "Whether a key is valid, and if not, why.",
});

export type KeyVerdict = z.infer<typeof verdictSchema>;

const UNKNOWN: KeyVerdict = {
  valid: false,
  code: "NOT_FOUND",
  key_id: null,
  user_id: null,
  organization_id: null,
  scopes: [],
  rate_limit: null,
};

const REFUSALS: Partial<Record<KeyVerdict["code"], string>> = {
  EXPIRED: "The key has expired",
  REVOKED: "The key was revoked",
  DISABLED: "The key is switched off",
};

/**
 * Checks a key and counts the call: one round trip, each time. Nothing is remembered, so that a key is
 * dead the moment it is revoked. What can't be a key never reaches the database.
 *
 * @param options `cost` counts against the limit, 1 unless told; `scope` is one that the key must hold;
 *   `organizationId` is the only one whose keys are known
 * @param forwarded headers of the request: its address becomes the key's last used one
 */
export async function verifyKey(
  key: string,
  options: { cost?: number; scope?: string; organizationId?: string },
  forwarded: Record<string, string>,
): Promise<KeyVerdict> {
  if (!isWellFormed(key)) return UNKNOWN;
  const { cost, scope, organizationId: organization_id } = options;
  const hash = await hashKey(key);
  return verdictSchema.parse(
    await unwrap(
      connect({ kind: "service" }, forwarded)
        .rpc("verify_api_key", { hash, cost, scope, organization_id }),
    ),
  );
}

/**
 * The user that a key acts as, with a token of 60 s by which RLS knows them, their organization and the
 * key. The token never leaves the function.
 *
 * @throws {ApiError} `invalid_api_key`, `rate_limited`, `signing_not_configured`
 */
export async function exchangeKey(
  key: string,
  forwarded: Record<string, string>,
  cost = 1,
): Promise<Caller> {
  const { code, key_id, user_id, organization_id, scopes, rate_limit } = await verifyKey(
    key,
    { cost },
    forwarded,
  );
  if (code === "RATE_LIMITED" && rate_limit) throw rateLimited(rate_limit);
  if (code !== "VALID" || !key_id || !user_id || !organization_id) {
    throw new ApiError("invalid_api_key", REFUSALS[code] ?? "There is no such key");
  }
  return {
    kind: "user",
    userId: user_id,
    organizationId: organization_id,
    apiKeyId: key_id,
    scopes,
    token: await tokenFor(user_id, { api_key_id: key_id, organization_id, scopes }),
    ...(rate_limit ? { rateLimit: rate_limit } : {}),
  };
}

/**
 * Tokens minted a moment ago, so that the Data API, which remembers tokens too, meets them again. They
 * are handed out only after the key itself was found valid.
 */
const minted = new Map<string, { token: Promise<string>; until: number }>();
const MINTED_FOR_MS = 20_000;
const MINTED_TOKENS = 1_000;

function tokenFor(userId: string, claims: Record<string, unknown>): Promise<string> {
  const name = JSON.stringify([userId, claims]);
  const known = minted.get(name);
  if (known && known.until > Date.now()) return known.token;
  if (minted.size >= MINTED_TOKENS) minted.clear();
  const token = mintToken(userId, claims);
  minted.set(name, { token, until: Date.now() + MINTED_FOR_MS });
  token.catch(() => minted.delete(name));
  return token;
}

const secondsUntil = (time: string) =>
  Math.max(0, Math.ceil((Date.parse(time) - Date.now()) / 1000));

/** A limit as the `RateLimit-*` headers of draft-ietf-httpapi-ratelimit-headers-06 (seconds). */
export const rateLimitHeaders = ({ limit, remaining, reset_at }: RateLimit) => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(secondsUntil(reset_at)),
});

function rateLimited(limit: RateLimit): ApiError {
  const seconds = Math.max(1, secondsUntil(limit.reset_at));
  return new ApiError(
    "rate_limited",
    `The key's ${limit.limit} calls a window are used up: try again in ${seconds} s`,
    { headers: { ...rateLimitHeaders(limit), "retry-after": String(seconds) } },
  );
}
