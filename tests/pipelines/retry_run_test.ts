import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { readEvents } from "../harness/events.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createBlock,
  createPipeline,
  createVerifiedEdge,
  graphOf,
  runPipeline,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { withSql } from "../harness/sql.ts";
import { upload } from "../harness/storage.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const code = (source: string) => ({ kind: "code", source });
const FAILING = code("throw new Error('not yet');");

const retry = (user: User, { id }: Body, body?: unknown) =>
  user.post(`/pipelines/runs/${id}/retry`, body);

/** A run that fails at its second block of three; the first one's output differs from try to try. */
async function failHalfway(user: User, first = code("return Math.random();")) {
  const blocks = [
    await createBlock(user, first),
    await createBlock(user, FAILING),
    await createBlock(user, code("return [input];")),
  ];
  const [a, b, c] = blocks;
  const edge = await createVerifiedEdge(user);
  const pipeline = await createPipeline(user, blocks, [[a, b, edge], [b, c, edge]]);
  const run = await runPipeline(user, pipeline, { input: { n: 1 } });
  assert.equal(run.status, "failed");
  return { pipeline, run, a, b, c, edge };
}

/** Makes the failing block one that returns its input, from the next start on. */
const mend = async (user: User, { id }: Body) =>
  expect(await user.post(`/pipelines/blocks/${id}/versions`, { spec: code("return input;") }), 201);

Deno.test("retry_run", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { pipeline, run, a, b, c } = await failHalfway(owner);

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "POST", path: `/pipelines/runs/${run.id}/retry`, body: {} }),
  );

  await t.step("from the failed step: what is done is kept, with the same versions", async () => {
    await mend(owner, b);
    const member = await tenant.user("member");
    const answer = await retry(member, run);
    const again = expect(answer, 202);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/runs/${again.id}`);
    assert.deepEqual(
      [again.trigger, again.parent_run_id, again.created_by, again.status],
      ["retry", run.id, member.id, "queued"],
    );
    assert.deepEqual([again.input, again.definition], [run.input, run.definition]);
    const ended = await waitForRun(owner, again.id);
    assert.equal(ended.status, "failed", "the block is as it was when the run was first started");
    const kept = ended.step[a.name];
    assert.deepEqual([kept.status, kept.output], ["succeeded", run.step[a.name].output]);
    assert.equal(kept.reused_step_id, run.step[a.name].id);
    assert.deepEqual([kept.attempt, ended.step[b.name].attempt], [0, 1]);
    assert.equal(ended.step[c.name].status, "skipped");

    const twice = expect(await retry(owner, again), 202);
    const last = await waitForRun(owner, twice.id);
    assert.equal(last.parent_run_id, again.id);
    assert.equal(last.step[a.name].reused_step_id, run.step[a.name].id, "who did the work");
  });

  await t.step("from the start: everything, with today's versions", async () => {
    const again = expect(await retry(owner, run, { from: "start" }), 202);
    assert.deepEqual([again.trigger, again.parent_run_id], ["retry", run.id]);
    const ended = await waitForRun(owner, again.id);
    assert.equal(ended.status, "succeeded");
    assert.notEqual(ended.step[a.name].output, run.step[a.name].output);
    assert.equal(ended.step[a.name].reused_step_id, null);
    assert.deepEqual(ended.output, [ended.step[a.name].output]);
    assert.deepEqual(ended.input, run.input);
    refused(await retry(owner, ended), 409, "run_ended");
    assert.equal(expect(await retry(owner, ended, { from: "start" }), 202).trigger, "retry");
  });

  await t.step("each counts as a run of the pipeline", async () => {
    const { times_run } = expect(await owner.get(`/pipelines/${pipeline.id}`), 200);
    assert.equal(times_run, await countRuns(pipeline.id));
  });

  await t.step("with an Idempotency-Key once", async () => {
    const headers = { "idempotency-key": "again" };
    const path = `/pipelines/runs/${run.id}/retry`;
    const before = await countRuns(pipeline.id);
    const first = expect(await owner.post(path, {}, { headers }), 202);
    assert.equal(expect(await owner.post(path, {}, { headers }), 202).id, first.id);
    refused(
      await owner.post(path, { from: "start" }, { headers }),
      422,
      "idempotency_key_reused",
    );
    assert.equal(await countRuns(pipeline.id), before + 1);
  });

  await t.step("refuses wrong bodies and unknown runs, and starts nothing", async () => {
    const before = await countRuns(pipeline.id);
    refused(await retry(owner, run, { from: "middle" }), 422, "validation_failed", ["from"]);
    refused(await retry(owner, run, { from: null }), 422, "validation_failed", ["from"]);
    refused(await retry(owner, run, { start: "failed" }), 422, "validation_failed");
    refused(await retry(owner, { id: UNKNOWN }), 404, "not_found");
    assert.equal(await countRuns(pipeline.id), before);
  });
});

Deno.test("a retry needs a run that has ended", async (t) => {
  const { owner } = await createTenant();
  const endless = await createPipeline(owner, [
    await createBlock(owner, code("return { $continue: 1 };")),
  ]);
  const run = await startRun(owner, endless);
  for (const from of ["failed", "start"]) {
    await t.step(`from ${from}`, async () => {
      refused(await retry(owner, run, { from }), 409, "run_not_ended");
      assert.equal(await countRuns(endless.id), 1);
    });
  }
  await t.step("one that was canceled is retried", async () => {
    expect(await owner.post(`/pipelines/runs/${run.id}/cancel`), 200);
    assert.equal((await waitForRun(owner, run.id)).status, "canceled");
    const again = expect(await retry(owner, run), 202);
    expect(await owner.post(`/pipelines/runs/${again.id}/cancel`), 200);
    assert.equal((await waitForRun(owner, again.id)).status, "canceled");
  });
});

Deno.test("what became of the pipeline meanwhile", async (t) => {
  const { owner } = await createTenant();

  await t.step("its graph is another one: the run's own counts, or from the start it", async () => {
    const { pipeline, run, a, b } = await failHalfway(owner);
    expect(await owner.patch(`/pipelines/${pipeline.id}`, graphOf([a])), 200);
    const again = await waitForRun(owner, expect(await retry(owner, run), 202).id);
    assert.equal(again.steps.length, 3);
    assert.equal(again.error.block_id, b.id);
    const anew = await waitForRun(
      owner,
      expect(await retry(owner, run, { from: "start" }), 202).id,
    );
    assert.equal(anew.steps.length, 1);
    assert.equal(anew.status, "succeeded");
  });

  await t.step("archived, it is not run", async () => {
    const { pipeline, run } = await failHalfway(owner);
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { status: "archived" }), 200);
    for (const from of ["failed", "start"]) {
      refused(await retry(owner, run, { from }), 409, "pipeline_not_active");
    }
    assert.equal(await countRuns(pipeline.id), 1);
  });

  await t.step("an edge version of the run has failed its verification since", async () => {
    const { pipeline, run, edge } = await failHalfway(owner);
    const { current_version_id } = expect(await owner.get(`/pipelines/edges/${edge.id}`), 200);
    await withSql(async (sql) => {
      const [row] = await sql`insert into public.edge_verifications (edge_version_id)
        values (${current_version_id}) returning id`;
      await sql`update public.edge_verifications
        set verification_status = 'failed', verified_at = now() where id = ${row?.id}`;
    });
    refused(await retry(owner, run), 409, "edge_not_verified");
    assert.equal(await countRuns(pipeline.id), 1);
  });
});

Deno.test("a run that began in the middle is retried there", async () => {
  const { owner } = await createTenant();
  const { pipeline, b } = await failHalfway(owner);
  const run = await runPipeline(owner, pipeline, { input: "given", from: b.id });
  assert.equal(run.status, "failed");
  await mend(owner, b);
  for (const [from, status] of [["failed", "failed"], ["start", "succeeded"]]) {
    const again = await waitForRun(owner, expect(await retry(owner, run, { from }), 202).id);
    assert.deepEqual([again.status, again.from_block_id], [status, b.id]);
    assert.equal(again.steps.length, 2);
    if (status === "succeeded") assert.deepEqual(again.output, ["given"]);
  }
});

Deno.test("what was skipped runs, with outputs that were done, also large ones", async () => {
  const { owner } = await createTenant();
  const large = await createBlock(owner, code(`return Array(300).fill("x".repeat(1021));`));
  const path = `${owner.organizationId}/later.json`;
  const spec = { kind: "storage", bucket: "datasets", path, format: "json" };
  const file = await createBlock(owner, spec);
  const both = await createBlock(owner, code("return Object.values(input).map((i) => i.length);"));
  const edge = await createVerifiedEdge(owner);
  const arrows: Parameters<typeof createPipeline>[2] = [[large, both, edge], [file, both, edge]];
  const run = await runPipeline(owner, await createPipeline(owner, [large, file, both], arrows));
  assert.deepEqual([run.error.code, run.step[both.name].status], ["object_not_found", "skipped"]);
  const { artifact } = run.step[large.name].output;

  expect(await upload(owner, "datasets", path, "[1, 2]"), 200);
  const again = await waitForRun(owner, expect(await retry(owner, run), 202).id);
  assert.equal(again.status, "succeeded", JSON.stringify(again.error));
  assert.deepEqual(again.output.toSorted(), [2, 300]);
  assert.deepEqual(again.step[large.name].output.artifact, artifact, "it is not stored twice");
  const events = (await readEvents(owner, again.id)).map(({ event }) => event);
  assert.deepEqual(events.slice(0, 2), ["run.queued", "step.reused"]);
  assert.equal(events.filter((event) => event === "step.started").length, 2);
});
