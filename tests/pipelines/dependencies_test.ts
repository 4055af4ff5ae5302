import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { dependOn, UNKNOWN } from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createBlock, createEdge, createPipeline } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const pathOf = (type: string, { id }: Body) => `/pipelines/${type}s/${id}/dependencies`;
const numpy = { dependency_type: "external", package_name: "numpy", package_version: "2.1.0" };
const internal = (depends_on_type: string, { id }: Body) => ({
  dependency_type: "internal",
  depends_on_type,
  depends_on_id: id,
});

Deno.test("create_block_dependency and create_edge_dependency", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const edge = await createEdge(owner);
  const path = pathOf("block", block);

  await t.step("declare packages, blocks and edges", async () => {
    const member = await tenant.user("member");
    const answer = await member.post(path, { ...numpy, dependency_detail: "for the mean" });
    const external = expect(answer, 201);
    assert.equal(external.package_name, "numpy");
    assert.equal(external.entity_id, block.id);
    assert.equal(external.organization_id, tenant.organizationId);
    assert.equal(answer.headers.get("location"), `/functions/v1${path}/${external.id}`);
    const other = await createBlock(owner);
    assert.equal(
      expect(await member.post(path, internal("block", other)), 201).depends_on_id,
      other.id,
    );
    const onEdge = expect(await member.post(pathOf("edge", edge), internal("block", block)), 201);
    assert.deepEqual([onEdge.entity_type, onEdge.depends_on_type], ["edge", "block"]);
  });
  await t.step("refuse themselves and what is declared already", async () => {
    refused(await owner.post(path, internal("block", block)), 422, "validation_failed", [
      "depends_on_id",
    ]);
    refused(await owner.post(path, numpy), 409, "conflict");
    refused(await owner.post(path, { ...numpy, package_version: "2.2.0" }), 409, "conflict");
    refused(await owner.post(pathOf("edge", edge), internal("block", block)), 409, "conflict");
  });
  await t.step("refuse what is not there, or another tenant's", async () => {
    const theirs = await createBlock((await createTenant()).owner);
    for (const other of [{ id: UNKNOWN }, theirs, edge]) {
      refused(await owner.post(path, internal("block", other)), 404, "not_found");
    }
    refused(await owner.post(pathOf("block", theirs), numpy), 404, "not_found");
    refused(await owner.post(pathOf("edge", block), numpy), 404, "not_found");
  });
  await t.step("refuse halves", async () => {
    const wrong = async (body: unknown, ...paths: string[]) =>
      refused(await owner.post(path, body), 422, "validation_failed", paths);
    await wrong({}, "dependency_type");
    await wrong({ dependency_type: "internal", depends_on_id: block.id }, "depends_on_type");
    await wrong({ dependency_type: "external" }, "package_name");
    await wrong({ ...numpy, package_name: "two words" }, "package_name");
    await wrong({ ...numpy, depends_on_type: "block", depends_on_id: block.id });
  });
  await t.step("what is depended on stays as long as it is", async () => {
    const needed = await createBlock(owner);
    const dependent = await createBlock(owner);
    const dependency = await dependOn(owner, ["block", dependent], ["block", needed]);
    refused(await owner.delete(`/pipelines/blocks/${needed.id}`), 409, "in_use");
    expect(await owner.delete(`${pathOf("block", dependent)}/${dependency.id}`), 204);
    expect(await owner.delete(`/pipelines/blocks/${needed.id}`), 204);
    await dependOn(owner, ["block", dependent], ["edge", edge]);
    expect(await owner.delete(`/pipelines/blocks/${dependent.id}`), 204);
  });
  const body = { ...numpy, package_name: "attacked" };
  await t.step("are refused to", (t) => attack(t, { tenant, method: "POST", path, body }));
});

Deno.test("list_block_dependencies and list_edge_dependencies", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [source, target, edge] = [
    await createBlock(owner),
    await createBlock(owner, { kind: "jsonata", expression: "input" }),
    await createEdge(owner),
  ];
  const pipelines = [
    await createPipeline(owner, [source, target], [[source, target, edge]]),
    await createPipeline(owner, [source, target], [[source, target, edge]]),
  ];
  expect(await owner.post(pathOf("block", target), numpy), 201);
  const path = pathOf("block", target);

  await t.step("show what is declared and what pipelines show", async () => {
    const { data } = expect(await owner.get(path), 200);
    const shown = data.map((row: Body) => [row.source, row.depends_on_name ?? row.package_name]);
    assert.deepEqual(
      shown.toSorted(),
      [["declared", "numpy"], ["pipeline", edge.name], ["pipeline", source.name]].toSorted(),
    );
    const derived = data.find((row: Body) => row.depends_on_id === source.id);
    assert.deepEqual(derived.pipeline_ids.toSorted(), pipelines.map(({ id }) => id).toSorted());
  });
  await t.step("an edge depends on what feeds it, a first block on nothing", async () => {
    const { data } = expect(await owner.get(pathOf("edge", edge)), 200);
    assert.deepEqual(data.map((row: Body) => row.depends_on_id), [source.id]);
    assert.deepEqual(expect(await owner.get(pathOf("block", source)), 200).data, []);
  });
  await t.step("by source and in pages", async () => {
    const declared = expect(await owner.get(`${path}?source=declared`), 200).data;
    assert.deepEqual(declared.map((row: Body) => row.package_name), ["numpy"]);
    const pages = await collectPages(owner, `${path}?limit=1`);
    assert.equal(pages.length, 3);
    assert.equal(new Set(pages.flat().map(({ id }) => id)).size, 3);
  });
  await t.step("refuse", async () => {
    refused(await owner.get(pathOf("block", { id: UNKNOWN })), 404, "not_found");
    refused(await owner.get(pathOf("edge", source)), 404, "not_found");
    refused(await owner.get(`${path}?source=all`), 422, "validation_failed", ["query.source"]);
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("are refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("delete_block_dependency and delete_edge_dependency", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [block, edge] = [await createBlock(owner), await createEdge(owner)];
  const one = expect(await owner.post(pathOf("block", block), numpy), 201);
  const two = expect(await owner.post(pathOf("edge", edge), numpy), 201);
  const path = `${pathOf("block", block)}/${one.id}`;

  await t.step("are refused to", (t) => attack(t, { tenant, method: "DELETE", path }));
  await t.step("know theirs alone", async () => {
    refused(await owner.delete(`${pathOf("block", block)}/${two.id}`), 404, "not_found");
    refused(await owner.delete(`${pathOf("edge", edge)}/${one.id}`), 404, "not_found");
    refused(await owner.delete(`${pathOf("block", block)}/${UNKNOWN}`), 404, "not_found");
  });
  await t.step("take them back", async () => {
    const member = await tenant.user("member");
    expect(await member.delete(path), 204);
    expect(await member.delete(`${pathOf("edge", edge)}/${two.id}`), 204);
    refused(await member.delete(path), 404, "not_found");
    assert.deepEqual(expect(await owner.get(pathOf("block", block)), 200).data, []);
  });
});
