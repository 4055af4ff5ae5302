import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createBlock,
  createEdge,
  createPipeline,
  uniqueName,
} from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("an archived block", async (t) => {
  const { owner } = await createTenant();
  const [kept, archived] = [await createBlock(owner), await createBlock(owner)];
  const used = await createPipeline(owner, [kept, archived]);
  expect(await owner.patch(`/pipelines/blocks/${archived.id}`, { is_archived: true }), 200);
  const blocks = [{ block_id: archived.id }];

  await t.step("enters no pipeline, and nothing is stored", async () => {
    const name = uniqueName("refused");
    const { detail } = refused(
      await owner.post("/pipelines", { name, blocks }),
      409,
      "block_archived",
    );
    assert.match(detail, new RegExp(archived.name));
    assert.deepEqual(expect(await owner.get(`/pipelines?name=${name}`), 200).data, []);
    const other = await createPipeline(owner, [kept]);
    refused(await owner.patch(`/pipelines/${other.id}`, { blocks }), 409, "block_archived");
    assert.equal(expect(await owner.get(`/pipelines/${other.id}`), 200).revision, other.revision);
    const past = await owner.rest("POST", "/pipeline_blocks", {
      pipeline_id: other.id,
      block_id: archived.id,
    });
    assert.equal(past.status, 409);
  });
  await t.step("starts with no run of the pipelines that have it already", async () => {
    refused(await owner.post(`/pipelines/${used.id}/runs`, {}), 409, "block_archived");
    assert.equal(await countRuns(used.id), 0);
    // Such a pipeline can still be changed.
    expect(await owner.patch(`/pipelines/${used.id}`, { description: "as it was" }), 200);
  });
  await t.step("is listed apart, and can come back", async () => {
    const listed = async (is_archived: boolean) =>
      expect(await owner.get(`/pipelines/blocks?is_archived=${is_archived}`), 200)
        .data.map(({ id }: Body) => id);
    assert.deepEqual([await listed(true), await listed(false)], [[archived.id], [kept.id]]);
    expect(await owner.patch(`/pipelines/blocks/${archived.id}`, { is_archived: false }), 200);
    expect(await owner.post(`/pipelines/${used.id}/runs`, {}), 202);
  });
});

Deno.test("an archived edge joins no blocks, and starts with no run", async () => {
  const { owner } = await createTenant();
  const [source, target] = [
    await createBlock(owner),
    await createBlock(owner, { kind: "jsonata", expression: "input" }),
  ];
  const edge = await createEdge(owner);
  const arrow = { edge_id: edge.id, source_block_id: source.id, target_block_id: target.id };
  const used = await createPipeline(owner, [source, target], [[source, target, edge]]);
  expect(await owner.patch(`/pipelines/edges/${edge.id}`, { is_archived: true }), 200);
  refused(await owner.post(`/pipelines/${used.id}/runs`, {}), 409, "edge_archived");
  const blocks = [source, target].map(({ id }) => ({ block_id: id }));
  const body = { name: uniqueName("refused"), blocks, edges: [arrow] };
  refused(await owner.post("/pipelines", body), 409, "edge_archived");
  const other = await createEdge(owner);
  const joined = await createPipeline(owner, [source, target], [[source, target, other]]);
  const change = { edges: [arrow] };
  refused(await owner.patch(`/pipelines/${joined.id}`, change), 409, "edge_archived");
});
