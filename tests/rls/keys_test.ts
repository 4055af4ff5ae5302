import assert from "node:assert/strict";
import { call, rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { addsNothing, changesNothing, rowOf } from "../harness/hostile.ts";
import { holding, issueKey, revoke, valuesOfKey } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const LATER = "2099-01-01T00:00:00Z";

const change = (user: User, id: string, values: unknown) =>
  user.rest("PATCH", `/api_keys?id=eq.${id}&select=id`, values);

/** An attempt that must leave the key as it was. */
const isKept = (user: User, id: string, values: unknown) =>
  changesNothing("api_keys", id, () => change(user, id, values));

Deno.test("nobody makes a key that is not theirs to make, straight at /rest/v1", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
  const stranger = await tenant.stranger();
  const adds = async (user: User, more: Record<string, unknown>) => {
    const values = { ...await valuesOfKey(organizationId), ...more };
    const { key_hash } = values;
    await addsNothing(
      "api_keys",
      { key_hash },
      () => user.rest("POST", "/api_keys?select=id", values),
    );
  };

  await t.step("their own is", async () => {
    const values = await valuesOfKey(organizationId);
    const [row] = expect(await member.rest("POST", "/api_keys?select=id,user_id", values), 201);
    assert.equal(row.user_id, member.id);
  });
  await t.step("for another user", async () => {
    await adds(member, { user_id: owner.id });
    await adds(owner, { user_id: member.id });
  });
  await t.step("in an organization that they don't belong to", async () => {
    await adds(stranger, {});
    await adds(owner, { organization_id: stranger.organizationId });
  });
  await t.step("that is more than new", async () => {
    const other = await issueKey(owner);
    for (const more of [{ is_active: false }, { replaced_by: other.id }, { last_used_at: LATER }]) {
      await adds(owner, more);
    }
    await adds(owner, { id: crypto.randomUUID() });
  });
  await t.step("with an administrator's scopes, as a member", async () => {
    for (const scope of ["pipelines:admin", "keys:*", "organizations:admin"]) {
      await adds(member, { scopes: ["pipelines:read", scope] });
    }
    expect(
      await admin.rest("POST", "/api_keys?select=id", {
        ...await valuesOfKey(organizationId),
        scopes: ["pipelines:admin", "keys:*"],
      }),
      201,
    );
  });
  await t.step("with scopes that are none", async () => {
    for (const scopes of [[], ["*"], ["pipelines"], ["pipelines:fly"], ["x:read"], null]) {
      await adds(owner, { scopes });
    }
    await adds(owner, { scopes: ["pipelines:read", null] });
    await adds(owner, { scopes: ["pipelines:read\nkeys:*"] });
  });
  await t.step("that is over before it begins, or has no sense", async () => {
    const wrong = [
      { expires_at: "2020-01-01T00:00:00Z" },
      { expires_at: "-infinity" },
      { rate_limit: 0 },
      { rate_limit: -1 },
      { rate_window_seconds: 0 },
      { key_hash: "plain" },
      { prefix: "el_live_" },
      { name: " " },
    ];
    for (const more of wrong) await adds(owner, more);
  });
  await t.step("with the hash of a key that there is", async () => {
    const { id } = await issueKey(owner);
    const { key_hash } = await rowOf("api_keys", id);
    await adds(stranger, { organization_id: stranger.organizationId, key_hash });
  });
});

Deno.test("nobody makes more of a key than it was, straight at /rest/v1", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];

  await t.step("another user's, organization's or hash", async () => {
    const { id } = await issueKey(owner);
    const record = await valuesOfKey(organizationId);
    const wrong = [
      { user_id: member.id },
      { organization_id: (await tenant.stranger()).organizationId },
      { key_hash: record.key_hash },
      { prefix: record.prefix },
      { last_four: "0000" },
      { id: crypto.randomUUID() },
      { created_at: LATER },
      { last_used_at: LATER },
      { last_used_ip: "127.0.0.1" },
    ];
    for (const values of wrong) await isKept(owner, id, values);
  });
  await t.step("alive again", async () => {
    const { id, key } = await issueKey(owner);
    await revoke(id);
    for (const user of [owner, admin]) {
      const wrong = [{ revoked_at: null }, { revoked_at: LATER }, { expires_at: LATER }];
      for (const values of [...wrong, { is_active: true }]) await isKept(user, id, values);
    }
    refused(await call("GET", "/keys", { token: key }), 401, "invalid_api_key");
  });
  await t.step("longer in its grace, or no longer replaced", async () => {
    const old = await issueKey(owner);
    expect(await owner.post(`/keys/${old.id}/rotate`, { grace_seconds: 3600 }), 201);
    const other = await issueKey(owner);
    const wrong = [
      { revoked_at: null },
      { revoked_at: LATER },
      { revoked_at: "infinity" },
      { replaced_by: null },
      { replaced_by: other.id },
      { replaced_by: null, revoked_at: "now" },
    ];
    for (const values of wrong) await isKept(owner, old.id, values);
    expect(await change(owner, old.id, { revoked_at: "now" }), 200);
    refused(await holding(owner, old).get("/keys"), 401, "invalid_api_key");
  });
  await t.step("dead before it was", async () => {
    const { id, created_at } = await issueKey(owner);
    await change(owner, id, { revoked_at: "2020-01-01T00:00:00Z" });
    const { revoked_at } = await rowOf("api_keys", id);
    assert.ok(Date.parse(revoked_at) >= Date.parse(created_at), revoked_at);
  });
  await t.step("a member gives it an administrator's scopes", async () => {
    const { id } = await issueKey(member, ["pipelines:read"]);
    for (const scope of ["pipelines:admin", "pipelines:*"]) {
      await isKept(member, id, { scopes: [scope] });
    }
    expect(await change(member, id, { scopes: ["audit:read"] }), 200);
  });
  await t.step("an admin changes another's, but for stopping it", async () => {
    const { id, key } = await issueKey(member, ["pipelines:read"]);
    const wrong = [
      { scopes: ["pipelines:write"] },
      { name: "Mine" },
      { expires_at: LATER },
      { rate_limit: 1 },
      { rate_window_seconds: 1 },
      { is_active: false, scopes: ["pipelines:write"] },
      { replaced_by: (await issueKey(member)).id },
    ];
    for (const values of wrong) await isKept(admin, id, values);
    expect(await change(admin, id, { is_active: false }), 200);
    refused(await call("GET", "/pipelines", { token: key }), 401, "invalid_api_key");
    await isKept(admin, id, { is_active: true });
    expect(await change(member, id, { is_active: true }), 200);
    expect(await change(admin, id, { revoked_at: "now" }), 200);
    await isKept(member, id, { is_active: false });
  });
  await t.step("a member changes an admin's", async () => {
    const { id } = await issueKey(admin);
    for (const values of [{ is_active: false }, { revoked_at: "now" }, { name: "Mine" }]) {
      await isKept(member, id, values);
    }
  });
  await t.step("anyone removes its row", async () => {
    const { id } = await issueKey(owner);
    await changesNothing("api_keys", id, () => owner.rest("DELETE", `/api_keys?id=eq.${id}`));
  });
  await t.step("who is an admin no more can still stop what they gave as one", async () => {
    const former = await tenant.join("admin");
    const first = await issueKey(former, ["pipelines:*"]);
    const second = await issueKey(former, ["pipelines:admin"]);
    await sql`update public.memberships set role = 'member'
      where user_id = ${former.id} and organization_id = ${organizationId}`;
    await isKept(former, first.id, { expires_at: LATER });
    expect(await change(former, first.id, { is_active: false }), 200);
    await isKept(former, first.id, { is_active: true });
    assert.equal((await former.delete(`/keys/${second.id}`)).status, 204);
    refused(await holding(former, second).get("/pipelines"), 401, "invalid_api_key");
  });
});

Deno.test("a client reads of keys what is shown of them, and no more", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { id } = await issueKey(owner, ["pipelines:read"], { rate_limit: 5 });
  const isRefused = async (method: string, path: string, body?: unknown) => {
    const answer = await owner.rest(method, path, body);
    assert.ok(answer.status >= 400, `${path} answered ${JSON.stringify(answer.body)}`);
    assert.ok(!JSON.stringify(answer.body).includes((await rowOf("api_keys", id)).key_hash));
  };

  await t.step("not the hash", async () => {
    const { key_hash } = await rowOf("api_keys", id);
    const queries = [
      "select=key_hash",
      "select=*",
      "select=id,h:key_hash",
      "select=id&order=key_hash",
      `select=id&key_hash=eq.${key_hash}`,
      "select=id&key_hash=like.0*",
      "select=id&or=(key_hash.gt.0,id.is.null)",
    ];
    for (const query of queries) await isRefused("GET", `/api_keys?${query}`);
    await isRefused("PATCH", `/api_keys?id=eq.${id}&select=*`, { name: "x" });
    await isRefused("POST", "/api_keys?select=key_hash", await valuesOfKey(owner.organizationId));
    await isRefused("GET", "/organizations?select=id,api_keys(key_hash)");
  });
  await t.step("no usage", async () => {
    expect(
      await holding(owner, await issueKey(owner, ["keys:read"], { rate_limit: 5 })).get("/keys"),
      200,
    );
    const { status, body } = await owner.rest("GET", "/api_key_usage?select=id");
    assert.ok(status >= 400 || body.length === 0, JSON.stringify(body));
  });
  await t.step("none of what the service calls", async () => {
    const { key_hash: hash } = await rowOf("api_keys", id);
    await isRefused("POST", "/rpc/verify_api_key", { hash });
    await isRefused("POST", "/rpc/stale_secrets", { newest: 9 });
    await isRefused("POST", "/rpc/replace_secrets", { secrets: [] });
    for (const name of ["take_from_window", "forget_keys_of_member", "check_api_key"]) {
      await isRefused("POST", `/rpc/${name}`, {});
    }
    const anonymous = await rest("POST", "/rpc/verify_api_key", { body: { hash } });
    assert.ok(anonymous.status >= 400);
  });
});
