import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createBlock,
  createEdge,
  createPipeline,
  createSmallPipeline,
  createVerifiedEdge,
  startRun,
  verify,
  waitForRun,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

Deno.test("start_run", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const path = `/pipelines/${pipeline.id}/runs`;

  await t.step("is refused to", (t) => attack(t, { tenant, method: "POST", path, body: {} }));

  await t.step("queues a run with every version pinned, which then succeeds", async () => {
    const member = await tenant.user("member");
    const answer = await member.post(path, { input: { city: "Seattle" } });
    const run = expect(answer, 202);
    assert.equal(run.status, "queued");
    assert.equal(run.trigger, "manual");
    assert.equal(run.created_by, member.id);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/runs/${run.id}`);
    const [{ block_id, name }] = pipeline.blocks;
    const [pinned] = run.definition.blocks;
    assert.deepEqual([pinned.block_id, pinned.name, pinned.version_number], [block_id, name, 1]);
    assert.deepEqual(pinned.spec, { kind: "trigger" });

    const ended = await waitForRun(member, run.id);
    assert.equal(ended.status, "succeeded");
    assert.deepEqual(ended.output, { city: "Seattle" });
    const shown = expect(await owner.get(`/pipelines/${pipeline.id}`), 200);
    assert.equal(shown.times_run, 1);
    assert.ok(shown.last_run_at);
    assert.ok(shown.average_runtime >= 0);
    assert.equal(shown.revision, pipeline.revision, "a run is no change of the pipeline");
  });

  await t.step("the body may be left out", async () => {
    const run = expect(await owner.post(path), 202);
    assert.equal((await waitForRun(owner, run.id)).output, null);
  });

  await t.step("refuses wrong bodies and unknown ids", async () => {
    refused(await owner.post(path, { from: "x" }), 422, "validation_failed", ["from"]);
    refused(await owner.post(path, { from: UNKNOWN }), 422, "validation_failed", ["from"]);
    refused(await owner.post(path, { inputs: 1 }), 422, "validation_failed");
    refused(await owner.post(path, []), 422, "validation_failed");
    refused(await owner.post(`/pipelines/${UNKNOWN}/runs`), 404, "not_found");
  });
});

Deno.test("start_run says why a pipeline can't run, and starts nothing", async (t) => {
  const { owner } = await createTenant();
  const refuses = async (pipeline: { id: string }, code: string) => {
    refused(await owner.post(`/pipelines/${pipeline.id}/runs`, {}), 409, code);
    assert.equal(await countRuns(pipeline.id), 0);
  };
  const source = await createBlock(owner);

  await t.step("it is a draft or archived", async () => {
    const pipeline = await createPipeline(owner, [source]);
    for (const status of ["draft", "archived"]) {
      expect(await owner.patch(`/pipelines/${pipeline.id}`, { status }), 200);
      await refuses(pipeline, "pipeline_not_active");
    }
  });
  await t.step("it is empty", async () => {
    await refuses(await createPipeline(owner), "pipeline_empty");
  });
  await t.step("it wants Dagster", async () => {
    const pipeline = await createPipeline(owner, [source]);
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { executor: "dagster" }), 200);
    await refuses(pipeline, "executor_not_configured");
  });
  await t.step("a block has no version", async () => {
    const block = expect(
      await owner.rest("POST", "/blocks", {
        organization_id: owner.organizationId,
        name: "bare",
        block_type: "dataset",
      }),
      201,
    )[0];
    await refuses(await createPipeline(owner, [block]), "block_without_version");
  });
  await t.step("a dataset with an incoming edge can't be written", async () => {
    const arrow = await createVerifiedEdge(owner);
    const target = await createBlock(owner);
    const pipeline = await createPipeline(owner, [source, target], [[source, target, arrow]]);
    await refuses(pipeline, "block_not_writable");
  });
  await t.step("an edge's current version has not passed", async () => {
    const edge = await createEdge(owner);
    const model = await createBlock(owner, { kind: "jsonata", expression: "input" });
    const pipeline = await createPipeline(owner, [source, model], [[source, model, edge]]);
    await refuses(pipeline, "edge_not_verified");

    await verify(owner, edge);
    expect(
      await owner.post(`/pipelines/edges/${edge.id}/versions`, { spec: { kind: "identity" } }),
      201,
    );
    await refuses(pipeline, "edge_not_verified");

    const wrong = { kind: "identity", tests: [{ name: "no", input: 1, expect: 2 }] };
    expect(await owner.post(`/pipelines/edges/${edge.id}/versions`, { spec: wrong }), 201);
    expect(await owner.post(`/pipelines/edges/${edge.id}/verifications`), 201);
    await refuses(pipeline, "edge_not_verified");

    expect(await owner.post(`/pipelines/edges/${edge.id}/versions/1/activate`), 200);
    const run = await startRun(owner, pipeline);
    assert.equal((await waitForRun(owner, run.id)).status, "succeeded");
  });
  await t.step("a pending verification takes no passed one back", async () => {
    const edge = await createVerifiedEdge(owner);
    await sql`insert into public.edge_verifications (organization_id, edge_version_id)
      select organization_id, id from public.edge_versions where edge_id = ${edge.id}`;
    const model = await createBlock(owner, { kind: "jsonata", expression: "input" });
    const pipeline = await createPipeline(owner, [source, model], [[source, model, edge]]);
    await startRun(owner, pipeline);
  });
});
