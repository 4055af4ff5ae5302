import assert from "node:assert/strict";
import {
  createCategory,
  createImage,
  createRepo,
  dependOn,
  describeBlock,
  openHook,
  sendHook,
  signed,
} from "../harness/catalog.ts";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing } from "../harness/hostile.ts";
import { ALL_SCOPES } from "../harness/keys.ts";
import { createBlock } from "../harness/pipelines.ts";
import { rest } from "../harness/client.ts";
import { createTenant } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

const merge = { prefer: "resolution=merge-duplicates" };

Deno.test("a client that goes past the functions can't break the catalog", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const stranger = await tenant.stranger();
  const block = await createBlock(owner);
  const foreign = await createBlock(stranger);

  await t.step("close a circle in the taxonomy", async () => {
    const top = await createCategory(owner);
    const child = await createCategory(owner, top);
    const attempts = [{ parent_id: child.id }, { parent_id: top.id }];
    for (const change of attempts) {
      await changesNothing(
        "taxonomy_categories",
        top.id,
        () => owner.rest("PATCH", `/taxonomy_categories?id=eq.${top.id}`, change),
      );
    }
    // All rows at once, each below the other.
    await changesNothing(
      "taxonomy_categories",
      top.id,
      () =>
        owner.rest("PATCH", `/taxonomy_categories?id=in.(${top.id},${child.id})`, {
          parent_id: child.id,
        }),
    );
    const row = { id: top.id, name: top.name, parent_id: child.id };
    await changesNothing(
      "taxonomy_categories",
      top.id,
      () => owner.rest("POST", "/taxonomy_categories?on_conflict=id", row, merge),
    );
  });

  await t.step("mix tenants", async () => {
    const theirs = await createCategory(stranger);
    const mine = await createCategory(owner);
    const values = { organization_id: organizationId, name: "mixed", parent_id: theirs.id };
    await addsNothing(
      "taxonomy_categories",
      { parent_id: theirs.id },
      () => owner.rest("POST", "/taxonomy_categories", values),
    );
    await changesNothing(
      "taxonomy_categories",
      mine.id,
      () => owner.rest("PATCH", `/taxonomy_categories?id=eq.${mine.id}`, { parent_id: theirs.id }),
    );
    await changesNothing(
      "taxonomy_categories",
      mine.id,
      () =>
        owner.rest("PATCH", `/taxonomy_categories?id=eq.${mine.id}`, {
          organization_id: stranger.organizationId,
        }),
    );
    for (const [block_id, category_id] of [[foreign.id, mine.id], [block.id, theirs.id]]) {
      const pair = { block_id, category_id };
      await addsNothing(
        "block_taxonomies",
        pair,
        () => owner.rest("POST", "/block_taxonomies", pair),
      );
    }
    const external = { dependency_type: "external", package_name: "numpy" };
    const of = { entity_type: "block", entity_id: foreign.id };
    await addsNothing(
      "dependencies",
      of,
      () => owner.rest("POST", "/dependencies", { ...of, ...external }),
    );
    const on = { depends_on_type: "block", depends_on_id: foreign.id };
    await addsNothing("dependencies", on, () =>
      owner.rest("POST", "/dependencies", {
        entity_type: "block",
        entity_id: block.id,
        dependency_type: "internal",
        ...on,
      }));
    const repo = { repo_url: "https://github.com/acme/mixed" };
    await addsNothing(
      "code_repos",
      repo,
      () => owner.rest("POST", "/code_repos", { ...of, ...repo, organization_id: organizationId }),
    );
    await addsNothing(
      "code_repos",
      repo,
      () =>
        stranger.rest("POST", "/code_repos", { ...of, ...repo, organization_id: organizationId }),
    );
  });

  await t.step("forge pushes, builds or what they are about", async () => {
    const repo = await createRepo(owner, block);
    const image = await createImage(owner, block);
    const other = await createBlock(owner);
    const forged: [table: string, id: string, change: Record<string, unknown>][] = [
      ["code_repos", repo.id, { last_commit: "0".repeat(40) }],
      ["code_repos", repo.id, { last_updated: new Date().toISOString() }],
      ["code_repos", repo.id, { entity_id: other.id }],
      ["code_repos", repo.id, { block_id: other.id }],
      ["code_repos", repo.id, { repo_url: "https://token@github.com/a/b" }],
      ["docker_images", image.id, { build_status: "success" }],
      ["docker_images", image.id, { digest: `sha256:${"0".repeat(64)}` }],
      ["docker_images", image.id, { build_logs: "forged" }],
      ["docker_images", image.id, { name: "../../etc" }],
    ];
    for (const [table, id, change] of forged) {
      await changesNothing(table, id, () => owner.rest("PATCH", `/${table}?id=eq.${id}`, change));
    }
    await changesNothing(
      "code_repos",
      repo.id,
      () => stranger.rest("DELETE", `/code_repos?id=eq.${repo.id}`),
    );
    const member = await tenant.user("member");
    await changesNothing(
      "docker_images",
      image.id,
      () => member.rest("DELETE", `/docker_images?id=eq.${image.id}`),
    );
  });

  await t.step("read, take away or replace a webhook's secret", async () => {
    const repo = await createRepo(owner, block);
    const secret = await openHook(owner, `/pipelines/repos/${repo.id}`);
    const read = await owner.rest("GET", "/hook_secrets?select=*");
    assert.ok(read.status >= 400 || read.body.length === 0, JSON.stringify(read.body));
    const embedded = await owner.rest("GET", `/code_repos?select=id,hook_secrets(*)`);
    assert.ok(!JSON.stringify(embedded.body).includes("ciphertext"));
    await owner.rest("DELETE", `/hook_secrets?code_repo_id=eq.${repo.id}`);
    const member = await tenant.user("member");
    const mine = { code_repo_id: repo.id, ciphertext: "mine", key_version: 1 };
    for (const user of [member, stranger]) {
      await addsNothing(
        "hook_secrets",
        { ciphertext: "mine" },
        () => user.rest("POST", "/hook_secrets", mine, { prefer: "return=minimal" }),
      );
    }
    // The one before is still there: what was refused had removed it first.
    const hook = `/pipelines/repos/${repo.id}`;
    expect(await sendHook(hook, "{}", signed(secret, "{}")), 200);
  });

  await t.step("change a dependency, or what is found", async () => {
    const other = await createBlock(owner);
    const dependency = await dependOn(owner, ["block", block], ["block", other]);
    await changesNothing(
      "dependencies",
      dependency.id,
      () =>
        owner.rest("PATCH", `/dependencies?id=eq.${dependency.id}`, { depends_on_id: block.id }),
    );
    await changesNothing(
      "dependencies",
      dependency.id,
      () => stranger.rest("DELETE", `/dependencies?id=eq.${dependency.id}`),
    );
    const vector = { entity_type: "block", entity_id: block.id, vector_db: "mine" };
    await addsNothing(
      "vector_representations",
      vector,
      () => owner.rest("POST", "/vector_representations", { ...vector, vector_key: "k" }),
    );
    for (const table of ["search_documents", "registry_entities", "dependency_links"]) {
      const { status } = await owner.rest("GET", `/${table}`);
      assert.ok(status >= 400, `${table} answered ${status}`);
    }
  });
});

Deno.test("a search shows nothing of another tenant", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const word = `w${crypto.randomUUID().replaceAll("-", "")}`;
  const { id } = await describeBlock(owner, word, `about ${word}`);
  const category = await createCategory(owner);
  const search = (token: string, body: Record<string, unknown>) =>
    rest("POST", "/rpc/search_registry", { token, body: { q: word, ...body } });
  const silent = async (token: string, body: Record<string, unknown> = {}) => {
    const answer = await search(token, body);
    assert.ok(!JSON.stringify(answer.body).includes(id), JSON.stringify(answer.body));
    assert.ok(answer.status !== 200 || answer.body.length === 0);
  };
  const named = { organization_id: organizationId };

  await t.step("its members find it", async () => {
    const member = await tenant.user("member");
    assert.equal(expect(await search(member.token, named), 200)[0].id, id);
  });
  await t.step("a stranger, an anonymous caller and one without a role do not", async () => {
    const stranger = await tenant.stranger();
    await silent(stranger.token);
    await silent(stranger.token, named);
    await silent(stranger.token, { ...named, category: category.id });
    await silent("", named);
  });
  await t.step("a member's key of another organization does not", async () => {
    const member = await tenant.user("member");
    const other = await createTenant();
    const key = (organization_id: string) =>
      mintToken(member.id, {
        claims: { api_key_id: crypto.randomUUID(), organization_id, scopes: ALL_SCOPES },
      });
    assert.equal(expect(await search(await key(organizationId), named), 200)[0].id, id);
    await silent(await key(other.organizationId), named);
    await silent(await key(other.organizationId));
  });
  await t.step("one who has left does not", async () => {
    const leaver = await tenant.join("member");
    expect(await search(leaver.token, named), 200);
    await owner.rest(
      "DELETE",
      `/memberships?user_id=eq.${leaver.id}&organization_id=eq.${organizationId}`,
    );
    await silent(leaver.token, named);
  });
  await t.step("nor does the impact or the list of dependencies", async () => {
    const stranger = await tenant.stranger();
    const body = { entity_type: "block", entity_id: id };
    const impact = await stranger.rest("POST", "/rpc/get_impact", body);
    assert.ok(impact.status >= 400 && !JSON.stringify(impact.body).includes(word));
    const other = await createBlock(owner);
    await dependOn(owner, ["block", other], ["block", { id }]);
    assert.deepEqual((await stranger.rest("GET", "/entity_dependencies")).body, []);
    for (const command of ["get_block_taxonomy", "set_block_taxonomy"]) {
      const answer = await stranger.rest("POST", `/rpc/${command}`, {
        block_id: id,
        ...(command === "set_block_taxonomy" ? { category_ids: [] } : {}),
      });
      assert.ok(answer.status >= 400, `${command} answered ${answer.status}`);
    }
  });
});
