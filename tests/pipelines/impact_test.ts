import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { dependOn, UNKNOWN } from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, createEdge, createPipeline } from "../harness/pipelines.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { createTrigger } from "../harness/webhooks.ts";

const model = (user: User) => createBlock(user, { kind: "jsonata", expression: "input" });

async function impactOf(user: User, type: string, { id }: Body, query = ""): Promise<Body> {
  return expect(await user.get(`/pipelines/${type}s/${id}/impact${query}`), 200);
}

/** Ids with their depths. */
const depths = ({ data }: Body) =>
  Object.fromEntries(data.map(({ entity_id, depth }: Body) => [entity_id, depth]));

const expected = (...found: [Body, number][]) =>
  Object.fromEntries(found.map(([{ id }, depth]) => [id, depth]));

Deno.test("get_block_impact and get_edge_impact", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [a, b, c, d] = [
    await createBlock(owner),
    await model(owner),
    await model(owner),
    await model(owner),
  ];
  const [first, second] = [await createEdge(owner), await createEdge(owner)];
  const upstream = await createPipeline(owner, [a, b], [[a, b, first]]);
  const downstream = await createPipeline(owner, [b, c], [[b, c, second]]);
  const trigger = await createTrigger(owner, downstream);
  const elsewhere = [await createBlock(owner), await model(owner)] as const;
  const other = await createPipeline(owner, [...elsewhere], [[...elsewhere, first]]);
  await dependOn(owner, ["block", d], ["block", c]);

  await t.step("reach down through pipelines and declared dependencies", async () => {
    const impact = await impactOf(await tenant.user("member"), "block", a);
    assert.deepEqual(
      depths(impact),
      expected(
        [b, 1],
        [first, 1],
        [upstream, 1],
        [c, 2],
        [second, 2],
        [downstream, 2],
        [d, 3],
        [trigger, 3],
      ),
    );
    assert.deepEqual(impact.counts, { blocks: 3, edges: 2, pipelines: 2, pipeline_triggers: 1 });
    assert.equal(impact.truncated, false);
    assert.deepEqual(impact.subject, { entity_type: "block", entity_id: a.id, name: a.name });
  });
  await t.step("say through what, so that the path can be followed", async () => {
    const { data } = await impactOf(owner, "block", a);
    const of = ({ id }: Body) => data.find(({ entity_id }: Body) => entity_id === id);
    assert.deepEqual(of(c).via, {
      entity_type: "block",
      entity_id: b.id,
      pipeline_id: downstream.id,
    });
    assert.deepEqual(of(d).via, { entity_type: "block", entity_id: c.id, pipeline_id: null });
    assert.equal(of(trigger).via.entity_id, downstream.id);
    assert.deepEqual(of(trigger).details, { type: "webhook", is_active: true });
    assert.equal(of(upstream).details.status, "active");
    assert.equal(of(b).details.block_type, "model");
  });
  await t.step("of an edge is all that it feeds, wherever it is used", async () => {
    const impact = await impactOf(owner, "edge", first);
    const [, target] = elsewhere;
    assert.deepEqual(
      depths(impact),
      expected(
        [b, 1],
        [target, 1],
        [upstream, 1],
        [other, 1],
        [c, 2],
        [second, 2],
        [downstream, 2],
        [d, 3],
        [trigger, 3],
      ),
    );
  });
  await t.step("of an edge that depends on a changed block, too", async () => {
    const knowledge = await model(owner);
    await dependOn(owner, ["edge", second], ["block", knowledge]);
    assert.deepEqual(
      depths(await impactOf(owner, "block", knowledge)),
      expected([second, 1], [c, 2], [downstream, 2], [d, 3], [trigger, 3]),
    );
  });
  await t.step("end as far away as asked", async () => {
    const impact = await impactOf(owner, "block", a, "?depth=1");
    assert.deepEqual(depths(impact), expected([b, 1], [first, 1], [upstream, 1]));
  });
  await t.step("of what nothing depends on are empty", async () => {
    assert.deepEqual((await impactOf(owner, "block", d)).data, []);
  });
  await t.step("end where declared dependencies go round in circles", async () => {
    const [x, y, z] = [await model(owner), await model(owner), await createEdge(owner)];
    await dependOn(owner, ["block", y], ["block", x]);
    await dependOn(owner, ["edge", z], ["block", y]);
    await dependOn(owner, ["block", x], ["edge", z]);
    const impact = await impactOf(owner, "block", x);
    assert.deepEqual(depths(impact), expected([y, 1], [z, 2]));
    assert.equal(impact.truncated, false);
    assert.deepEqual(depths(await impactOf(owner, "edge", z)), expected([x, 1], [y, 2]));
  });
  await t.step("refuse", async () => {
    refused(await owner.get(`/pipelines/blocks/${UNKNOWN}/impact`), 404, "not_found");
    refused(await owner.get(`/pipelines/edges/${a.id}/impact`), 404, "not_found");
    for (const depth of ["0", "1001", "x"]) {
      const answer = await owner.get(`/pipelines/blocks/${a.id}/impact?depth=${depth}`);
      refused(answer, 422, "validation_failed", ["query.depth"]);
    }
  });
  const path = `/pipelines/blocks/${a.id}/impact`;
  await t.step("are refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("the impact in a graph of many ways is found without walking each", async () => {
  const { owner } = await createTenant();
  const edge = await createEdge(owner);
  const layers: Body[][] = [];
  for (let layer = 0; layer < 7; layer++) {
    const make = layer === 0 ? () => createBlock(owner) : () => model(owner);
    layers.push(await Promise.all([make(), make(), make()]));
  }
  const arrows = layers.slice(1).flatMap((targets, index) =>
    targets.flatMap((target) =>
      (layers[index] ?? []).map((source): [Body, Body, Body] => [source, target, edge])
    )
  );
  await createPipeline(owner, layers.flat(), arrows);
  const impact = await impactOf(owner, "block", layers[0]?.[0]);
  assert.equal(impact.counts.blocks, 18);
  assert.equal(impact.truncated, false);
  const found = Object.values(depths(impact));
  assert.equal(Math.max(...found.map(Number)), 6);
});
