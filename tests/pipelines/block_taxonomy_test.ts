import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { categorize, createCategory, UNKNOWN } from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("get_block_taxonomy and set_block_taxonomy", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const weather = await createCategory(owner, null, "Weather");
  const rain = await createCategory(owner, weather, "Rain");
  const cities = await createCategory(owner, null, "Cities");
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}/taxonomy`;
  const paths = ({ data }: Body) => data.map(({ path }: Body) => path.join("/"));
  const put = (category_ids: unknown) => owner.send("PUT", path, { body: { category_ids } });

  await t.step("a new block is in none", async () => {
    assert.deepEqual(expect(await owner.get(path), 200), { data: [], next_cursor: null });
  });
  await t.step("the set replaces the one before, and repeats count once", async () => {
    const member = await tenant.user("member");
    assert.deepEqual(paths(await categorize(member, block, rain, cities, rain)), [
      "Cities",
      "Weather/Rain",
    ]);
    assert.deepEqual(paths(await categorize(member, block, weather, rain)), [
      "Weather",
      "Weather/Rain",
    ]);
    assert.deepEqual(paths(expect(await member.get(path), 200)), ["Weather", "Weather/Rain"]);
  });
  await t.step("a category in the set that is not there changes nothing", async () => {
    const theirs = await createCategory((await createTenant()).owner);
    for (const { id } of [{ id: UNKNOWN }, theirs]) {
      refused(await put([cities.id, id]), 404, "not_found");
    }
    assert.deepEqual(paths(expect(await owner.get(path), 200)), ["Weather", "Weather/Rain"]);
  });
  await t.step("refuses", async () => {
    refused(await put(["x"]), 422, "validation_failed", ["category_ids.0"]);
    refused(await put(null), 422, "validation_failed", ["category_ids"]);
    refused(await put(Array(101).fill(rain.id)), 422, "validation_failed", ["category_ids"]);
    const unknown = `/pipelines/blocks/${UNKNOWN}/taxonomy`;
    refused(await owner.get(unknown), 404, "not_found");
    const body = { category_ids: [] };
    refused(await owner.send("PUT", unknown, { body }), 404, "not_found");
  });
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));
  const body = { category_ids: [cities.id] };
  await t.step("set is refused to", (t) => attack(t, { tenant, method: "PUT", path, body }));
  await t.step("an empty set leaves all", async () => {
    assert.deepEqual(paths(await categorize(owner, block)), []);
  });
});
