import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { createRepo, UNKNOWN } from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, createEdge } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/repos";

Deno.test("create_code_repo", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const of = (repo_url: string, fields: Record<string, unknown> = {}) => ({
    entity_type: "block",
    entity_id: block.id,
    repo_url,
    ...fields,
  });

  await t.step("links a block or an edge to its code", async () => {
    const member = await tenant.user("member");
    const answer = await member.post(PATH, of("https://github.com/acme/weather"));
    const repo = expect(answer, 201);
    assert.equal(repo.branch, "main");
    assert.deepEqual([repo.last_updated, repo.last_commit], [null, null]);
    assert.equal(repo.organization_id, tenant.organizationId);
    assert.equal(answer.headers.get("location"), `/functions/v1${PATH}/${repo.id}`);
    const edge = await createEdge(owner);
    const fields = { entity_type: "edge", entity_id: edge.id, branch: "release/2.0" };
    const ssh = expect(await member.post(PATH, of("git@github.com:acme/x.git", fields)), 201);
    assert.equal(ssh.entity_id, edge.id);
  });
  await t.step("takes a branch of a repository once", async () => {
    const url = "https://github.com/acme/twice";
    expect(await owner.post(PATH, of(url)), 201);
    expect(await owner.post(PATH, of(url, { branch: "next" })), 201);
    refused(await owner.post(PATH, of(url)), 409, "conflict");
  });
  await t.step("refuses", async () => {
    const wrong = async (body: unknown, path: string) =>
      refused(await owner.post(PATH, body), 422, "validation_failed", [path]);
    await wrong({ entity_type: "block", entity_id: block.id }, "repo_url");
    await wrong(of("weather"), "repo_url");
    await wrong(of("javascript:alert(1)"), "repo_url");
    await wrong(of("https://token@github.com/acme/weather"), "repo_url");
    await wrong(of("https://user:pass@github.com/acme/weather"), "repo_url");
    await wrong(of(`https://github.com/${"x".repeat(2048)}`), "repo_url");
    await wrong(of("https://github.com/a/b", { branch: "two words" }), "branch");
    await wrong(of("https://github.com/a/b", { branch: "" }), "branch");
    await wrong(of("https://github.com/a/b", { entity_type: "pipeline" }), "entity_type");
    const theirs = await createBlock((await createTenant()).owner);
    for (const { id } of [{ id: UNKNOWN }, theirs]) {
      const answer = await owner.post(PATH, of("https://github.com/a/b", { entity_id: id }));
      refused(answer, 404, "not_found");
    }
  });
  await t.step("keeps the organization that the request names", async () => {
    const personal = await tenant.stranger();
    const mine = await createBlock(personal);
    const body = of("https://github.com/a/mine", { entity_id: mine.id });
    refused(await personal.in(tenant.organizationId).post(PATH, body), 404, "not_found");
    expect(await personal.post(PATH, body), 201);
  });
  const body = of("https://github.com/acme/attacked");
  await t.step("is refused to", (t) => attack(t, { tenant, method: "POST", path: PATH, body }));
});

Deno.test("list_code_repos, get_, update_ and delete_code_repo", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [one, two] = [await createBlock(owner), await createBlock(owner)];
  const repo = await createRepo(owner, one);
  await createRepo(owner, two);
  const path = `${PATH}/${repo.id}`;

  await t.step("list and get", async () => {
    const member = await tenant.user("member");
    assert.equal(expect(await member.get(PATH), 200).data.length, 2);
    const { data } = expect(await member.get(`${PATH}?entity_type=block&entity_id=${one.id}`), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [repo.id]);
    const shown = expect(await member.get(path), 200);
    assert.equal(shown.repo_url, repo.repo_url);
    assert.ok(!("block_id" in shown));
    refused(await member.get(`${PATH}/${UNKNOWN}`), 404, "not_found");
    refused(await member.get(`${PATH}?entity_id=x`), 422, "validation_failed", [
      "query.entity_id",
    ]);
  });
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));

  const change = { branch: "release" };
  await t.step(
    "update is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: change }),
  );
  await t.step("update", async () => {
    assert.equal(expect(await owner.patch(path, change), 200).branch, "release");
    refused(await owner.patch(path, { branch: "^" }), 422, "validation_failed", ["branch"]);
    refused(await owner.patch(path, { last_commit: "0".repeat(40) }), 422, "validation_failed");
    refused(await owner.patch(path, { entity_id: two.id }), 422, "validation_failed");
    refused(await owner.patch(`${PATH}/${UNKNOWN}`, change), 404, "not_found");
    await createRepo(owner, one, { repo_url: repo.repo_url, branch: "taken" });
    refused(await owner.patch(path, { branch: "taken" }), 409, "conflict");
  });
  await t.step(
    "delete is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("delete, and it goes with its block", async () => {
    expect(await (await tenant.user("admin")).delete(path), 204);
    refused(await owner.delete(path), 404, "not_found");
    expect(await owner.delete(`/pipelines/blocks/${two.id}`), 204);
    const { data } = expect(await owner.get(`${PATH}?entity_id=${two.id}`), 200);
    assert.deepEqual(data, []);
  });
});
