import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createBlock } from "../harness/pipelines.ts";
import { createTenant, createUser } from "../harness/tenant.ts";

const UNKNOWN = "/organizations/00000000-0000-4000-8000-000000000000";

Deno.test("list_organizations and get_organization", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const path = `/organizations/${tenant.organizationId}`;

  await t.step("show the caller's organizations, and no others", async () => {
    const member = await tenant.user("member");
    const { data } = expect(await member.get("/organizations"), 200);
    assert.deepEqual(data.map(({ kind }: Body) => kind).toSorted(), ["personal", "team"]);
    const answer = await member.get(path);
    assert.equal(expect(answer, 200).member_count, 2);
    assert.equal(answer.headers.get("etag"), `"${answer.body.revision}"`);
    const pages = await collectPages(owner, "/organizations?limit=1");
    assert.equal(pages.length, 2);
  });
  await t.step("know no other ids", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get("/organizations/x"), 404, "not_found");
    refused(await owner.get("/organizations?cursor=x"), 400, "invalid_cursor");
  });
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: "/organizations", stranger: "empty" }),
  );
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("update_organization", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const path = `/organizations/${tenant.organizationId}`;

  await t.step("changes name, slug and settings", async () => {
    const slug = `t-${crypto.randomUUID().slice(0, 12)}`;
    const body = { name: "Rain Lab", slug, settings: { theme: "dark", limits: [1, 2] } };
    const changed = expect(await (await tenant.user("admin")).patch(path, body), 200);
    assert.deepEqual(
      [changed.name, changed.slug, changed.settings],
      [body.name, body.slug, body.settings],
    );
  });
  await t.step("honours If-Match", async () => {
    const etag = (await owner.get(path)).headers.get("etag") ?? "";
    const change = (name: string) => owner.patch(path, { name }, { headers: { "if-match": etag } });
    expect(await change("One"), 200);
    refused(await change("Two"), 412, "precondition_failed");
    assert.equal((await owner.get(path)).body.name, "One");
  });
  await t.step("refuses", async () => {
    refused(await owner.patch(path, { slug: "No!" }), 422, "validation_failed", ["slug"]);
    refused(await owner.patch(path, { settings: [] }), 422, "validation_failed", ["settings"]);
    refused(await owner.patch(path, { kind: "personal" }), 422, "validation_failed");
    refused(await owner.patch(path, { member_count: 9 }), 422, "validation_failed");
    refused(await owner.patch(UNKNOWN, { name: "x" }), 404, "not_found");
    const other = await createTenant();
    const { slug } = expect(await other.owner.get(`/organizations/${other.organizationId}`), 200);
    refused(await owner.patch(path, { slug }), 409, "conflict");
  });
  await t.step(
    "is refused to",
    (t) =>
      attack(t, { tenant, method: "PATCH", path, body: { name: "Hacked" }, minimumRole: "admin" }),
  );
});

Deno.test("delete_organization", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const path = `/organizations/${tenant.organizationId}`;
  const block = await createBlock(owner);

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "owner" }),
  );
  await t.step("takes everything in it along", async () => {
    const member = await tenant.user("member");
    expect(await owner.delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
    refused(await owner.get(`/pipelines/blocks/${block.id}`), 404, "not_found");
    const { data } = expect(await member.get("/organizations"), 200);
    assert.deepEqual(data.map(({ kind }: Body) => kind), ["personal"]);
    refused(await owner.delete(path), 404, "not_found");
  });
  await t.step("a personal one goes with its user only", async () => {
    const user = await createUser();
    const personal = `/organizations/${user.organizationId}`;
    refused(await user.delete(personal), 409, "personal_organization");
    expect(await user.get(personal), 200);
  });
});
