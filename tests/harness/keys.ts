import { DOMAINS, VERBS } from "@shared/access.ts";
import { createKey } from "@shared/key_format.ts";
import type { Body } from "./answer.ts";
import { findOperation, openApi, type Operation } from "./contract.ts";
import { expect } from "./expect.ts";
import { sql } from "./sql.ts";
import { type Tenant, User } from "./tenant.ts";

/** Every scope there is, one by one. */
export const ALL_SCOPES = DOMAINS.flatMap((domain) => VERBS.map((verb) => `${domain}:${verb}`));

/** The scopes that a member may give. */
export const MEMBER_SCOPES = ALL_SCOPES.filter((scope) => !scope.endsWith(":admin"));

type KeyOptions = {
  name?: string;
  expires_at?: string | null;
  rate_limit?: number | null;
  rate_window_seconds?: number;
};

/** A key of the user's in the organization they work in: the row, and once the key itself. */
export async function issueKey(
  user: User,
  scopes: string[] = MEMBER_SCOPES,
  options: KeyOptions = {},
): Promise<Body> {
  return expect(await user.post("/keys", { name: "Test", scopes, ...options }), 201);
}

/** The same calls as the user's, with the key in place of the user's token. */
export const holding = (user: User, { key }: { key: string }): User =>
  new User(user.id, user.email, key, user.organizationId);

/** Who calls with a new key of the user's, and the key's row. */
export async function keyOf(
  user: User,
  scopes?: string[],
  options?: KeyOptions,
): Promise<{ caller: User; row: Body }> {
  const row = await issueKey(user, scopes, options);
  return { caller: holding(user, row), row };
}

/** The scope that an operation asks of a key, as its document says. */
export function scopeOf(operation: Operation | undefined): string | undefined {
  return /^A key needs the scope `(.+)`\.$/m.exec(operation?.description ?? "")?.[1];
}

/** The scope that the operation behind a path asks of a key. */
export async function scopeAt(method: string, path: string): Promise<string | undefined> {
  const [plain = ""] = path.split("?");
  const [, domain = ""] = plain.split("/");
  return scopeOf(findOperation(await openApi(domain), method, plain));
}

/** All scopes that don't suffice for this one. */
export const scopesWithout = (scope: string) => ALL_SCOPES.filter((other) => other !== scope);

const kept = new WeakMap<Tenant, Map<string, Promise<string>>>();

/** A key that the tenant's owner has, made when first asked for. */
function keep(tenant: Tenant, name: string, make: () => Promise<string>): Promise<string> {
  const keys = kept.get(tenant) ?? new Map<string, Promise<string>>();
  kept.set(tenant, keys);
  const key = keys.get(name) ?? make();
  keys.set(name, key);
  return key;
}

/** A key of the tenant's owner that may do all but this. */
export const keyWithout = (tenant: Tenant, scope: string): Promise<string> =>
  keep(tenant, scope, async () => (await issueKey(tenant.owner, scopesWithout(scope))).key);

/** A key of the tenant's owner that could do all until it was revoked. */
export const revokedKey = (tenant: Tenant): Promise<string> =>
  keep(tenant, "revoked", async () => {
    const { id, key } = await issueKey(tenant.owner, ALL_SCOPES);
    await revoke(id);
    return key;
  });

/** A key's row as a client would insert it past the functions: all of their own making. */
export const valuesOfKey = async (organization_id: string) => ({
  organization_id,
  name: "Own make",
  scopes: ["pipelines:read"],
  ...(await createKey("test")).record,
});

/** Revokes a key past the API. */
export const revoke = (id: string) =>
  sql`update public.api_keys set revoked_at = now() where id = ${id}`;
