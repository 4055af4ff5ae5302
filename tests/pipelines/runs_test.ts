import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import {
  createBlock,
  createPipeline,
  createSmallPipeline,
  runPipeline,
} from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

Deno.test("list_runs", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createPipeline(owner, [
    await createBlock(owner, { kind: "code", source: "if (!input) throw new Error('no input');" }),
  ]);
  const path = `/pipelines/${pipeline.id}/runs`;
  assert.deepEqual(expect(await owner.get(path), 200), { data: [], next_cursor: null });
  const first = await runPipeline(owner, pipeline);
  const second = await runPipeline(owner, pipeline);

  await t.step("shows the pipeline's runs without their data, newest first", async () => {
    const { data } = expect(await (await tenant.user("member")).get(path), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [second.id, first.id]);
    assert.ok(!("definition" in data[0]) && !("output" in data[0]));
    const pages = await collectPages(owner, `${path}?limit=1`);
    assert.deepEqual(pages.flat().map(({ id }) => id), [second.id, first.id]);
  });
  await t.step("filters by status", async () => {
    assert.equal(expect(await owner.get(`${path}?status=failed`), 200).data.length, 2);
    assert.equal(expect(await owner.get(`${path}?status=queued`), 200).data.length, 0);
    refused(await owner.get(`${path}?status=x`), 422, "validation_failed", ["query.status"]);
  });
  await t.step("knows no other pipelines", async () => {
    refused(await owner.get(`/pipelines/${UNKNOWN}/runs`), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("get_run", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const run = await runPipeline(owner, pipeline, { input: [1, "zwei", null] });
  const path = `/pipelines/runs/${run.id}`;

  await t.step("shows input, output and steps", async () => {
    const shown = expect(await (await tenant.user("member")).get(path), 200);
    assert.deepEqual(shown.input, [1, "zwei", null]);
    assert.deepEqual(shown.output, [1, "zwei", null]);
    assert.ok(shown.started_at && shown.finished_at);
    const [step] = shown.steps;
    assert.equal(step.status, "succeeded");
    assert.equal(step.attempt, 1);
    assert.equal(step.block_id, pipeline.blocks[0].block_id);
    assert.deepEqual(step.output, [1, "zwei", null]);
  });
  await t.step("knows no other ids", async () => {
    refused(await owner.get(`/pipelines/runs/${UNKNOWN}`), 404, "not_found");
    refused(await owner.get("/pipelines/runs/x"), 404, "not_found");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});
