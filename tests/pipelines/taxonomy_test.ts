import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { categorize, createCategory, UNKNOWN } from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, uniqueName } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/taxonomy";

const shape = ({ name, children }: Body): unknown => [name, children.map(shape)];

Deno.test("create_taxonomy_category", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("adds categories at the top and below others", async () => {
    const member = await tenant.user("member");
    const answer = await member.post(PATH, { name: " Weather ", description: "of cities" });
    const weather = expect(answer, 201);
    assert.equal(weather.name, "Weather");
    assert.equal(weather.parent_id, null);
    assert.equal(weather.organization_id, tenant.organizationId);
    assert.equal(answer.headers.get("location"), `/functions/v1${PATH}/${weather.id}`);
    assert.equal((await createCategory(member, weather, "Rain")).parent_id, weather.id);
  });

  await t.step("takes a name once among siblings", async () => {
    const [one, two] = [await createCategory(owner), await createCategory(owner)];
    await createCategory(owner, one, "Same");
    await createCategory(owner, two, "Same");
    refused(await owner.post(PATH, { name: "Same", parent_id: one.id }), 409, "conflict");
    refused(await owner.post(PATH, { name: one.name.toUpperCase() }), 409, "conflict");
  });

  await t.step("refuses", async () => {
    const wrong = async (body: unknown, ...paths: string[]) =>
      refused(await owner.post(PATH, body), 422, "validation_failed", paths);
    await wrong({}, "name");
    await wrong({ name: "  " }, "name");
    await wrong({ name: "x".repeat(201) }, "name");
    await wrong({ name: "a", parent_id: "top" }, "parent_id");
    await wrong({ name: "a", id: UNKNOWN });
    refused(await owner.post(PATH, { name: "a", parent_id: UNKNOWN }), 404, "not_found");
    const theirs = await createCategory((await createTenant()).owner);
    refused(await owner.post(PATH, { name: "a", parent_id: theirs.id }), 404, "not_found");
  });

  await t.step("ends at twenty levels", async () => {
    let category = null;
    for (let level = 1; level <= 20; level++) category = await createCategory(owner, category);
    const body = { name: "deeper", parent_id: category.id };
    refused(await owner.post(PATH, body), 422, "validation_failed", ["parent_id"]);
    const pair = await createCategory(owner);
    await createCategory(owner, pair);
    const move = await owner.patch(`${PATH}/${pair.id}`, { parent_id: category.parent_id });
    refused(move, 422, "validation_failed", ["parent_id"]);
  });

  const body = { name: uniqueName("attacked") };
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "POST", path: PATH, body, stranger: "own" }),
  );
});

Deno.test("get_taxonomy", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  assert.deepEqual(expect(await owner.get(PATH), 200), { data: [], next_cursor: null });
  const weather = await createCategory(owner, null, "weather");
  const rain = await createCategory(owner, weather, "Rain");
  await createCategory(owner, rain, "Daily");
  await createCategory(owner, weather, "Snow");
  await createCategory(owner, null, "Cities");
  await categorize(owner, await createBlock(owner), rain);

  await t.step("is the whole tree by name, with counts", async () => {
    const { data } = expect(await (await tenant.user("member")).get(PATH), 200);
    assert.deepEqual(data.map(shape), [
      ["Cities", []],
      ["weather", [["Rain", [["Daily", []]]], ["Snow", []]]],
    ]);
    assert.equal(data[1].block_count, 0);
    assert.equal(data[1].children[0].block_count, 1);
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
});

Deno.test("get_, update_ and delete_taxonomy_category", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const top = await createCategory(owner);
  const child = await createCategory(owner, top);
  const grandchild = await createCategory(owner, child);
  const path = `${PATH}/${child.id}`;

  await t.step("get shows one", async () => {
    assert.deepEqual(expect(await owner.get(path), 200), child);
    refused(await owner.get(`${PATH}/${UNKNOWN}`), 404, "not_found");
    refused(await owner.get(`${PATH}/x`), 404, "not_found");
  });
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));

  await t.step("update renames", async () => {
    const member = await tenant.user("member");
    const name = uniqueName("renamed");
    assert.equal(expect(await member.patch(path, { name }), 200).name, name);
    refused(await member.patch(path, { name: "" }), 422, "validation_failed", ["name"]);
    refused(await member.patch(`${PATH}/${UNKNOWN}`, { name }), 404, "not_found");
  });
  await t.step("update refuses a place below itself", async () => {
    for (const { id } of [child, grandchild]) {
      refused(await owner.patch(path, { parent_id: id }), 409, "cycle");
    }
    refused(await owner.patch(`${PATH}/${top.id}`, { parent_id: grandchild.id }), 409, "cycle");
    refused(await owner.patch(path, { parent_id: UNKNOWN }), 404, "not_found");
    assert.equal((await owner.get(path)).body.parent_id, top.id);
  });
  await t.step("update moves the whole subtree", async () => {
    const other = await createCategory(owner);
    assert.equal(expect(await owner.patch(path, { parent_id: other.id }), 200).parent_id, other.id);
    const { data } = expect(await owner.get(PATH), 200);
    const moved = data.find(({ id }: Body) => id === other.id);
    assert.equal(moved.children[0].children[0].id, grandchild.id);
    assert.equal(expect(await owner.patch(path, { parent_id: null }), 200).parent_id, null);
    const taken = await createCategory(owner, top, (await owner.get(path)).body.name);
    assert.ok(taken);
    refused(await owner.patch(path, { parent_id: top.id }), 409, "conflict");
  });
  const rename = { name: uniqueName("attacked") };
  await t.step(
    "update is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: rename }),
  );

  await t.step("delete is refused while there are categories below", async () => {
    refused(await owner.delete(path), 409, "in_use");
  });
  const leaf = `${PATH}/${grandchild.id}`;
  await t.step(
    "delete is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path: leaf, minimumRole: "admin" }),
  );
  await t.step("delete takes blocks out of the category", async () => {
    const block = await createBlock(owner);
    await categorize(owner, block, grandchild, top);
    expect(await (await tenant.user("admin")).delete(leaf), 204);
    refused(await owner.get(leaf), 404, "not_found");
    const { data } = expect(await owner.get(`/pipelines/blocks/${block.id}/taxonomy`), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [top.id]);
    expect(await owner.delete(path), 204);
    refused(await owner.delete(path), 404, "not_found");
  });
});
