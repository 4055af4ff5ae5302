import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { holding, issueKey, keyOf } from "../harness/keys.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant, personalOrganization, type User } from "../harness/tenant.ts";

const idsOf = async (user: User, query = "limit=100") =>
  expect(await user.get(`/keys?${query}`), 200).data.map(({ id }: Body) => id);

Deno.test("list_api_keys", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
  const ofOwner = await issueKey(owner);
  const ofMember = await issueKey(member);
  const elsewhere = await issueKey(owner.in(await personalOrganization(owner)));

  await t.step("a member sees their own, an admin all, nobody another organization's", async () => {
    assert.deepEqual(await idsOf(member), [ofMember.id]);
    assert.deepEqual(await idsOf(admin), [ofMember.id, ofOwner.id]);
    assert.deepEqual(await idsOf(owner), [ofMember.id, ofOwner.id]);
    assert.deepEqual(await idsOf(owner.in(elsewhere.organization_id)), [elsewhere.id]);
  });
  await t.step("filters by user", async () => {
    assert.deepEqual(await idsOf(admin, `user_id=${member.id}`), [ofMember.id]);
    assert.deepEqual(await idsOf(member, `user_id=${owner.id}`), []);
    refused(await admin.get("/keys?user_id=me"), 422, "validation_failed", ["query.user_id"]);
  });
  await t.step("pages meet each key once", async () => {
    const user = await tenant.join("member");
    const made = [await issueKey(user), await issueKey(user), await issueKey(user)];
    const pages = await collectPages(user, "/keys?limit=2");
    assert.deepEqual(pages.flat().map(({ id }) => id), made.map(({ id }) => id).reverse());
  });
  await t.step("shows all but the key", async () => {
    const [row] = expect(await member.get("/keys"), 200).data;
    const { key: _, ...shown } = ofMember;
    assert.deepEqual(row, shown);
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: "/keys", stranger: "empty" }),
  );
});

Deno.test("get_api_key", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const { key: _, ...row } = await issueKey(owner);

  await t.step("shows one to its user and to admins", async () => {
    assert.deepEqual(expect(await owner.get(`/keys/${row.id}`), 200), row);
    assert.deepEqual(expect(await (await tenant.user("admin")).get(`/keys/${row.id}`), 200), row);
    refused(await member.get(`/keys/${row.id}`), 404, "not_found");
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: `/keys/${row.id}` }),
  );
});

Deno.test("update_api_key", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];

  await t.step("takes effect with the next call", async () => {
    const { caller, row } = await keyOf(owner, ["pipelines:read"]);
    const path = `/keys/${row.id}`;
    expect(await caller.get("/pipelines"), 200);
    expect(await owner.patch(path, { scopes: ["audit:read"], name: "Reader" }), 200);
    refused(await caller.get("/pipelines"), 403, "insufficient_scope");
    expect(await caller.get("/audit/logs"), 200);
    const { name, scopes } = expect(await owner.get(path), 200);
    assert.deepEqual([name, scopes], ["Reader", ["audit:read"]]);
    expect(await owner.patch(path, { rate_limit: 1 }), 200);
    expect(await caller.get("/audit/logs"), 200);
    refused(await caller.get("/audit/logs"), 429, "rate_limited");
    expect(await owner.patch(path, { rate_limit: null }), 200);
    const unlimited = await caller.get("/audit/logs");
    expect(unlimited, 200);
    assert.equal(unlimited.headers.get("ratelimit-limit"), null);
  });
  await t.step("a key is switched off and on", async () => {
    const { caller, row } = await keyOf(owner, ["pipelines:read"]);
    expect(await owner.patch(`/keys/${row.id}`, { is_active: false }), 200);
    refused(await caller.get("/pipelines"), 401, "invalid_api_key");
    expect(await owner.patch(`/keys/${row.id}`, { is_active: true }), 200);
    expect(await caller.get("/pipelines"), 200);
  });
  await t.step("an admin switches another's off, and no more", async () => {
    const { caller, row } = await keyOf(member, ["pipelines:read"]);
    const path = `/keys/${row.id}`;
    refused(await admin.patch(path, { scopes: ["audit:read"] }), 403, "forbidden");
    refused(await admin.patch(path, { name: "x", is_active: false }), 403, "forbidden");
    expect(await admin.patch(path, { is_active: false }), 200);
    refused(await admin.patch(path, { is_active: true }), 403, "forbidden");
    refused(await caller.get("/pipelines"), 401, "invalid_api_key");
    refused(await member.patch(`/keys/${(await issueKey(admin)).id}`, {}), 404, "not_found");
  });
  await t.step("refuses scopes that its user or the calling key lacks", async () => {
    const { id } = await issueKey(member, ["pipelines:read"]);
    const path = `/keys/${id}`;
    const { detail } = refused(
      await member.patch(path, { scopes: ["pipelines:read", "audit:admin"] }),
      403,
      "insufficient_scope",
    );
    assert.ok(detail.includes("audit:admin"));
    const { caller } = await keyOf(member, ["keys:write"]);
    refused(await caller.patch(path, { scopes: ["audit:read"] }), 403, "insufficient_scope");
    assert.deepEqual(expect(await member.get(path), 200).scopes, ["pipelines:read"]);
  });
  await t.step("a key can't give itself more", async () => {
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const { caller, row } = await keyOf(owner, ["keys:write"], { expires_at });
    const path = `/keys/${row.id}`;
    refused(await caller.patch(path, { scopes: ["keys:*"] }), 403, "insufficient_scope");
    refused(await caller.patch(path, { expires_at: null }), 403, "forbidden");
    expect(await caller.patch(path, { is_active: false }), 200);
    refused(await caller.patch(path, { is_active: true }), 401, "invalid_api_key");
  });
  await t.step("refuses what does not fit", async () => {
    const { id } = await issueKey(owner);
    const wrong: [unknown, string][] = [
      [{ expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
      [{ scopes: [] }, "scopes"],
      [{ scopes: ["x"] }, "scopes.0"],
      [{ name: " " }, "name"],
      [{ rate_limit: 0 }, "rate_limit"],
      [{ rate_window_seconds: null }, "rate_window_seconds"],
      [{ is_active: "no" }, "is_active"],
      [{ revoked_at: null }, ""],
      [{ user_id: owner.id }, ""],
    ];
    for (const [body, path] of wrong) {
      refused(await owner.patch(`/keys/${id}`, body), 422, "validation_failed", [path]);
    }
  });
  await t.step("a revoked one stays as it is", async () => {
    const row = await issueKey(owner);
    expect(await owner.delete(`/keys/${row.id}`), 204);
    for (const body of [{ name: "x" }, { is_active: true }, { scopes: ["audit:read"] }]) {
      refused(await owner.patch(`/keys/${row.id}`, body), 409, "immutable");
    }
    refused(await holding(owner, row).get("/keys"), 401, "invalid_api_key");
  });
  await t.step("is refused to", async (t) => {
    const path = `/keys/${(await issueKey(owner)).id}`;
    await attack(t, { tenant, method: "PATCH", path, body: { is_active: false } });
  });
});
