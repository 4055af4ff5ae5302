import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey, keyOf } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";

const verify = async (key: string, scope?: string) =>
  expect(
    await call("POST", "/keys/verify", { apikey: stack.secretKey, body: { key, scope } }),
    200,
  );

Deno.test("a key has no scope that its user lost with their role", async () => {
  const tenant = await createTenant();
  const admin = await tenant.user("admin");
  const { key } = await issueKey(admin, ["pipelines:admin", "keys:*", "audit:read"]);
  assert.equal((await verify(key, "pipelines:admin")).code, "VALID");
  await sql`update public.memberships set role = 'member'
    where user_id = ${admin.id} and organization_id = ${tenant.organizationId}`;
  assert.equal((await verify(key, "pipelines:admin")).code, "INSUFFICIENT_SCOPE");
  assert.equal((await verify(key, "keys:admin")).code, "INSUFFICIENT_SCOPE");
  const { code, scopes } = await verify(key, "keys:write");
  assert.equal(code, "VALID");
  const left = ["audit:read", "keys:read", "keys:run", "keys:write"];
  assert.deepEqual(scopes.toSorted(), left);
  await sql`update public.memberships set role = 'admin'
    where user_id = ${admin.id} and organization_id = ${tenant.organizationId}`;
  assert.equal((await verify(key, "keys:admin")).code, "VALID");
});

Deno.test("a key is of no use while its user is banned, and when they are deleted", async () => {
  const tenant = await createTenant();
  const member = await tenant.user("member");
  const { caller, row } = await keyOf(member, ["pipelines:read"]);
  const setUser = (column: "banned_until" | "deleted_at", time: string | null) =>
    column === "banned_until"
      ? sql`update auth.users set banned_until = ${time}::timestamptz where id = ${member.id}`
      : sql`update auth.users set deleted_at = ${time}::timestamptz where id = ${member.id}`;
  expect(await caller.get("/pipelines/blocks"), 200);
  await setUser("banned_until", "2999-01-01T00:00:00Z");
  refused(await caller.get("/pipelines/blocks"), 401, "invalid_api_key");
  assert.equal((await verify(row.key)).code, "DISABLED");
  await setUser("banned_until", "2001-01-01T00:00:00Z");
  expect(await caller.get("/pipelines/blocks"), 200);
  await setUser("deleted_at", "2001-01-01T00:00:00Z");
  refused(await caller.get("/pipelines/blocks"), 401, "invalid_api_key");
});
