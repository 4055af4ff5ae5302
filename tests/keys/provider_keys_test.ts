import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { changesNothing, rowOf } from "../harness/hostile.ts";
import { collectPages } from "../harness/pages.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const PATH = "/keys/providers";

async function put(
  user: User,
  provider: string,
  body: Record<string, unknown> = {},
): Promise<Body> {
  const defaults = { key: newProviderKey(), base_url: "https://models.example.com/v1" };
  const answer = await user.send("PUT", `${PATH}/${provider}`, { body: { ...defaults, ...body } });
  return expect(answer, 200);
}

const ids = (rows: Body[]) => rows.map(({ id }) => id).sort();

Deno.test("list_provider_keys shows the caller's own and the organization's, and of no other", async (t) => {
  const tenant = await createTenant();
  const [admin, member] = await Promise.all([tenant.user("admin"), tenant.user("member")]);
  const key = newProviderKey();
  const shared = await put(admin, "openai", { key, scope: "organization" });
  const admins = await put(admin, "openai");
  const members = [await put(member, "openai", { key }), await put(member, "groq")];
  const elsewhere = await put(await tenant.stranger(), "openai");
  const list = async (user: User, query = "?limit=100") =>
    expect(await user.get(`${PATH}${query}`), 200).data;

  assert.deepEqual(ids(await list(admin)), ids([shared, admins]));
  assert.deepEqual(ids(await list(member)), ids([shared, ...members]));
  assert.deepEqual(ids(await list(tenant.owner)), ids([shared]), "an owner reads no member's own");
  assert.deepEqual(ids(await list(await tenant.stranger())), ids([elsewhere]));

  await t.step("nothing of a key but its end", async () => {
    const { ciphertext } = await rowOf("provider_keys", shared.id);
    const text = JSON.stringify(await list(member));
    for (const hidden of [key, key.slice(0, 12), ciphertext, "ciphertext"]) {
      assert.ok(!text.includes(hidden));
    }
    assert.ok(text.includes(key.slice(-4)));
  });
  await t.step("by provider, and by pages", async () => {
    assert.deepEqual(ids(await list(member, "?provider=groq")), ids(members.slice(1)));
    assert.deepEqual(await list(member, "?provider=constructor"), []);
    const pages = await collectPages(member, `${PATH}?limit=1`);
    assert.deepEqual(ids(pages.flat()), ids([shared, ...members]));
    refused(await member.get(`${PATH}?provider=A%20B`), 422, "validation_failed", [
      "query.provider",
    ]);
    refused(await member.get(`${PATH}?limit=0`), 422, "validation_failed", ["query.limit"]);
    refused(await member.get(`${PATH}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step(
    "security",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
});

Deno.test("delete_provider_key is for the key's user, or an admin where it is the organization's", async (t) => {
  const tenant = await createTenant();
  const [admin, member] = await Promise.all([tenant.user("admin"), tenant.user("member")]);
  const own = await put(member, "openai");
  const shared = await put(admin, "openai", { scope: "organization" });
  const remove = (user: User, id: string) => user.delete(`${PATH}/${id}`);

  for (const user of [admin, tenant.owner]) {
    const answer = await changesNothing("provider_keys", own.id, () => remove(user, own.id));
    refused(answer, 404, "not_found");
  }
  const answer = await changesNothing("provider_keys", shared.id, () => remove(member, shared.id));
  refused(answer, 403, "forbidden");
  await t.step(
    "security, own",
    (t) => attack(t, { tenant, method: "DELETE", path: `${PATH}/${own.id}` }),
  );
  await t.step(
    "security, the organization's",
    (t) =>
      attack(t, { tenant, method: "DELETE", path: `${PATH}/${shared.id}`, minimumRole: "admin" }),
  );

  expect(await remove(member, own.id), 204);
  expect(await remove(admin, shared.id), 204);
  assert.equal(await rowOf("provider_keys", own.id), undefined);
  refused(await remove(admin, shared.id), 404, "not_found");
  refused(await remove(admin, "x"), 404, "not_found");
  const [log] = await sql`select details::text as details from public.audit_logs
    where entity_id = ${own.id} and action_type = 'DELETE'`;
  assert.ok(!log?.details.includes("ciphertext"));
});

Deno.test("who leaves an organization leaves no provider key in it", async () => {
  const [tenant, other] = await Promise.all([createTenant(), createTenant()]);
  const member = await tenant.join("member");
  await sql`insert into public.memberships (organization_id, user_id, status, accepted_at)
    values (${other.organizationId}, ${member.id}, 'active', now())`;
  const [own, colleagues, shared, elsewhere] = [
    await put(member, "openai"),
    await put(await tenant.user("member"), "openai"),
    await put(tenant.owner, "openai", { scope: "organization" }),
    await put(member.in(other.organizationId), "openai"),
  ];
  const [{ id = "" } = {}] = await sql`select id from public.memberships
    where user_id = ${member.id} and organization_id = ${tenant.organizationId}`;
  expect(await tenant.owner.rest("DELETE", `/memberships?id=eq.${id}`), 200);
  assert.equal(await rowOf("provider_keys", own.id), undefined);
  for (const kept of [colleagues, shared, elsewhere]) {
    assert.ok(await rowOf("provider_keys", kept.id), "the rest stays");
  }
  const reads = await member.rest(
    "GET",
    `/provider_keys?select=id&organization_id=eq.${tenant.organizationId}`,
  );
  assert.deepEqual(reads.body, []);
});

Deno.test("an organization goes with its keys", async () => {
  const tenant = await createTenant();
  const [own, shared] = [
    await put(tenant.owner, "openai"),
    await put(tenant.owner, "openai", { scope: "organization" }),
  ];
  await tenant.owner.post("/keys", { name: "Mine", scopes: ["keys:read"] });
  expect(await tenant.owner.rest("DELETE", `/organizations?id=eq.${tenant.organizationId}`), 200);
  for (const { id } of [own, shared]) assert.equal(await rowOf("provider_keys", id), undefined);
});
