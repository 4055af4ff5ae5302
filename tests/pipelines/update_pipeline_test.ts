import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, createEdge, createPipeline, graphOf } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("update_pipeline", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [a, b, c] = [await createBlock(owner), await createBlock(owner), await createBlock(owner)];
  const edge = await createEdge(owner);
  const pipeline = await createPipeline(owner, [a, b], [[a, b, edge]]);
  const path = `/pipelines/${pipeline.id}`;
  const graph = async () => {
    const { blocks, edges, revision } = expect(await owner.get(path), 200);
    const nodes = blocks.map(({ block_id }: Body) => block_id).toSorted();
    const arrows = edges.map((e: Body) => `${e.source_block_id} ${e.target_block_id}`).toSorted();
    return { nodes, arrows, revision };
  };

  await t.step("changes what is named and keeps the graph", async () => {
    const before = await graph();
    const member = await tenant.user("member");
    const body = { description: "d", status: "draft", dagster_pipeline_config: { ops: {} } };
    const answer = await member.patch(path, body);
    const changed = expect(answer, 200);
    assert.equal(changed.description, "d");
    assert.equal(changed.status, "draft");
    assert.deepEqual(changed.dagster_pipeline_config, { ops: {} });
    assert.equal(answer.headers.get("etag"), `"${changed.revision}"`);
    const { revision: _, ...after } = await graph();
    assert.deepEqual(after, { nodes: before.nodes, arrows: before.arrows });
    assert.equal(expect(await owner.patch(path, { description: null }), 200).description, null);
  });

  await t.step("replaces the whole graph", async () => {
    const { revision } = await graph();
    expect(await owner.patch(path, graphOf([b, c], [[b, c, edge]])), 200);
    const after = await graph();
    assert.deepEqual(after.nodes, [b.id, c.id].toSorted());
    assert.deepEqual(after.arrows, [`${b.id} ${c.id}`]);
    assert.ok(after.revision > revision, "a change of the graph moves the ETag");
  });

  await t.step("blocks alone take the arrows of removed ones away", async () => {
    expect(await owner.patch(path, { blocks: [{ block_id: c.id }] }), 200);
    assert.deepEqual((await graph()).arrows, []);
    expect(await owner.patch(path, { blocks: [{ block_id: a.id }, { block_id: b.id }] }), 200);
    const { edges } = graphOf([], [[a, b, edge]]);
    expect(await owner.patch(path, { edges }), 200);
    assert.deepEqual((await graph()).arrows, [`${a.id} ${b.id}`]);
  });

  await t.step("a refused graph changes nothing", async () => {
    const before = await graph();
    const change = (body: unknown) =>
      owner.patch(path, { name: `x ${pipeline.name}`, ...Object(body) });
    const invalid = async (body: unknown, ...paths: string[]) =>
      refused(await change(body), 422, "validation_failed", paths);
    await invalid(graphOf([a, a]), "blocks.1.block_id");
    await invalid({ edges: graphOf([], [[a, c, edge]]).edges }, "edges");
    await invalid(graphOf([a, b], [[a, c, edge]]), "edges.0.target_block_id");
    const circle = graphOf([], [[a, b, edge], [b, a, edge]]);
    refused(await change({ edges: circle.edges }), 409, "cycle");
    refused(await change({ name: " " }), 422, "validation_failed", ["name"]);
    assert.deepEqual(await graph(), before);
    assert.equal((await owner.get(path)).body.name, pipeline.name);
  });

  await t.step("honours If-Match, also for what moved the graph alone", async () => {
    const etag = (await owner.get(path)).headers.get("etag") ?? "";
    expect(await owner.patch(path, graphOf([a, b, c], [[a, b, edge]])), 200);
    const stale = await owner.patch(path, { description: "late" }, {
      headers: { "if-match": etag },
    });
    refused(stale, 412, "precondition_failed");
    const fresh = (await owner.get(path)).headers.get("etag") ?? "";
    expect(await owner.patch(path, { description: "ok" }, { headers: { "if-match": fresh } }), 200);
  });

  await t.step("two writers with one ETag: the second one is told", async () => {
    const etag = (await owner.get(path)).headers.get("etag") ?? "";
    const answers = await Promise.all(
      ["x", "y"].map((description) =>
        owner.patch(path, { description }, { headers: { "if-match": etag } })
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 412]);
  });

  await t.step("refuses unknown ids and taken names", async () => {
    const unknown = "/pipelines/00000000-0000-4000-8000-000000000000";
    refused(await owner.patch(unknown, { name: "x" }), 404, "not_found");
    const { name } = await createPipeline(owner);
    refused(await owner.patch(path, { name }), 409, "conflict");
  });

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: graphOf([a]) }),
  );
});
