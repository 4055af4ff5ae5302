import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createTenant, signUp } from "../harness/tenant.ts";

const uniqueSlug = () => `t-${crypto.randomUUID().slice(0, 12)}`;

Deno.test("create_organization", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("makes a team, with its creator as the owner", async () => {
    const slug = uniqueSlug();
    const answer = await owner.post("/organizations", { name: " Weather Lab ", slug });
    const team = expect(answer, 201);
    assert.equal(team.name, "Weather Lab");
    assert.equal(team.slug, slug);
    assert.equal(team.kind, "team");
    assert.equal(team.member_count, 1);
    assert.equal(team.created_by, owner.id);
    assert.equal(answer.headers.get("etag"), `"${team.revision}"`);
    assert.equal(answer.headers.get("location"), `/functions/v1/organizations/${team.id}`);
    const { data } = expect(await owner.get(`/organizations/${team.id}/members`), 200);
    assert.deepEqual(
      data.map(({ user_id, role, status }: Record<string, string>) => [user_id, role, status]),
      [[owner.id, "owner", "active"]],
    );
  });

  await t.step("refuses names and slugs that don't fit", async () => {
    const wrong = async (body: unknown, path: string) =>
      refused(await owner.post("/organizations", body), 422, "validation_failed", [path]);
    await wrong({ name: "", slug: uniqueSlug() }, "name");
    for (const slug of ["", "a", "-a", "a-", "a--b", "A", "ä", "a b", "x".repeat(200)]) {
      await wrong({ name: "Team", slug }, "slug");
    }
    await wrong({ name: "Team", slug: uniqueSlug(), kind: "personal" }, "");
    const slug = uniqueSlug();
    expect(await owner.post("/organizations", { name: "Team", slug }), 201);
    refused(await owner.post("/organizations", { name: "Other", slug }), 409, "conflict");
  });

  await t.step("is refused to", (t) => {
    const body = { name: "Team", slug: uniqueSlug() };
    return attack(t, { tenant, method: "POST", path: "/organizations", body, stranger: "own" });
  });
});

Deno.test("who signs up has a personal organization", async () => {
  const user = await signUp();
  const { data } = expect(await call("GET", "/organizations", { token: user.token }), 200);
  assert.equal(data.length, 1);
  assert.equal(data[0].kind, "personal");
  assert.equal(data[0].member_count, 1);
  const profile = expect(await user.rest("GET", `/profiles?id=eq.${user.id}`), 200);
  assert.equal(profile[0].email, user.email);
});
