import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant, createUser, type Tenant, type User } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const membersOf = (tenant: Tenant) => `/organizations/${tenant.organizationId}/members`;

/** The path of a user's membership. */
async function membershipOf(tenant: Tenant, user: User): Promise<string> {
  const { data } = expect(await tenant.owner.get(membersOf(tenant)), 200);
  const own = data.find(({ user_id }: Body) => user_id === user.id);
  return `${membersOf(tenant)}/${own.id}`;
}

Deno.test("create_member: an invitation, which its user accepts", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const path = membersOf(tenant);

  await t.step("counts only once it is accepted", async () => {
    const user = await createUser();
    const admin = await tenant.user("admin");
    const answer = await admin.post(path, { user_id: user.id });
    const invitation = expect(answer, 201);
    assert.deepEqual(
      [invitation.role, invitation.status, invitation.accepted_at],
      ["member", "invited", null],
    );
    refused(await user.get(`/organizations/${tenant.organizationId}`), 404, "not_found");
    const own = `${path}/${invitation.id}`;
    assert.equal(expect(await user.get(own), 200).status, "invited");
    const accepted = expect(await user.patch(own, { status: "active" }), 200);
    assert.equal(accepted.status, "active");
    assert.ok(accepted.accepted_at);
    const team = expect(await user.get(`/organizations/${tenant.organizationId}`), 200);
    assert.equal(team.member_count, 3);
  });
  await t.step("can be declined", async () => {
    const user = await createUser();
    const { id } = expect(await owner.post(path, { user_id: user.id, role: "owner" }), 201);
    expect(await user.delete(`${path}/${id}`), 204);
    refused(await owner.get(`${path}/${id}`), 404, "not_found");
  });
  await t.step("an admin invites no owner", async () => {
    const user = await createUser();
    const admin = await tenant.user("admin");
    refused(await admin.post(path, { user_id: user.id, role: "owner" }), 403, "forbidden");
  });
  await t.step("refuses", async () => {
    refused(await owner.post(path, { user_id: "x" }), 422, "validation_failed", ["user_id"]);
    refused(await owner.post(path, { user_id: UNKNOWN, role: "king" }), 422, "validation_failed", [
      "role",
    ]);
    refused(
      await owner.post(path, { user_id: UNKNOWN, status: "active" }),
      422,
      "validation_failed",
    );
    refused(await owner.post(path, { user_id: owner.id }), 409, "conflict");
    refused(await owner.post(path, { user_id: UNKNOWN }), 409, "in_use");
  });
  await t.step("is refused to", async (t) => {
    const body = { user_id: (await createUser()).id };
    await attack(t, { tenant, method: "POST", path, body, minimumRole: "admin" });
  });
});

Deno.test("list_members and get_member", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const path = membersOf(tenant);
  const own = await membershipOf(tenant, member);

  await t.step("show who belongs to the organization", async () => {
    const { data } = expect(await member.get(path), 200);
    const roles = data.map(({ user_id, role }: Body) => `${user_id} ${role}`).toSorted();
    assert.deepEqual(roles, [`${owner.id} owner`, `${member.id} member`].toSorted());
    assert.equal(expect(await owner.get(own), 200).user_id, member.id);
    assert.equal((await collectPages(owner, `${path}?limit=1`)).flat().length, 2);
  });
  await t.step("filter by role and status", async () => {
    const owners = expect(await owner.get(`${path}?role=owner`), 200).data;
    assert.deepEqual(owners.map(({ user_id }: Body) => user_id), [owner.id]);
    assert.deepEqual(expect(await owner.get(`${path}?status=invited`), 200).data, []);
    refused(await owner.get(`${path}?role=king`), 422, "validation_failed", ["query.role"]);
  });
  await t.step("know no other ids", async () => {
    refused(await owner.get(`/organizations/${UNKNOWN}/members`), 404, "not_found");
    refused(await owner.get(`${path}/${UNKNOWN}`), 404, "not_found");
    const other = await createTenant();
    const [, , , , id] = own.split("/");
    refused(await other.owner.get(`${membersOf(other)}/${id}`), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("list is refused to", (t) => attack(t, { tenant, method: "GET", path }));
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path: own }));
});

Deno.test("update_member", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const admin = await tenant.user("admin");
  const member = await tenant.user("member");
  const path = await membershipOf(tenant, member);

  await t.step(
    "is refused to",
    (t) =>
      attack(t, { tenant, method: "PATCH", path, body: { role: "admin" }, minimumRole: "admin" }),
  );
  await t.step("an admin gives roles below the owner's", async () => {
    assert.equal(expect(await admin.patch(path, { role: "admin" }), 200).role, "admin");
    assert.equal(expect(await admin.patch(path, { role: "member" }), 200).role, "member");
    refused(await admin.patch(path, { role: "owner" }), 403, "forbidden");
    refused(
      await admin.patch(await membershipOf(tenant, admin), { role: "owner" }),
      403,
      "forbidden",
    );
    refused(
      await admin.patch(await membershipOf(tenant, owner), { role: "member" }),
      403,
      "forbidden",
    );
  });
  await t.step("who is suspended is out at once, and can't come back alone", async () => {
    expect(await admin.patch(path, { status: "suspended" }), 200);
    refused(await member.get(`/organizations/${tenant.organizationId}`), 404, "not_found");
    const { status } = await member.patch(path, { status: "active" });
    assert.ok(status === 403 || status === 404);
    expect(await admin.patch(path, { status: "active" }), 200);
    expect(await member.get(`/organizations/${tenant.organizationId}`), 200);
  });
  await t.step("nobody accepts for another one", async () => {
    const invited = await createUser();
    const { id } = expect(await owner.post(membersOf(tenant), { user_id: invited.id }), 201);
    const invitation = `${membersOf(tenant)}/${id}`;
    refused(await owner.patch(invitation, { status: "active" }), 403, "forbidden");
    const { status } = await invited.patch(invitation, { status: "active", role: "admin" });
    assert.equal(status, 403);
    assert.equal(expect(await owner.get(invitation), 200).status, "invited");
  });
  await t.step("refuses", async () => {
    refused(await owner.patch(path, { role: "king" }), 422, "validation_failed", ["role"]);
    refused(await owner.patch(path, { user_id: owner.id }), 422, "validation_failed");
    refused(await owner.patch(`${membersOf(tenant)}/${UNKNOWN}`, {}), 404, "not_found");
  });
});

Deno.test("delete_member", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const admin = await tenant.user("admin");

  await t.step("is refused to", async (t) => {
    const path = await membershipOf(tenant, admin);
    await attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" });
  });
  await t.step("a member leaves", async () => {
    const member = await tenant.user("member");
    const path = await membershipOf(tenant, member);
    expect(await member.delete(path), 204);
    refused(await member.get(`/organizations/${tenant.organizationId}`), 404, "not_found");
    refused(await owner.delete(path), 404, "not_found");
  });
  await t.step("an admin removes members, but no owner", async () => {
    expect(await admin.delete(await membershipOf(tenant, await tenant.join("member"))), 204);
    refused(await admin.delete(await membershipOf(tenant, owner)), 403, "forbidden");
  });
  await t.step("the last owner stays", async () => {
    const path = await membershipOf(tenant, owner);
    refused(await owner.delete(path), 409, "last_owner");
    refused(await owner.patch(path, { role: "member" }), 409, "last_owner");
    refused(await owner.patch(path, { status: "suspended" }), 409, "last_owner");
    const second = await tenant.join("owner");
    const own = await membershipOf(tenant, second);
    expect(await owner.delete(path), 204);
    refused(await second.delete(own), 409, "last_owner");
  });
});
