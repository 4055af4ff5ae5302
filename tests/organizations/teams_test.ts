import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createAssistant, createTeam } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { sql } from "../harness/sql.ts";
import { addMember, createTenant, createUser } from "../harness/tenant.ts";

const ALL = "/organizations/teams";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";

Deno.test("teams: list, get, create, update and delete", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
  const team = expect(await admin.post(ALL, { name: "Rain", description: "Wet" }), 201);
  const path = `${ALL}/${team.id}`;

  await t.step("members see them", async () => {
    assert.deepEqual([team.created_by, team.member_count, team.settings], [admin.id, 0, {}]);
    const second = expect(await owner.post(ALL, { name: "Sun" }), 201);
    const pages = await collectPages(member, `${ALL}?limit=1`);
    assert.deepEqual(pages.flat().map(({ id }) => id), [second.id, team.id]);
    const named = expect(await member.get(`${ALL}?name=Rain`), 200).data;
    assert.deepEqual(named.map(({ id }: Body) => id), [team.id]);
    assert.equal(expect(await member.get(path), 200).name, "Rain");
    refused(await owner.get(`${ALL}/${UNKNOWN}`), 404, "not_found");
    refused(await owner.get(`${ALL}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("admins change them, at the revision they read", async () => {
    const etag = (await admin.get(path)).headers.get("etag") ?? "";
    const headers = { "if-match": etag };
    expect(await admin.patch(path, { settings: { colour: "blue" } }, { headers }), 200);
    refused(await admin.patch(path, { name: "Snow" }, { headers }), 412, "precondition_failed");
  });
  await t.step("refuse", async () => {
    refused(await owner.post(ALL, { name: "Rain" }), 409, "conflict");
    refused(await owner.post(ALL, { name: " " }), 422, "validation_failed", ["name"]);
    refused(await owner.patch(path, { member_count: 9 }), 422, "validation_failed");
    const { id } = await createAssistant(owner, { access_level: "team", team_id: team.id });
    refused(await owner.delete(path), 409, "in_use");
    expect(await owner.delete(`/llm-assistant/assistants/${id}`), 204);
  });
  const target = { tenant, path };
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: ALL, stranger: "empty" }),
  );
  await t.step(
    "create is refused to",
    (t) =>
      attack(t, {
        tenant,
        method: "POST",
        path: ALL,
        body: { name: "x" },
        minimumRole: "admin",
        stranger: "own",
      }),
  );
  await t.step("get is refused to", (t) => attack(t, { ...target, method: "GET" }));
  await t.step(
    "update is refused to",
    (t) => attack(t, { ...target, method: "PATCH", body: { name: "x" }, minimumRole: "admin" }),
  );
  await t.step(
    "delete is refused to",
    (t) => attack(t, { ...target, method: "DELETE", minimumRole: "admin" }),
  );
  await t.step("delete", async () => {
    expect(await admin.delete(path), 204);
    refused(await admin.get(path), 404, "not_found");
  });
});

Deno.test("team members: list, get, create and delete", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const team = await createTeam(tenant, owner);
  const path = `${ALL}/${team.id}/members`;
  const count = async () => expect(await owner.get(`${ALL}/${team.id}`), 200).member_count;
  const place = expect(await owner.post(path, { user_id: member.id }), 201);

  await t.step("are counted and shown", async () => {
    assert.deepEqual([place.team_id, place.organization_id], [team.id, tenant.organizationId]);
    assert.equal(await count(), 2);
    assert.equal(expect(await member.get(path), 200).data.length, 2);
    const found = expect(await member.get(`${path}?user_id=${member.id}`), 200).data;
    assert.deepEqual(found.map(({ id }: Body) => id), [place.id]);
    assert.equal(expect(await member.get(`${path}/${place.id}`), 200).user_id, member.id);
    refused(await owner.get(`${ALL}/${UNKNOWN}/members`), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("are active members of the organization", async () => {
    const invited = await createUser();
    await addMember(tenant.organizationId, invited, "member", "invited");
    for (const { id } of [invited, await createUser()]) {
      refused(await owner.post(path, { user_id: id }), 422, "validation_failed", ["user_id"]);
    }
    refused(await owner.post(path, { user_id: member.id }), 409, "conflict");
    refused(await owner.post(path, { user_id: "x" }), 422, "validation_failed", ["user_id"]);
    refused(
      await owner.post(`${ALL}/${UNKNOWN}/members`, { user_id: member.id }),
      404,
      "not_found",
    );
  });
  await t.step("leave with the organization, and count for nothing while suspended", async () => {
    const leaver = await tenant.join("member");
    expect(await owner.post(path, { user_id: leaver.id }), 201);
    const { id } = await createAssistant(owner, { access_level: "team", team_id: team.id });
    const assistant = `/llm-assistant/assistants/${id}`;
    expect(await leaver.get(assistant), 200);
    const set = (status: string) =>
      sql`update public.memberships set status = ${status}
        where user_id = ${leaver.id} and organization_id = ${tenant.organizationId}`;
    await set("suspended");
    refused(await leaver.get(assistant), 404, "not_found");
    await set("active");
    expect(await leaver.get(assistant), 200);
    const members = `/organizations/${tenant.organizationId}/members`;
    const { data } = expect(await owner.get(members), 200);
    const own = data.find(({ user_id }: Body) => user_id === leaver.id);
    expect(await leaver.delete(`${members}/${own.id}`), 204);
    assert.equal(await count(), 2);
    await addMember(tenant.organizationId, leaver, "member");
    refused(await leaver.get(assistant), 404, "not_found");
  });
  const one = { tenant, path: `${path}/${place.id}` };
  await t.step("list is refused to", (t) => attack(t, { tenant, method: "GET", path }));
  await t.step("create is refused to", async (t) => {
    const body = { user_id: (await tenant.join("member")).id };
    await attack(t, { tenant, method: "POST", path, body, minimumRole: "admin" });
  });
  await t.step("get is refused to", (t) => attack(t, { ...one, method: "GET" }));
  await t.step(
    "delete is refused to",
    (t) => attack(t, { ...one, method: "DELETE", minimumRole: "admin" }),
  );
  await t.step("delete", async () => {
    expect(await owner.delete(one.path), 204);
    refused(await owner.get(one.path), 404, "not_found");
    assert.equal(await count(), 1);
  });
});
