import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { rowOf } from "../harness/hostile.ts";
import { ALL_SCOPES, holding, issueKey, keyOf } from "../harness/keys.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("revoke_api_key", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];

  await t.step("kills the key at once and for good; its row stays", async () => {
    const { caller, row } = await keyOf(member);
    expect(await caller.get("/pipelines"), 200);
    assert.equal(expect(await member.delete(`/keys/${row.id}`), 204), "");
    for (const path of ["/pipelines", "/keys", "/audit/logs", "/organizations"]) {
      const { detail } = refused(await caller.get(path), 401, "invalid_api_key");
      assert.match(detail, /revoked/);
    }
    assert.ok(expect(await member.get(`/keys/${row.id}`), 200).revoked_at);
  });
  await t.step("a second time changes nothing", async () => {
    const { id } = await issueKey(member);
    expect(await member.delete(`/keys/${id}`), 204);
    const before = await rowOf("api_keys", id);
    expect(await member.delete(`/keys/${id}`), 204);
    expect(await admin.delete(`/keys/${id}`), 204);
    assert.deepEqual(await rowOf("api_keys", id), before);
  });
  await t.step("is an admin's to do with any key, a member's with their own", async () => {
    const ofOwner = await issueKey(owner, ALL_SCOPES);
    refused(await member.delete(`/keys/${ofOwner.id}`), 404, "not_found");
    expect(await holding(owner, ofOwner).get("/keys"), 200);
    expect(await admin.delete(`/keys/${ofOwner.id}`), 204);
    refused(await holding(owner, ofOwner).get("/keys"), 401, "invalid_api_key");
    refused(await owner.delete(`/keys/${crypto.randomUUID()}`), 404, "not_found");
  });
  await t.step("a key revokes itself", async () => {
    const { caller, row } = await keyOf(member, ["keys:write"]);
    expect(await caller.delete(`/keys/${row.id}`), 204);
    refused(await caller.delete(`/keys/${row.id}`), 401, "invalid_api_key");
  });
  await t.step("a key revokes also what holds more than it does", async () => {
    const mighty = await issueKey(owner, ALL_SCOPES);
    const { caller } = await keyOf(owner, ["keys:write"]);
    expect(await caller.delete(`/keys/${mighty.id}`), 204);
    refused(await holding(owner, mighty).get("/keys"), 401, "invalid_api_key");
  });
  await t.step("ends the grace of a rotated one", async () => {
    const { caller, row } = await keyOf(member);
    expect(await member.post(`/keys/${row.id}/rotate`, { grace_seconds: 3600 }), 201);
    expect(await caller.get("/keys"), 200);
    expect(await member.delete(`/keys/${row.id}`), 204);
    refused(await caller.get("/keys"), 401, "invalid_api_key");
  });
  await t.step("is refused to", async (t) => {
    const path = `/keys/${(await issueKey(owner)).id}`;
    await attack(t, { tenant, method: "DELETE", path });
  });
});
