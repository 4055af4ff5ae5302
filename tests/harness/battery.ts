import assert from "node:assert/strict";
import type { Answer } from "./answer.ts";
import { call, type Options } from "./client.ts";
import { refused } from "./expect.ts";
import { keyWithout, revokedKey, scopeAt } from "./keys.ts";
import { sql } from "./sql.ts";
import { stack } from "./stack.ts";
import type { Role, Tenant } from "./tenant.ts";
import { mintToken, unsignedToken } from "./tokens.ts";

/** One operation to attack, its path filled with ids of the tenant. */
export type Target = {
  tenant: Tenant;
  method: string;
  path: string;
  /** A body that would be accepted: a refusal can only come from who asks. */
  body?: unknown;
  /** The least role that may; member unless told. */
  minimumRole?: Role;
  /**
   * What a user of another tenant gets: 404 by default; `"empty"` for a list of the caller's own
   * organization, `"own"` for what a stranger may do in theirs.
   */
  stranger?: "not_found" | "empty" | "own";
};

const RANK: Role[] = ["member", "admin", "owner"];

/**
 * The security cases that every operation for users has in common, as steps of a test. After each
 * refusal the tenant is as it was.
 */
export async function attack(t: Deno.TestContext, target: Target): Promise<void> {
  const { tenant, method, path, body, minimumRole = "member" } = target;
  const headers = { "x-organization-id": tenant.organizationId };
  const send = (options: Options) => call(method, path, { headers, body, ...options });
  const { owner } = tenant;

  const stranger = await tenant.stranger();
  const lesser = await Promise.all(
    RANK.slice(0, RANK.indexOf(minimumRole)).map(async (role) => ({
      role,
      user: await tenant.user(role),
    })),
  );

  const scope = await scopeAt(method, path);
  assert.ok(scope, `${method} ${path} asks a key for no scope`);
  const keys = { revoked: await revokedKey(tenant), lesser: await keyWithout(tenant, scope) };

  const before = await fingerprint(tenant);
  const step = (name: string, attempt: () => Promise<void>) =>
    t.step(name, async () => {
      await attempt();
      assert.deepEqual(await fingerprint(tenant), before, "the refused request changed something");
    });
  const isRefused = (name: string, status: number, code: string, options: () => Promise<Options>) =>
    step(name, async () => {
      refused(await send(await options()), status, code);
    });
  const withToken = (token: string): Promise<Options> => Promise.resolve({ token });

  await isRefused("no credential", 401, "unauthorized", () => Promise.resolve({ apikey: "" }));
  await isRefused("only the publishable key", 401, "unauthorized", () => Promise.resolve({}));
  await isRefused(
    "a token signed with another secret",
    401,
    "invalid_token",
    async () => ({ token: await mintToken(owner.id, { secret: "x".repeat(43) }) }),
  );
  await isRefused(
    "an unsigned token",
    401,
    "invalid_token",
    () => withToken(unsignedToken(owner.id)),
  );
  await isRefused("an expired token", 401, "invalid_token", async () => ({
    token: await mintToken(owner.id, { expiresAt: new Date(Date.now() - 60_000) }),
  }));
  await isRefused("a bearer that is no token", 401, "invalid_token", () => withToken("garbage"));
  await isRefused(
    "a key that was never issued",
    401,
    "invalid_api_key",
    () => withToken("el_live_0000000000000000_000000"),
  );
  await isRefused("a revoked key", 401, "invalid_api_key", () => withToken(keys.revoked));
  await isRefused(
    "a revoked key in x-api-key, beside a good token",
    401,
    "invalid_api_key",
    () =>
      Promise.resolve({ token: owner.token, headers: { ...headers, "x-api-key": keys.revoked } }),
  );
  await step("a key with every scope but the one needed", async () => {
    const { detail } = refused(await send({ token: keys.lesser }), 403, "insufficient_scope");
    assert.ok(detail.includes(scope), `${detail} names ${scope}`);
  });
  await isRefused(
    "another authorization than a bearer",
    401,
    "invalid_token",
    () => Promise.resolve({ headers: { ...headers, authorization: "Basic b3duZXI6cGFzcw==" } }),
  );
  await isRefused(
    "an unknown secret key",
    401,
    "invalid_api_key",
    () => Promise.resolve({ apikey: "sb_secret_unknown" }),
  );
  await isRefused("a bad token beside the secret key", 401, "invalid_token", async () => ({
    apikey: stack.secretKey,
    token: await mintToken(owner.id, { secret: "x".repeat(43) }),
  }));
  await isRefused(
    "the service, where a user is needed",
    403,
    "forbidden",
    () => Promise.resolve({ apikey: stack.secretKey }),
  );

  if (target.stranger !== "own") {
    await step("another tenant's user", async () => {
      const own = { "x-organization-id": stranger.organizationId };
      const answer = await send({ token: stranger.token, headers: own });
      if (target.stranger === "empty") holdsNothingOf(tenant, answer);
      else refused(answer, 404, "not_found");
    });
  }
  await step("another tenant's user who names this organization", async () => {
    const answer = await send({ token: stranger.token });
    if (answer.status !== 404) holdsNothingOf(tenant, answer);
  });

  for (const { role, user } of lesser) {
    await isRefused(`the role ${role}`, 403, "forbidden", () => withToken(user.token));
  }
}

function holdsNothingOf({ organizationId }: Tenant, { status, body }: Answer): void {
  assert.ok(status === 200 || status === 201, `answered ${status}: ${JSON.stringify(body)}`);
  assert.ok(!JSON.stringify(body).includes(organizationId), "the answer tells of another tenant");
}

/** Every write leaves a row in the audit log, so the log's length says whether anything happened. */
async function fingerprint({ organizationId }: Tenant) {
  const [row] = await sql`
    select
      (select count(*)::int from public.audit_logs
        where organization_id = ${organizationId} and action_type <> 'READ') as changes,
      (select count(*)::int from public.pipeline_runs
        where organization_id = ${organizationId}) as runs,
      (select count(*)::int from public.webhook_deliveries
        where organization_id = ${organizationId}) as deliveries`;
  return row;
}
