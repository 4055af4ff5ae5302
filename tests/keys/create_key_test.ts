import { isWellFormed } from "@shared/key_format.ts";
import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { startFunction } from "../harness/function_process.ts";
import { rowOf } from "../harness/hostile.ts";
import { ALL_SCOPES, holding, issueKey, keyOf } from "../harness/keys.ts";
import { sql, withSql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, type Tenant } from "../harness/tenant.ts";

const valid = { name: "Nightly import", scopes: ["pipelines:read", "pipelines:run"] };

const countKeys = async ({ organizationId }: Tenant) => {
  const [row] = await sql`
    select count(*)::int as keys from public.api_keys where organization_id = ${organizationId}`;
  return row?.keys;
};

Deno.test("create_api_key", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];

  await t.step("makes a key, which works in the same moment, in either header", async () => {
    const answer = await member.post("/keys", valid);
    const { key, ...row } = expect(answer, 201);
    assert.ok(isWellFormed(key), key);
    assert.equal(answer.headers.get("location"), `/functions/v1/keys/${row.id}`);
    assert.deepEqual(
      [row.name, row.scopes, row.user_id, row.organization_id, row.is_active, row.revoked_at],
      [valid.name, valid.scopes, member.id, organizationId, true, null],
    );
    assert.deepEqual([row.expires_at, row.rate_limit, row.rate_window_seconds], [null, null, 60]);
    assert.ok(key.startsWith(row.prefix) && key.split("_")[2].endsWith(row.last_four));
    expect(await call("GET", "/pipelines", { token: key }), 200);
    expect(await call("GET", "/pipelines", { headers: { "x-api-key": key } }), 200);
    expect(await call("GET", "/pipelines", { token: key, apikey: "" }), 200);
    expect(await call("GET", "/pipelines", { headers: { authorization: `bearer ${key}` } }), 200);
  });
  await t.step("takes limits and an expiry", async () => {
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const options = { expires_at, rate_limit: 9, rate_window_seconds: 30 };
    const row = expect(await owner.post("/keys", { ...valid, name: " K ", ...options }), 201);
    assert.equal(Date.parse(row.expires_at), Date.parse(expires_at));
    assert.deepEqual([row.name, row.rate_limit, row.rate_window_seconds], ["K", 9, 30]);
  });
  await t.step("holds each scope once", async () => {
    const scopes = ["audit:read", "audit:read", "keys:read"];
    const row = expect(await owner.post("/keys", { ...valid, scopes }), 201);
    assert.deepEqual(row.scopes, ["audit:read", "keys:read"]);
  });
  await t.step("an admin gives every scope there is, and whole domains", async () => {
    expect(await admin.post("/keys", { ...valid, scopes: ALL_SCOPES }), 201);
    expect(await admin.post("/keys", { ...valid, scopes: ["pipelines:*", "keys:*"] }), 201);
  });

  await t.step("refuses what is no key, and keeps nothing of it", async () => {
    const before = await countKeys(tenant);
    const wrong: [Record<string, unknown>, string][] = [
      [{ name: "" }, "name"],
      [{ name: "   " }, "name"],
      [{ name: "x".repeat(201) }, "name"],
      [{ name: undefined }, "name"],
      [{ scopes: [] }, "scopes"],
      [{ scopes: undefined }, "scopes"],
      [{ scopes: "pipelines:read" }, "scopes"],
      [{ scopes: ["pipelines:read", "pipelines:fly"] }, "scopes.1"],
      [{ scopes: ["*"] }, "scopes.0"],
      [{ scopes: ["*:read"] }, "scopes.0"],
      [{ expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
      [{ expires_at: new Date(Date.now() - 1000).toISOString() }, "expires_at"],
      [{ expires_at: "tomorrow" }, "expires_at"],
      [{ expires_at: "infinity" }, "expires_at"],
      [{ rate_limit: 0 }, "rate_limit"],
      [{ rate_limit: 1.5 }, "rate_limit"],
      [{ rate_limit: 1_000_001 }, "rate_limit"],
      [{ rate_window_seconds: 0 }, "rate_window_seconds"],
      [{ rate_window_seconds: 86_401 }, "rate_window_seconds"],
      [{ user_id: owner.id }, ""],
      [{ key: "el_live_mine" }, ""],
    ];
    for (const [fields, path] of wrong) {
      const answer = await owner.post("/keys", { ...valid, ...fields });
      refused(answer, 422, "validation_failed", [path]);
    }
    assert.equal(await countKeys(tenant), before);
  });
  await t.step("refuses scopes that the creator lacks, by name", async () => {
    const before = await countKeys(tenant);
    const lacks = async (user: typeof owner, scope: string) => {
      const answer = await user.post("/keys", { ...valid, scopes: ["keys:read", scope] });
      const { detail } = refused(answer, 403, "insufficient_scope");
      assert.ok(detail.includes(scope), detail);
    };
    await lacks(member, "pipelines:admin");
    await lacks(member, "pipelines:*");
    const { caller } = await keyOf(owner, ["keys:write", "keys:read"]);
    for (const scope of ["audit:read", "keys:run", "keys:*"]) await lacks(caller, scope);
    assert.equal(await countKeys(tenant), before + 1);
  });
  await t.step("needs an organization where there is a choice", async () => {
    const { token } = owner;
    refused(
      await call("POST", "/keys", { token, body: valid }),
      400,
      "organization_required",
    );
  });
  await t.step("is logged, without the key or its hash", async () => {
    const { id, key } = await issueKey(owner);
    const { key_hash } = await rowOf("api_keys", id);
    const [log] = await sql`select details::text as details from public.audit_logs
      where entity_id = ${id} and entity_type = 'api_key' and action_type = 'CREATE'`;
    assert.ok(log?.details.includes(id));
    for (const secret of [key, key_hash, key.slice(16)]) assert.ok(!log?.details.includes(secret));
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "POST", path: "/keys", body: valid, stranger: "own" }),
  );
});

/** The secret of a key anywhere in the database; the key itself holds it, and so does any part. */
const findInDatabase = (secret: string) =>
  withSql(async (connection) => {
    const tables = await connection`
      select format('%I.%I', n.nspname, c.relname) as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname in ('public', 'private', 'auth', 'storage')`;
    const found: string[] = [];
    for (const { name } of tables) {
      const [row] = await connection.unsafe(
        `select count(*)::int as rows from ${name} t where t::text like '%' || $1 || '%'`,
        [secret],
      );
      if (row?.rows) found.push(name);
    }
    assert.ok(tables.length > 20);
    return found;
  });

Deno.test("a key is shown once", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const secretOf = ({ key }: Body): string => key.split("_")[2].slice(8);

  await t.step("no route tells it again", async () => {
    const row = await issueKey(owner);
    expect(await holding(owner, row).get("/pipelines"), 200);
    const answers = [
      await owner.get("/keys"),
      await owner.get(`/keys/${row.id}`),
      await owner.patch(`/keys/${row.id}`, { name: "New" }),
      await owner.get("/audit/logs"),
      await owner.get(`/audit/entities/api_key/${row.id}/history`),
      await owner.get("/audit/export?format=ndjson"),
      await holding(owner, row).post("/keys/verify", { key: row.key }),
    ];
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      const text = JSON.stringify(body);
      assert.ok(!text.includes(secretOf(row)) && !text.includes('"key"'), text);
      assert.ok(!text.includes((await rowOf("api_keys", row.id)).key_hash));
    }
  });
  await t.step("no table keeps it, also with an Idempotency-Key", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = expect(await owner.post("/keys", valid, { headers }), 201);
    const second = expect(await owner.post("/keys", valid, { headers }), 201);
    assert.notEqual(first.key, second.key);
    const rotated = expect(await owner.post(`/keys/${first.id}/rotate`, {}, { headers }), 201);
    expect(await holding(owner, rotated).get("/pipelines"), 200);
    for (const row of [first, second, rotated]) {
      assert.deepEqual(await findInDatabase(secretOf(row)), []);
    }
    // The search does find what is there.
    assert.ok((await findInDatabase(first.prefix)).includes("public.api_keys"));
  });
  await t.step("no log line holds it", async () => {
    const keys = await startFunction("keys", stack, {
      EDGELOOM_JWT_KEY: stack.jwtSecret,
      EDGELOOM_LOG: "",
    });
    try {
      const { key } = await issueKey(owner, ["keys:read", "keys:write"]);
      const used: string[] = [key];
      const send = async (method: string, path: string, token: string, body?: unknown) => {
        const authorization = `Bearer ${token}`;
        const answer = await fetch(`${keys.url}/keys${path}`, {
          method,
          headers: { authorization, "x-organization-id": owner.organizationId },
          body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await answer.text();
        const made = text === "" ? undefined : JSON.parse(text).key;
        if (made) used.push(made);
        return answer.status;
      };
      assert.equal(await send("GET", "", key), 200);
      assert.equal(await send("POST", "", owner.token, valid), 201);
      assert.equal(await send("POST", "", key, { ...valid, scopes: ["keys:read"] }), 201);
      assert.equal(await send("POST", "", key, { ...valid, scopes: ["audit:read"] }), 403);
      assert.equal(await send("POST", "/verify", key, { key }), 200);
      assert.equal(await send("POST", "/verify", key, { key: `${key}x`.repeat(20) }), 200);
      assert.equal(await send("GET", "", `${key}x`), 401);
      assert.equal(await send("GET", `/${key}`, key), 404);
      assert.equal(used.length, 3);
      const log = keys.log();
      assert.ok(log.includes('"status":201') && log.includes('"status":403'), "there is a log");
      for (const key of used) assert.ok(!log.includes(key.slice(16, -7)), log);
    } finally {
      await keys.stop();
    }
  });
});
