import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createBlock,
  createPipeline,
  createSmallPipeline,
  runPipeline,
  uniqueName,
} from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

const DEFAULTS = { max_attempts: 3, timeout_seconds: 60, priority: 0, cache: false };
const OTHERS = { max_attempts: 20, timeout_seconds: 120, priority: -100, cache: true };

/** The settings among a block's or a step's fields. */
const settingsOf = ({ max_attempts, timeout_seconds, priority, cache }: Body) => ({
  max_attempts,
  timeout_seconds,
  priority,
  cache,
});

Deno.test("how a pipeline's blocks are worked off", async (t) => {
  const { owner } = await createTenant();
  const [a, b] = [await createBlock(owner), await createBlock(owner)];
  const blocks = [{ block_id: a.id }, { block_id: b.id, ...OTHERS }];
  const body = { name: uniqueName("settings"), blocks, max_concurrent_steps: 4 };
  const pipeline = expect(await owner.post("/pipelines", body), 201);
  const path = `/pipelines/${pipeline.id}`;
  const byBlock = ({ blocks }: Body) =>
    Object.fromEntries(blocks.map((block: Body) => [block.block_id, settingsOf(block)]));
  const shown = async () => {
    const found = expect(await owner.get(path), 200);
    const { max_concurrent_steps, revision } = found;
    return { settings: byBlock(found), max_concurrent_steps, revision };
  };

  await t.step("is stored with the pipeline, and has defaults", async () => {
    const { settings, max_concurrent_steps } = await shown();
    assert.deepEqual(settings, { [a.id]: DEFAULTS, [b.id]: OTHERS });
    assert.equal(max_concurrent_steps, 4);
    assert.deepEqual(byBlock(pipeline), settings);
  });

  await t.step("is pinned by a run, and shown with its steps", async () => {
    const run = await runPipeline(owner, pipeline);
    assert.deepEqual(settingsOf(run.step[a.name]), DEFAULTS);
    assert.deepEqual(settingsOf(run.step[b.name]), OTHERS);
    const { failures, continuations, next_attempt_at, reused_step_id } = run.step[a.name];
    assert.deepEqual(
      { failures, continuations, next_attempt_at, reused_step_id },
      { failures: 0, continuations: 0, next_attempt_at: null, reused_step_id: null },
    );
  });

  await t.step("is changed with the graph, and that moves the revision", async () => {
    const before = await shown();
    const blocks = [{ block_id: a.id, priority: 7 }, { block_id: b.id }];
    expect(await owner.patch(path, { blocks }), 200);
    const after = await shown();
    assert.deepEqual(after.settings, { [a.id]: { ...DEFAULTS, priority: 7 }, [b.id]: DEFAULTS });
    assert.equal(after.max_concurrent_steps, 4);
    assert.ok(after.revision > before.revision);
  });

  await t.step("a limit is lifted by null", async () => {
    const { revision } = await shown();
    expect(await owner.patch(path, { max_concurrent_steps: null }), 200);
    const after = await shown();
    assert.equal(after.max_concurrent_steps, null);
    assert.ok(after.revision > revision);
  });

  await t.step("refuses what is out of bounds, and stores nothing", async () => {
    const before = await shown();
    const wrong: [string, unknown[]][] = [
      ["max_attempts", [0, 21, 1.5, "3"]],
      ["timeout_seconds", [0, 121, -1]],
      ["priority", [101, -101, 0.5]],
      ["cache", ["yes", 1]],
      ["retries", [3]],
    ];
    for (const [field, values] of wrong) {
      const named = field === "retries" ? "blocks.0" : `blocks.0.${field}`;
      for (const value of values) {
        const blocks = [{ block_id: a.id, [field]: value }];
        const name = uniqueName("refused");
        refused(await owner.post("/pipelines", { name, blocks }), 422, "validation_failed", [
          named,
        ]);
        refused(await owner.patch(path, { blocks }), 422, "validation_failed", [named]);
        const stored = expect(await owner.get(`/pipelines?name=${encodeURIComponent(name)}`), 200);
        assert.deepEqual(stored.data, []);
      }
    }
    for (const max_concurrent_steps of [0, 10_001, -1, "2"]) {
      const change = { max_concurrent_steps };
      refused(await owner.patch(path, change), 422, "validation_failed", ["max_concurrent_steps"]);
      refused(
        await owner.post("/pipelines", { name: uniqueName("refused"), ...change }),
        422,
        "validation_failed",
        ["max_concurrent_steps"],
      );
    }
    assert.deepEqual(await shown(), before);
  });
});

Deno.test("a run's priority", async (t) => {
  const { owner } = await createTenant();
  const pipeline = await createSmallPipeline(owner);
  const start = (body: unknown) => owner.post(`/pipelines/${pipeline.id}/runs`, body);

  await t.step("is 0 unless told, and shown", async () => {
    assert.equal(expect(await start({}), 202).priority, 0);
    const run = expect(await start({ priority: -100 }), 202);
    assert.equal(run.priority, -100);
    const shown = expect(await owner.get(`/pipelines/runs/${run.id}`), 200);
    assert.deepEqual([shown.priority, shown.steps[0].priority], [-100, 0]);
    const [listed] = expect(await owner.get(`/pipelines/${pipeline.id}/runs`), 200).data;
    assert.equal(listed.priority, -100);
  });
  await t.step("is between -100 and 100", async () => {
    const before = await countRuns(pipeline.id);
    for (const priority of [101, -101, 0.5, "1", null]) {
      refused(await start({ priority }), 422, "validation_failed", ["priority"]);
    }
    const past = await owner.rest("POST", "/rpc/start_run", {
      pipeline_id: pipeline.id,
      request: { priority: 101 },
    });
    assert.ok(past.status >= 400, `answered ${past.status}`);
    assert.equal(await countRuns(pipeline.id), before);
  });
});

Deno.test("a step that waits for its next try tells when it comes", async () => {
  const { owner } = await createTenant();
  const block = await createBlock(owner, { kind: "http", url: "http://nowhere.invalid/" });
  const pipeline = await createPipeline(owner, [block]);
  const { id } = expect(await owner.post(`/pipelines/${pipeline.id}/runs`, {}), 202);
  const step = await waitFor(async () => {
    const [step] = expect(await owner.get(`/pipelines/runs/${id}`), 200).steps;
    return step.status === "ready" && step.failures === 1 && step;
  });
  assert.ok(Date.parse(step.next_attempt_at) > Date.parse(step.started_at));
});
