import assert from "node:assert/strict";
import { rest } from "../harness/client.ts";
import { addsNothing, changesNothing, rowOf } from "../harness/hostile.ts";
import { sql } from "../harness/sql.ts";
import { addMember, createTenant, createUser, type User } from "../harness/tenant.ts";

/** The id of a user's membership in the organization that they work in. */
async function membershipOf(user: User): Promise<string> {
  const [row] = await sql`select id from public.memberships
    where user_id = ${user.id} and organization_id = ${user.organizationId}`;
  return row?.id;
}

const change = (user: User, id: string, values: unknown) =>
  user.rest("PATCH", `/memberships?id=eq.${id}`, values);

Deno.test("nobody raises themselves, straight at /rest/v1", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId: organization_id } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
  const stranger = await tenant.stranger();

  await t.step("a member to admin or owner", async () => {
    const id = await membershipOf(member);
    for (const role of ["admin", "owner"]) {
      await changesNothing("memberships", id, () => change(member, id, { role }));
      await changesNothing("memberships", id, () => change(member, id, { role, status: "active" }));
    }
  });
  await t.step("an admin to owner, by themselves or with another admin's help", async () => {
    const id = await membershipOf(admin);
    await changesNothing("memberships", id, () => change(admin, id, { role: "owner" }));
    await changesNothing(
      "memberships",
      id,
      () => change(admin, id, { role: "owner", status: "active" }),
    );
    const second = await tenant.join("admin");
    await changesNothing("memberships", id, () => change(second, id, { role: "owner" }));
  });
  await t.step("an admin over an owner", async () => {
    const id = await membershipOf(owner);
    await changesNothing("memberships", id, () => change(admin, id, { role: "member" }));
    await changesNothing("memberships", id, () => change(admin, id, { status: "suspended" }));
    await changesNothing("memberships", id, () => admin.rest("DELETE", `/memberships?id=eq.${id}`));
  });
  await t.step("a stranger into the organization", async () => {
    for (const role of ["member", "owner"]) {
      await addsNothing(
        "memberships",
        { organization_id },
        () =>
          stranger.rest("POST", "/memberships", { organization_id, user_id: stranger.id, role }),
      );
    }
    await addsNothing(
      "memberships",
      { organization_id },
      () => member.rest("POST", "/memberships", { organization_id, user_id: stranger.id }),
    );
  });
  await t.step("a membership that is active from the start, against its user's will", async () => {
    const values = { organization_id, user_id: stranger.id, role: "member" };
    await addsNothing(
      "memberships",
      { organization_id },
      () => owner.rest("POST", "/memberships", { ...values, status: "active" }),
    );
    await addsNothing(
      "memberships",
      { organization_id },
      () => owner.rest("POST", "/memberships", { ...values, accepted_at: "2026-01-01" }),
    );
    await addsNothing(
      "memberships",
      { organization_id },
      () => admin.rest("POST", "/memberships", { ...values, role: "owner" }),
    );
  });
  await t.step("an invitation, by others than the invited", async () => {
    const invited = await createUser();
    const id = await addMember(organization_id, invited, "member", "invited");
    for (const other of [owner, admin, member, stranger]) {
      await changesNothing("memberships", id, () => change(other, id, { status: "active" }));
    }
    // Not by way of another status either.
    await change(admin, id, { status: "suspended" });
    await changesNothing("memberships", id, () => change(admin, id, { status: "active" }));
  });
  await t.step("an invited user beyond what they were invited to", async () => {
    const invited = await createUser();
    const id = await addMember(organization_id, invited, "member", "invited");
    for (const values of [{ role: "owner" }, { status: "active", role: "admin" }]) {
      await changesNothing("memberships", id, () => change(invited, id, values));
    }
    await addsNothing(
      "blocks",
      { organization_id },
      () => invited.rest("POST", "/blocks", { organization_id, name: "x", block_type: "dataset" }),
    );
  });
  await t.step("who was suspended", async () => {
    const user = await tenant.join("member");
    const id = await membershipOf(user);
    await change(admin, id, { status: "suspended" });
    await changesNothing("memberships", id, () => change(user, id, { status: "active" }));
    await changesNothing("memberships", id, () => change(user, id, { status: "invited" }));
  });
  await t.step("a membership moved to another organization or user", async () => {
    const id = await membershipOf(member);
    const moves = [{ organization_id: stranger.organizationId }, { user_id: stranger.id }];
    for (const values of moves) {
      await changesNothing("memberships", id, () => change(owner, id, values));
    }
  });
  await t.step("staff", async () => {
    await addsNothing(
      "platform_admins",
      { user_id: owner.id },
      () => owner.rest("POST", "/platform_admins", { user_id: owner.id, role: "super_admin" }),
    );
  });
  await t.step("an organization made for somebody else, or its counters", async () => {
    const values = { name: "x", slug: `t-${crypto.randomUUID().slice(0, 12)}` };
    await addsNothing("organizations", values, () => owner.rest("POST", "/organizations", values));
    for (const fields of [{ member_count: 9 }, { kind: "personal" }, { created_by: member.id }]) {
      await changesNothing(
        "organizations",
        organization_id,
        () => owner.rest("PATCH", `/organizations?id=eq.${organization_id}`, fields),
      );
    }
  });
  await t.step("a profile's email, or somebody else's profile", async () => {
    await changesNothing(
      "profiles",
      member.id,
      () => member.rest("PATCH", `/profiles?id=eq.${member.id}`, { email: "ceo@example.com" }),
    );
    await changesNothing(
      "profiles",
      member.id,
      () => owner.rest("PATCH", `/profiles?id=eq.${member.id}`, { full_name: "Mallory" }),
    );
    const { body } = await stranger.rest("GET", `/profiles?id=eq.${member.id}`);
    assert.deepEqual(body, []);
  });
});

Deno.test("an organization keeps an owner", async (t) => {
  const owners = async (organizationId: string) => {
    const [row] = await sql`select count(*)::int as owners from public.memberships
      where organization_id = ${organizationId} and role = 'owner' and status = 'active'`;
    return row?.owners;
  };
  const leave = async (user: User) =>
    user.rest("DELETE", `/memberships?id=eq.${await membershipOf(user)}`);

  await t.step("the last one can't leave, step down or be suspended", async () => {
    const { owner } = await createTenant();
    const id = await membershipOf(owner);
    await changesNothing("memberships", id, () => leave(owner));
    for (const values of [{ role: "admin" }, { status: "suspended" }, { status: "invited" }]) {
      await changesNothing("memberships", id, () => change(owner, id, values));
    }
  });
  await t.step("of two who leave at once one stays", async () => {
    for (let round = 0; round < 5; round++) {
      const tenant = await createTenant();
      const second = await tenant.join("owner");
      const answers = await Promise.all([leave(tenant.owner), leave(second)]);
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409]);
      assert.equal(await owners(tenant.organizationId), 1);
    }
  });
  await t.step("also of two who demote each other", async () => {
    const tenant = await createTenant();
    const second = await tenant.join("owner");
    const [one, two] = [await membershipOf(tenant.owner), await membershipOf(second)];
    await Promise.all([
      change(tenant.owner, two, { role: "member" }),
      change(second, one, { role: "member" }),
    ]);
    assert.equal(await owners(tenant.organizationId), 1);
  });
  await t.step("the whole table at once", async () => {
    const tenant = await createTenant();
    await tenant.join("owner");
    const own = `organization_id=eq.${tenant.organizationId}`;
    await tenant.owner.rest("DELETE", `/memberships?${own}`);
    await tenant.owner.rest("PATCH", `/memberships?${own}`, { role: "member" });
    assert.ok(await owners(tenant.organizationId) >= 1);
  });
  await t.step("a personal organization stays", async () => {
    const user = await createUser();
    await changesNothing(
      "organizations",
      user.organizationId,
      () => user.rest("DELETE", `/organizations?id=eq.${user.organizationId}`),
    );
    assert.ok(await rowOf("memberships", await membershipOf(user)));
  });
});

Deno.test("an anonymous caller has no way in", async () => {
  const { organizationId } = await createTenant();
  for (const path of ["/organizations", "/memberships", "/profiles", "/blocks", "/audit_logs"]) {
    const { status, body } = await rest("GET", path);
    assert.ok(status >= 400 || body.length === 0, `${path} answered ${status}`);
    assert.ok(!JSON.stringify(body).includes(organizationId));
  }
  const { status } = await rest("POST", "/rpc/create_organization", {
    body: { name: "x", slug: "anonymous-team" },
  });
  assert.ok([401, 403, 404].includes(status), `answered ${status}`);
});
