import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { startFunction } from "../harness/function_process.ts";
import { rowOf } from "../harness/hostile.ts";
import { issueKey, keyOf, revokedKey } from "../harness/keys.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, createUser } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

const NOBODY = {
  valid: false,
  code: "NOT_FOUND",
  key_id: null,
  user_id: null,
  organization_id: null,
  scopes: [],
  rate_limit: null,
};

const send = (body: unknown) => call("POST", "/keys/verify", { apikey: stack.secretKey, body });

/** What the service is told of a key. */
const verdictOf = async (key: string, options: Record<string, unknown> = {}): Promise<Body> =>
  expect(await send({ key, ...options }), 200);

Deno.test("verify_api_key", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const member = await tenant.user("member");
  const is = async (code: string, key: string, options?: Record<string, unknown>) => {
    const verdict = await verdictOf(key, options);
    assert.equal(verdict.code, code);
    assert.equal(verdict.valid, code === "VALID");
    return verdict;
  };

  await t.step("VALID tells whose it is and what it may", async () => {
    const { id, key } = await issueKey(owner, ["pipelines:run", "audit:*"]);
    assert.deepEqual(await is("VALID", key), {
      valid: true,
      code: "VALID",
      key_id: id,
      user_id: owner.id,
      organization_id: organizationId,
      scopes: ["pipelines:run", "audit:*"],
      rate_limit: null,
    });
  });
  await t.step("NOT_FOUND", async () => {
    const { key } = await issueKey(member);
    for (const other of ["", "el_live_", "password", `${key}0`, key.toUpperCase()]) {
      assert.deepEqual(await is("NOT_FOUND", other), NOBODY);
    }
    const { id, key: removed } = await issueKey(member);
    await sql`delete from public.api_keys where id = ${id}`;
    assert.deepEqual(await is("NOT_FOUND", removed), NOBODY);
  });
  await t.step("EXPIRED", async () => {
    const { id, key } = await issueKey(member);
    await sql`update public.api_keys set expires_at = now() where id = ${id}`;
    const verdict = await is("EXPIRED", key);
    assert.equal(verdict.key_id, id);
  });
  await t.step("REVOKED", async () => {
    await is("REVOKED", await revokedKey(tenant));
    const leaver = await tenant.join("member");
    const { key } = await issueKey(leaver);
    await sql`delete from public.memberships
      where user_id = ${leaver.id} and organization_id = ${organizationId}`;
    await is("REVOKED", key);
  });
  await t.step("DISABLED", async () => {
    const { id, key } = await issueKey(member);
    expect(await member.patch(`/keys/${id}`, { is_active: false }), 200);
    await is("DISABLED", key);
    const suspended = await tenant.join("member");
    const other = await issueKey(suspended);
    await sql`update public.memberships set status = 'suspended'
      where user_id = ${suspended.id} and organization_id = ${organizationId}`;
    await is("DISABLED", other.key);
  });
  await t.step("INSUFFICIENT_SCOPE, where a scope is asked for", async () => {
    const { key } = await issueKey(member, ["pipelines:run"]);
    await is("VALID", key, { scope: "pipelines:run" });
    for (const scope of ["pipelines:read", "audit:run", "pipelines:*", "run", ""]) {
      await is("INSUFFICIENT_SCOPE", key, { scope });
    }
    const { key: whole } = await issueKey(owner, ["pipelines:*"]);
    for (const scope of ["pipelines:run", "pipelines:admin", "pipelines:*"]) {
      await is("VALID", whole, { scope });
    }
    await is("INSUFFICIENT_SCOPE", whole, { scope: "audit:read" });
  });
  await t.step("RATE_LIMITED, by the cost that is told", async () => {
    const { key } = await issueKey(member, ["pipelines:run"], { rate_limit: 10 });
    const left = async (code: string, cost?: number) => {
      const { rate_limit } = await is(code, key, cost === undefined ? {} : { cost });
      assert.equal(rate_limit.limit, 10);
      assert.ok(Date.parse(rate_limit.reset_at) > Date.now());
      return rate_limit.remaining;
    };
    assert.equal(await left("VALID", 0), 10);
    assert.equal(await left("VALID"), 9);
    assert.equal(await left("VALID", 7), 2);
    assert.equal(await left("RATE_LIMITED", 3), 2);
    assert.equal(await left("RATE_LIMITED", 11), 2);
    assert.equal(await left("VALID", 2), 0);
    assert.equal(await left("RATE_LIMITED"), 0);
    assert.equal(await left("VALID", 0), 0);
  });
  await t.step("what is not valid counts nothing", async () => {
    const { id, key } = await issueKey(member, ["pipelines:run"], { rate_limit: 2 });
    for (let round = 0; round < 5; round++) {
      await is("INSUFFICIENT_SCOPE", key, { scope: "audit:read" });
    }
    assert.equal((await is("VALID", key)).rate_limit.remaining, 1);
    expect(await member.patch(`/keys/${id}`, { is_active: false }), 200);
    await is("DISABLED", key);
    expect(await member.patch(`/keys/${id}`, { is_active: true }), 200);
    assert.equal((await is("VALID", key)).rate_limit.remaining, 0);
  });
  await t.step("answers 200 for whatever is no key", async () => {
    for (const key of ["", "x", "el_", "x".repeat(100_000), "el_live_\n"]) {
      assert.equal(expect(await send({ key }), 200).code, "NOT_FOUND");
    }
  });
  await t.step("refuses what does not fit", async () => {
    const { key } = await issueKey(member);
    const wrong: [Record<string, unknown>, string][] = [
      [{ key: undefined }, "key"],
      [{ key: 7 }, "key"],
      [{ cost: -1 }, "cost"],
      [{ cost: 0.5 }, "cost"],
      [{ cost: 1_000_001 }, "cost"],
      [{ scope: "x".repeat(101) }, "scope"],
      [{ scope: 7 }, "scope"],
      [{ organization_id: organizationId }, ""],
    ];
    for (const [fields, path] of wrong) {
      refused(await send({ key, ...fields }), 422, "validation_failed", [path]);
    }
  });
});

Deno.test("who may verify keys", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const body = { key: (await issueKey(owner)).key };
  const path = "/keys/verify";

  await t.step("a key with keys:read, those of its organization", async () => {
    const { caller } = await keyOf(owner, ["keys:read"]);
    assert.equal(expect(await caller.post(path, body), 200).code, "VALID");
    const stranger = await createUser();
    const foreign = await issueKey(stranger);
    assert.equal((await verdictOf(foreign.key)).code, "VALID");
    assert.deepEqual(expect(await caller.post(path, { key: foreign.key }), 200), NOBODY);
  });
  await t.step("no key without it", async () => {
    const { caller } = await keyOf(owner, ["keys:write", "keys:run", "audit:read"]);
    const { detail } = refused(await caller.post(path, body), 403, "insufficient_scope");
    assert.match(detail, /keys:read/);
    refused(
      await call("POST", path, { token: await revokedKey(tenant), body }),
      401,
      "invalid_api_key",
    );
  });
  await t.step("no user, and nobody without a credential", async () => {
    refused(await owner.post(path, body), 403, "forbidden");
    const claims = { scopes: ["keys:read"], organization_id: owner.organizationId };
    const token = await mintToken(owner.id, { claims });
    refused(await call("POST", path, { token, body }), 403, "forbidden");
    refused(await call("POST", path, { body }), 401, "unauthorized");
    refused(
      await call("POST", path, { apikey: "sb_secret_x", body }),
      401,
      "invalid_api_key",
    );
  });
});

Deno.test("what can't be a key never reaches the database", async () => {
  const { owner } = await createTenant();
  const { key } = await issueKey(owner);
  const junk = [`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`, "el_live_x", `${key}'--`];
  await OwnFunctions.with({}, async (functions) => {
    const asked: string[] = [];
    functions.before = ({ url }) => void asked.push(new URL(url).pathname);
    for (const wrong of junk) {
      const options = { apikey: functions.project.secretKey, body: { key: wrong } };
      assert.deepEqual(expect(await functions.call("POST", "/keys/verify", options), 200), NOBODY);
      for (const domain of ["keys", "pipelines", "audit/logs", "organizations"]) {
        refused(
          await functions.call("GET", `/${domain}`, { token: wrong }),
          401,
          "invalid_api_key",
        );
        const headers = { "x-api-key": wrong };
        refused(await functions.call("GET", `/${domain}`, { headers }), 401, "invalid_api_key");
      }
    }
    assert.deepEqual(asked, []);
    expect(await functions.call("GET", "/keys", { token: key }), 200);
    assert.deepEqual(asked, ["/rest/v1/rpc/verify_api_key", "/rest/v1/api_keys"]);
  });
});

Deno.test("a key's last use is noted once a minute, with the address it came from", async () => {
  const { owner, organizationId } = await createTenant();
  const { id, key } = await issueKey(owner, ["keys:read"]);
  const keys = await startFunction("keys", stack, { EDGELOOM_JWT_KEY: stack.jwtSecret });
  /** Uses the key from an address and returns what is noted then. */
  const use = async (address: string, token = key) => {
    const headers = { authorization: `Bearer ${token}`, "x-forwarded-for": address };
    const answer = await fetch(`${keys.url}/keys`, { headers });
    await answer.body?.cancel();
    const { last_used_at, last_used_ip } = await rowOf("api_keys", id);
    return { status: answer.status, last_used_at, last_used_ip };
  };
  const elapse = (interval: string) =>
    sql`update public.api_keys set last_used_at = last_used_at - ${interval}::interval where id = ${id}`;
  try {
    assert.equal((await rowOf("api_keys", id)).last_used_at, null);
    const first = await use("203.0.113.7, 10.0.0.1");
    assert.equal(first.status, 200);
    assert.equal(first.last_used_ip, "203.0.113.7");
    assert.ok(Math.abs(Date.now() - Date.parse(first.last_used_at)) < 10_000);
    assert.deepEqual(await use("203.0.113.8"), first);
    await elapse("50 seconds");
    assert.equal((await use("203.0.113.8")).last_used_ip, "203.0.113.7");
    await elapse("10 seconds");
    const second = await use("2001:db8::1");
    assert.equal(second.last_used_ip, "2001:db8::1");
    assert.ok(second.last_used_at >= first.last_used_at);
    await elapse("60 seconds");
    assert.equal((await use("no address")).last_used_ip, null);
    await elapse("60 seconds");
    const before = await rowOf("api_keys", id);
    expect(await owner.patch(`/keys/${id}`, { is_active: false }), 200);
    const refusal = await use("203.0.113.9");
    assert.equal(refusal.status, 401);
    assert.equal(refusal.last_used_at, before.last_used_at, "a refused call is no use");
    const [log] = await sql`select count(*)::int as rows from public.audit_logs
      where organization_id = ${organizationId} and entity_id = ${id}`;
    assert.equal(log?.rows, 2, "the log tells of the key's issue and change, not of its use");
  } finally {
    await keys.stop();
  }
});
