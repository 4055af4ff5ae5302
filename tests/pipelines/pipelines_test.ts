import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  createBlock,
  createPipeline,
  createSmallPipeline,
  runPipeline,
} from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines";
const UNKNOWN = `${PATH}/00000000-0000-4000-8000-000000000000`;

Deno.test("list_pipelines", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const first = await createPipeline(owner);
  const second = await createPipeline(owner);
  expect(await owner.patch(`${PATH}/${first.id}`, { status: "archived" }), 200);

  await t.step("shows the organization's pipelines, newest first", async () => {
    const { data } = expect(await owner.get(PATH), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [second.id, first.id]);
  });
  await t.step("filters by name and status", async () => {
    const named = expect(await owner.get(`${PATH}?name=${encodeURIComponent(first.name)}`), 200);
    assert.deepEqual(named.data.map(({ id }: Body) => id), [first.id]);
    const archived = expect(await owner.get(`${PATH}?status=archived`), 200);
    assert.deepEqual(archived.data.map(({ id }: Body) => id), [first.id]);
    refused(await owner.get(`${PATH}?status=gone`), 422, "validation_failed", ["query.status"]);
  });
  await t.step("refuses a bad cursor", async () => {
    refused(await owner.get(`${PATH}?cursor=%00`), 400, "invalid_cursor");
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
});

Deno.test("get_pipeline", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const pipeline = await createPipeline(owner, [block]);
  const path = `${PATH}/${pipeline.id}`;

  await t.step("shows the pipeline with its graph and an ETag", async () => {
    const answer = await (await tenant.user("member")).get(path);
    const { blocks, revision } = expect(answer, 200);
    const settings = { max_attempts: 3, timeout_seconds: 60, priority: 0, cache: false };
    const expected = { block_id: block.id, name: block.name, block_type: "dataset", ...settings };
    assert.deepEqual(blocks, [expected]);
    assert.equal(answer.headers.get("etag"), `"${revision}"`);
  });
  await t.step("knows no other ids", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get(`${PATH}/runs`), 404, "not_found");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("delete_pipeline", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const path = `${PATH}/${pipeline.id}`;
  const run = await runPipeline(owner, pipeline);

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("removes the pipeline with its graph and its runs", async () => {
    expect(await (await tenant.user("admin")).delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
    refused(await owner.get(`${PATH}/runs/${run.id}`), 404, "not_found");
    refused(await owner.delete(path), 404, "not_found");
    const [{ block_id }] = pipeline.blocks;
    expect(await owner.get(`${PATH}/blocks/${block_id}`), 200);
  });
});
