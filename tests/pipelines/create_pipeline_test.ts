import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  createBlock,
  createEdge,
  createPipeline,
  graphOf,
  uniqueName,
} from "../harness/pipelines.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const PATH = "/pipelines";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";

const isStored = async (user: User, name: string) =>
  expect(await user.get(`${PATH}?name=${encodeURIComponent(name)}`), 200).data.length > 0;

Deno.test("create_pipeline", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [a, b, c] = [await createBlock(owner), await createBlock(owner), await createBlock(owner)];
  const edge = await createEdge(owner);

  await t.step("adds a pipeline with its whole graph", async () => {
    const name = uniqueName("weather");
    const graph = graphOf([a, b, c], [[a, b, edge], [b, c, edge]]);
    const answer = await owner.post(PATH, { name, description: "All of it", ...graph });
    const pipeline = expect(answer, 201);
    assert.equal(pipeline.name, name);
    assert.equal(pipeline.status, "active");
    assert.equal(pipeline.executor, "edge");
    assert.equal(pipeline.created_by, owner.id);
    const ids = pipeline.blocks.map(({ block_id }: Body) => block_id);
    assert.deepEqual(ids.toSorted(), [a.id, b.id, c.id].toSorted());
    const arrows = pipeline.edges.map(({ name: _, ...arrow }: Body) => arrow);
    assert.deepEqual(new Set(arrows.map(String)), new Set(graph.edges.map(String)));
    assert.equal(pipeline.edges.length, 2);
    assert.equal(answer.headers.get("etag"), `"${pipeline.revision}"`);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/${pipeline.id}`);
  });

  await t.step("a draft may be empty", async () => {
    const body = { name: uniqueName("draft"), status: "draft", executor: "dagster" };
    const pipeline = expect(await owner.post(PATH, body), 201);
    assert.deepEqual(pipeline.blocks, []);
    assert.equal(pipeline.status, "draft");
  });

  /** A refused graph names its fault and stores nothing. */
  const refuses = async (graph: unknown, status: number, code: string, ...paths: string[]) => {
    const name = uniqueName("refused");
    refused(await owner.post(PATH, { name, ...Object(graph) }), status, code, paths);
    assert.equal(await isStored(owner, name), false, "something half-written stays behind");
  };
  const invalid = (graph: unknown, ...paths: string[]) =>
    refuses(graph, 422, "validation_failed", ...paths);

  await t.step(
    "refuses a graph that names a block twice",
    () => invalid(graphOf([a, b, a]), "blocks.2.block_id"),
  );
  await t.step("refuses an edge between blocks that are not in the graph", async () => {
    await invalid(graphOf([a], [[a, b, edge]]), "edges.0.target_block_id");
    await invalid(graphOf([], [[a, b, edge]]), "edges.0.source_block_id");
  });
  await t.step("refuses two edges between the same blocks, and a loop", async () => {
    await invalid(graphOf([a, b], [[a, b, edge], [a, b, edge]]), "edges.1");
    await invalid(graphOf([a], [[a, a, edge]]), "edges.0.target_block_id");
  });
  await t.step("refuses blocks and edges that are not there", async () => {
    await invalid(graphOf([a, { id: UNKNOWN }]), "blocks");
    await invalid(graphOf([a, b], [[a, b, { id: UNKNOWN }]]), "edges");
    await invalid({ blocks: [{ block_id: "x" }] }, "blocks.0.block_id");
    await invalid({ blocks: [a.id] }, "blocks.0");
  });
  await t.step("refuses another tenant's blocks and edges as if they were not there", async () => {
    const stranger = await tenant.stranger();
    const [block, foreign] = [await createBlock(stranger), await createEdge(stranger)];
    await invalid(graphOf([a, block]), "blocks");
    await invalid(graphOf([a, b], [[a, b, foreign]]), "edges");
  });
  await t.step("refuses a cycle", async () => {
    const circle = graphOf([a, b, c], [[a, b, edge], [b, c, edge], [c, a, edge]]);
    await refuses(circle, 409, "cycle");
  });
  await t.step("refuses other wrong bodies", async () => {
    await invalid({ status: "running" }, "status");
    await invalid({ executor: "cron" }, "executor");
    await invalid({ times_run: 5 }, "");
    refused(await owner.post(PATH, { name: "" }), 422, "validation_failed", ["name"]);
    const { name } = await createPipeline(owner);
    refused(await owner.post(PATH, { name }), 409, "conflict");
    refused(await owner.post(PATH, { name: ` ${name} ` }), 409, "conflict");
  });

  await t.step("is refused to", (t) => {
    const body = { name: uniqueName("p"), ...graphOf([a]) };
    return attack(t, { tenant, method: "POST", path: PATH, body, stranger: "own" });
  });
});
