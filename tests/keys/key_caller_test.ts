import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { trailOf } from "../harness/audit.ts";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { ALL_SCOPES, holding, issueKey, keyOf, revoke } from "../harness/keys.ts";
import {
  createBlock,
  createSmallPipeline,
  startRun,
  uniqueName,
  waitForRun,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, personalOrganization, type User } from "../harness/tenant.ts";

const idsAt = async (user: User, path: string) =>
  expect(await user.get(path), 200).data.map(({ id }: Body) => id);

Deno.test("a key acts as its user, in its organization alone", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
  const personal = owner.in(await personalOrganization(owner));
  const here = await createBlock(owner);
  const elsewhere = await createBlock(personal);
  const { caller, row } = await keyOf(owner, ALL_SCOPES);

  await t.step("it sees what its user sees there", async () => {
    assert.deepEqual(await idsAt(caller, "/pipelines/blocks"), [here.id]);
    assert.equal(expect(await caller.get(`/pipelines/blocks/${here.id}`), 200).id, here.id);
    assert.deepEqual(await idsAt(caller, "/organizations"), [organizationId]);
    const { data } = expect(await caller.get(`/organizations/${organizationId}/members`), 200);
    assert.equal(data.length, 3);
  });
  await t.step("it needs not name the organization", async () => {
    const { data } = expect(await call("GET", "/pipelines/blocks", { token: row.key }), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [here.id]);
    const block = { name: uniqueName("b"), block_type: "dataset", spec: { kind: "trigger" } };
    const created = await call("POST", "/pipelines/blocks", { token: row.key, body: block });
    assert.equal(expect(created, 201).organization_id, organizationId);
  });
  await t.step("its user's other organizations are not there", async () => {
    refused(await caller.get(`/pipelines/blocks/${elsewhere.id}`), 404, "not_found");
    refused(await caller.delete(`/pipelines/blocks/${elsewhere.id}`), 404, "not_found");
    refused(await caller.get(`/organizations/${personal.organizationId}`), 404, "not_found");
    refused(
      await caller.get(`/organizations/${personal.organizationId}/members`),
      404,
      "not_found",
    );
    const foreign = await issueKey(personal);
    refused(await caller.get(`/keys/${foreign.id}`), 404, "not_found");
    refused(await caller.delete(`/keys/${foreign.id}`), 404, "not_found");
    const logs = expect(await caller.get("/audit/logs?limit=100"), 200).data;
    assert.ok(logs.every((log: Body) => log.organization_id === organizationId));
    const [log] = await sql`select id from public.audit_logs
      where organization_id = ${personal.organizationId} limit 1`;
    refused(await caller.get(`/audit/logs/${log?.id}`), 404, "not_found");
  });
  await t.step("naming another one is a 404", async () => {
    const there = holding(personal, row);
    for (const path of ["/pipelines", "/pipelines/blocks", "/keys", "/audit/logs"]) {
      refused(await there.get(path), 404, "not_found");
    }
    refused(await there.post("/pipelines", { name: uniqueName("p") }), 404, "not_found");
    const body = { name: "K", scopes: ["audit:read"] };
    refused(await there.post("/keys", body), 404, "not_found");
  });
  await t.step("it accepts no invitation to another one", async () => {
    const other = await createTenant();
    const [invitation] =
      await sql`insert into public.memberships (organization_id, user_id, role, status)
      values (${other.organizationId}, ${owner.id}, 'admin', 'invited') returning id`;
    const path = `/organizations/${other.organizationId}/members/${invitation?.id}`;
    refused(await caller.patch(path, { status: "active" }), 404, "not_found");
    refused(await caller.delete(path), 404, "not_found");
    expect(await owner.patch(path, { status: "active" }), 200);
    refused(await caller.get(`/organizations/${other.organizationId}`), 404, "not_found");
  });
  await t.step("it makes no organizations", async () => {
    const body = { name: "Mine", slug: `t-${crypto.randomUUID().slice(0, 12)}` };
    refused(await caller.post("/organizations", body), 403, "forbidden");
  });
  await t.step("it has its user's role, not more", async () => {
    const { caller: ofMember } = await keyOf(member);
    const path = `/pipelines/blocks/${(await createBlock(member)).id}`;
    expect(await ofMember.patch(path, { description: "Changed" }), 200);
    refused(await ofMember.delete(path), 403, "forbidden");
    refused(await ofMember.get(`/keys/${row.id}`), 404, "not_found");
    const logs = expect(await ofMember.get("/audit/logs?limit=100"), 200).data;
    assert.deepEqual([...new Set(logs.map((log: Body) => log.actor_id))], [member.id]);
    expect(await holding(admin, await issueKey(admin)).delete(path), 204);
  });
  await t.step("what it does is logged as its own", async () => {
    const { caller, row } = await keyOf(admin);
    const [log, ...more] = await trailOf(admin, () => createBlock(caller, { kind: "trigger" }));
    assert.ok(more.length < 5);
    for (const { actor_type, actor_id, api_key_id } of [log, ...more]) {
      assert.deepEqual([actor_type, actor_id, api_key_id], ["api_key", admin.id, row.id]);
    }
    const found = expect(await admin.get(`/audit/logs?api_key_id=${row.id}`), 200).data;
    assert.ok(found.some(({ id }: Body) => id === log.id));
  });
  await t.step("it runs pipelines", async () => {
    const { caller } = await keyOf(member);
    const pipeline = await createSmallPipeline(member);
    const run = await startRun(caller, pipeline, { input: { city: "Seattle" } });
    const { status, output } = await waitForRun(caller, run.id);
    assert.deepEqual([status, output], ["succeeded", { city: "Seattle" }]);
  });
  await t.step("it replays no answer kept for its user elsewhere", async () => {
    const pipeline = await createSmallPipeline(personal);
    const path = `/pipelines/${pipeline.id}/runs`;
    const headers = { "idempotency-key": crypto.randomUUID() };
    expect(await personal.post(path, { input: "secret" }, { headers }), 202);
    refused(await caller.post(path, { input: "secret" }, { headers }), 404, "not_found");
  });
  await t.step("an Idempotency-Key works with it as ever", async () => {
    const path = `/pipelines/${(await createSmallPipeline(owner)).id}/runs`;
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = expect(await caller.post(path, { input: 1 }, { headers }), 202);
    const again = await caller.post(path, { input: 1 }, { headers });
    assert.equal(expect(again, 202).id, first.id);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
  });
  await t.step("the first credential counts: a bad one is not passed over", async () => {
    const bad = await issueKey(owner);
    await revoke(bad.id);
    const good = row.key;
    const key = (value: string) => ({ "x-api-key": value });
    const refuses = async (options: Parameters<typeof call>[2]) =>
      refused(await call("GET", "/keys", options), 401, "invalid_api_key");
    await refuses({ token: bad.key, headers: key(good) });
    await refuses({ token: owner.token, headers: key(bad.key) });
    await refuses({ apikey: stack.secretKey, headers: key(bad.key) });
    await refuses({ token: owner.token, headers: key("") });
    await refuses({ token: "el_" });
    await refuses({ apikey: good });
    expect(await call("GET", "/keys", { token: good, headers: key(bad.key) }), 200);
    // A key beside a user's token narrows what is done to the key.
    const seen = await call("GET", "/organizations", { token: owner.token, headers: key(good) });
    assert.deepEqual(expect(seen, 200).data.map(({ id }: Body) => id), [organizationId]);
  });
});

Deno.test("a key dies with what it stands on, in the same moment", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;

  /** A member with a key that works. */
  const withKey = async () => {
    const user = await tenant.join("member");
    const { caller, row } = await keyOf(user);
    expect(await caller.get("/pipelines"), 200);
    return { user, caller, row };
  };
  const isDead = async (caller: User) => {
    for (const path of ["/pipelines", "/keys", "/audit/logs", "/organizations"]) {
      refused(await caller.get(path), 401, "invalid_api_key");
    }
  };
  const memberPath = async ({ id }: User) => {
    const [row] = await sql`select id from public.memberships
      where user_id = ${id} and organization_id = ${organizationId}`;
    return `/organizations/${organizationId}/members/${row?.id}`;
  };

  await t.step("its user is removed, and for good", async () => {
    const { user, caller, row } = await withKey();
    expect(await owner.delete(await memberPath(user)), 204);
    await isDead(caller);
    const invitation = { user_id: user.id, role: "admin" };
    const { id } = expect(
      await owner.post(`/organizations/${organizationId}/members`, invitation),
      201,
    );
    await isDead(caller);
    const path = `/organizations/${organizationId}/members/${id}`;
    expect(await user.patch(path, { status: "active" }), 200);
    await isDead(caller);
    refused(await user.patch(`/keys/${row.id}`, { is_active: true }), 409, "immutable");
    expect(await holding(user, await issueKey(user)).get("/pipelines"), 200);
  });
  await t.step("its user leaves", async () => {
    const { user, caller } = await withKey();
    expect(await user.delete(await memberPath(user)), 204);
    await isDead(caller);
  });
  await t.step("its user is suspended, as long as they are", async () => {
    const { user, caller } = await withKey();
    const path = await memberPath(user);
    expect(await owner.patch(path, { status: "suspended" }), 200);
    await isDead(caller);
    expect(await owner.patch(path, { status: "active" }), 200);
    expect(await caller.get("/pipelines"), 200);
  });
  await t.step("its user is deleted", async () => {
    const { user, caller, row } = await withKey();
    await sql`delete from auth.users where id = ${user.id}`;
    await isDead(caller);
    const [left] =
      await sql`select count(*)::int as rows from public.api_keys where id = ${row.id}`;
    assert.equal(left?.rows, 0);
  });
  await t.step("its organization is deleted", async () => {
    const { owner } = await createTenant();
    const { caller } = await keyOf(owner);
    expect(await owner.delete(`/organizations/${owner.organizationId}`), 204);
    await isDead(caller);
  });
  await t.step("its time is over", async () => {
    const { caller, row } = await withKey();
    await sql`update public.api_keys set expires_at = now() + interval '1 hour' where id = ${row.id}`;
    expect(await caller.get("/pipelines"), 200);
    await sql`update public.api_keys set expires_at = now() where id = ${row.id}`;
    await isDead(caller);
  });
  await t.step("an organization's other keys live on", async () => {
    const { user, caller } = await withKey();
    const { caller: other } = await withKey();
    const personal = await personalOrganization(user);
    const { caller: elsewhere } = await keyOf(user.in(personal));
    expect(await owner.delete(await memberPath(user)), 204);
    await isDead(caller);
    expect(await other.get("/pipelines"), 200);
    expect(await elsewhere.get("/pipelines"), 200);
  });
  await t.step("its user's role is taken: the key has it no more", async () => {
    const admin = await tenant.join("admin");
    const { caller } = await keyOf(admin, ["pipelines:*"]);
    const [one, two] = [await createBlock(admin), await createBlock(admin)];
    expect(await caller.delete(`/pipelines/blocks/${one.id}`), 204);
    expect(await owner.patch(await memberPath(admin), { role: "member" }), 200);
    refused(await caller.delete(`/pipelines/blocks/${two.id}`), 403, "forbidden");
  });
});
