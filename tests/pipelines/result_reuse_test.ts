import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { readEvents } from "../harness/events.ts";
import { Engine, failed, succeeded } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import {
  createBlock,
  createVerifiedEdge,
  graphOf,
  runPipeline,
  uniqueName,
  verify,
} from "../harness/pipelines.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const options = { sanitizeExit: false };
const code = (source: string) => ({ kind: "code", source });
const RANDOM = code("return [input, Math.random()];");
const cached = { cache: true };

/** A pipeline all of whose blocks may take earlier outputs. */
async function createCached(
  user: User,
  blocks: Body[],
  arrows: Parameters<typeof graphOf>[1] = [],
): Promise<Body> {
  const graph = graphOf(blocks, arrows);
  const nodes = graph.blocks.map((block) => ({ ...block, ...cached }));
  const body = { name: uniqueName("cached"), blocks: nodes, edges: graph.edges };
  return expect(await user.post("/pipelines", body), 201);
}

Deno.test("a step takes the output of an earlier one", async (t) => {
  const { owner } = await createTenant();
  const [a, b] = [await createBlock(owner, RANDOM), await createBlock(owner, RANDOM)];
  const edge = await createVerifiedEdge(owner);
  const pipeline = await createCached(owner, [a, b], [[a, b, edge]]);
  const run = await runPipeline(owner, pipeline, { input: 1 });

  await t.step("with the same versions and input, and the run says so", async () => {
    const again = await runPipeline(owner, pipeline, { input: 1 });
    assert.deepEqual(again.output, run.output);
    for (const { name } of [a, b]) {
      assert.equal(again.step[name].reused_step_id, run.step[name].id);
      assert.equal(again.step[name].status, "succeeded");
      assert.ok(again.step[name].started_at && again.step[name].finished_at);
    }
    const reused = (await readEvents(owner, again.id)).filter(({ event }) =>
      event === "step.reused"
    );
    assert.deepEqual(
      reused.map(({ data }) => data.data.reused_step_id),
      [run.step[a.name].id, run.step[b.name].id],
    );
    const third = await runPipeline(owner, pipeline, { input: 1 });
    assert.equal(third.step[a.name].reused_step_id, run.step[a.name].id, "who did the work");
  });

  await t.step("not with another input", async () => {
    const other = await runPipeline(owner, pipeline, { input: 2 });
    assert.deepEqual(other.steps.map((step: Body) => step.reused_step_id), [null, null]);
    assert.equal(other.output[0][0], 2);
  });

  await t.step("in another pipeline, too", async () => {
    const { step } = await runPipeline(owner, await createCached(owner, [a]), { input: 1 });
    assert.equal(step[a.name].reused_step_id, run.step[a.name].id);
  });

  await t.step("not where a block has not asked for it", async () => {
    const graph = graphOf([a, b], [[a, b, edge]]);
    const [first, second] = graph.blocks;
    const blocks = [{ ...first, ...cached }, second];
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { blocks }), 200);
    const { step } = await runPipeline(owner, pipeline, { input: 1 });
    assert.ok(step[a.name].reused_step_id);
    assert.equal(step[b.name].reused_step_id, null);
    assert.deepEqual([step[a.name].cache, step[b.name].cache], [true, false]);
    expect(
      await owner.patch(`/pipelines/${pipeline.id}`, {
        blocks: [{ ...first, ...cached }, { ...second, ...cached }],
      }),
      200,
    );
  });

  await t.step("not with another version of the edge", async () => {
    expect(
      await owner.post(`/pipelines/edges/${edge.id}/versions`, { spec: { kind: "identity" } }),
      201,
    );
    await verify(owner, edge);
    const { step } = await runPipeline(owner, pipeline, { input: 1 });
    assert.ok(step[a.name].reused_step_id);
    assert.equal(step[b.name].reused_step_id, null);
  });

  await t.step("not with another version of the block", async () => {
    expect(await owner.post(`/pipelines/blocks/${a.id}/versions`, { spec: RANDOM }), 201);
    const { step } = await runPipeline(owner, pipeline, { input: 1 });
    assert.equal(step[a.name].reused_step_id, null);
  });
});

Deno.test("what a table shows is taken by nobody but who saw it, and a write is never skipped", async () => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const blocks = await createBlock(owner, { kind: "table", table: "blocks", select: "id" });
  const pipeline = await createCached(owner, [blocks]);
  const first = await runPipeline(owner, pipeline);
  const again = await runPipeline(owner, pipeline);
  assert.equal(again.step[blocks.name].reused_step_id, first.step[blocks.name].id);
  const others = await runPipeline(member, pipeline);
  assert.equal(others.step[blocks.name].reused_step_id, null);

  const path = `reuse/${crypto.randomUUID()}.json`;
  const file = await createBlock(owner, {
    kind: "storage",
    bucket: "datasets",
    path,
    format: "json",
  });
  const source = await createBlock(owner);
  const edge = await createVerifiedEdge(owner);
  const writing = await createCached(owner, [source, file], [[source, file, edge]]);
  await runPipeline(owner, writing);
  const { step } = await runPipeline(owner, writing);
  assert.ok(step[source.name].reused_step_id);
  assert.equal(step[file.name].reused_step_id, null);
});

Deno.test("outputs in Storage are taken, and known by what they hold", async () => {
  const { owner } = await createTenant();
  // The same each time, but put at another address where it is not reused.
  const large = await createBlock(owner, code(`return Array(300).fill("x".repeat(1021));`));
  const count = await createBlock(owner, code("return [input.length, Math.random()];"));
  const edge = await createVerifiedEdge(owner);
  const arrows: Parameters<typeof graphOf>[1] = [[large, count, edge]];
  const pipeline = await createCached(owner, [large, count], arrows);
  const run = await runPipeline(owner, pipeline);
  const again = await runPipeline(owner, pipeline);
  assert.equal(run.output[0], 300);
  assert.deepEqual(again.output, run.output);
  assert.deepEqual(again.step[large.name].output, run.step[large.name].output);

  const [first, second] = graphOf([large, count]).blocks;
  const blocks = [first, { ...second, ...cached }];
  expect(await owner.patch(`/pipelines/${pipeline.id}`, { blocks }), 200);
  const anew = await runPipeline(owner, pipeline);
  assert.equal(anew.step[large.name].reused_step_id, null);
  assert.notEqual(
    anew.step[large.name].output.artifact.path,
    run.step[large.name].output.artifact.path,
  );
  assert.equal(anew.step[count.name].reused_step_id, run.step[count.name].id);

  const bigger = code(`return Array(300).fill("y".repeat(1021));`);
  expect(await owner.post(`/pipelines/blocks/${large.id}/versions`, { spec: bigger }), 201);
  const other = await runPipeline(owner, pipeline);
  assert.equal(other.step[count.name].reused_step_id, null, "as long, but not the same");
});

Deno.test("reuse in the engine", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = crypto.randomUUID();
    const settings = { a: cached, b: cached, c: cached };
    const chain = await engine.createPipeline(["a", "b", "c"], [["a", "b"], ["b", "c"]], {
      settings,
    });

    await t.step("a chain of hits ends without anything to execute", async () => {
      await engine.startRun(chain);
      for (let number = 0; number < 3; number++) {
        const [step] = await engine.claim(id);
        await engine.finish(id, [succeeded(step, { number })]);
      }
      const run = await engine.startRun(chain);
      assert.deepEqual(await engine.claim(id), []);
      const ended = await engine.run(run);
      assert.deepEqual([ended.status, ended.output], ["succeeded", { number: 2 }]);
      assert.equal((await engine.events(run)).filter((event) => event === "step.reused").length, 3);
    });

    await t.step("what failed is never taken", async () => {
      const pipeline = await engine.createPipeline(["a"], [], { settings });
      await engine.startRun(pipeline);
      const [step] = await engine.claim(id);
      await engine.finish(id, [failed(step, false)]);
      const run = await engine.startRun(pipeline);
      const [again] = await engine.claim(id);
      assert.equal(again.run_id, run);
      await engine.finish(id, [succeeded(again)]);
    });

    await t.step("nor what another organization has", async () => {
      const pipeline = await engine.createPipeline(["a"], [], { settings });
      await engine.startRun(pipeline);
      const [step] = await engine.claim(id);
      await engine.finish(id, [succeeded(step)]);
      // Versions are an organization's own; were they not, the key alone would find this step.
      await engine.stack.query(
        `update public.run_steps set organization_id = (
           select id from private.create_organization('Other', 'other', 'team', $1)) where id = $2`,
        [engine.userId, step.step_id],
      );
      await engine.startRun(pipeline);
      const [again] = await engine.claim(id);
      assert.ok(again);
      await engine.finish(id, [succeeded(again)]);
      await engine.stack.query("delete from public.organizations where slug = 'other'");
    });

    await t.step("nor what a canceled run did late", async () => {
      const pipeline = await engine.createPipeline(["a"], [], { settings });
      const canceled = await engine.startRun(pipeline);
      const [step] = await engine.claim(id);
      await engine.asUser("cancel_run", { run_id: canceled });
      await engine.finish(id, [succeeded(step, "late")]);
      await engine.startRun(pipeline);
      const [again] = await engine.claim(id);
      assert.ok(again);
      await engine.finish(id, [succeeded(again)]);
    });

    await t.step("two runs at once both do the work, and a third takes it", async () => {
      const pipeline = await engine.createPipeline(["a"], [], { settings });
      const runs = [await engine.startRun(pipeline), await engine.startRun(pipeline)];
      const steps = await engine.claim(id);
      assert.equal(steps.length, 2);
      await engine.finish(id, steps.map((step) => succeeded(step, step.run_id)));
      const third = await engine.startRun(pipeline);
      assert.deepEqual(await engine.claim(id), []);
      assert.ok(runs.includes((await engine.run(third)).output));
    });

    await t.step("hits and misses in one claim", async () => {
      const other = await engine.createPipeline(["a", "z"], [], { settings });
      const first = await engine.startRun(other);
      const steps = await engine.claim(id);
      await engine.finish(id, steps.map((step) => succeeded(step, 1)));
      const run = await engine.startRun(other);
      const [only, ...others] = await engine.claim(id);
      assert.deepEqual([only.name.split(" ")[0], others], ["z", []]);
      await engine.finish(id, [succeeded(only, 2)]);
      const { step } = await engine.run(run);
      assert.equal(step.a.reused_step_id, (await engine.run(first)).step.a.id);
    });

    await t.step(
      "a block that a run begins at does not take what it did at the beginning",
      async () => {
        // The same version and input; but a dataset is read here, and would be written there.
        const specs = { b: { kind: "inline", rows: [] } };
        const alone = await engine.createPipeline(["b"], [], { settings, specs });
        await engine.startRun(alone);
        const [read] = await engine.claim(id);
        await engine.finish(id, [succeeded(read, "read")]);
        await engine.startRun(alone, { from: alone.blocks.b });
        const [again] = await engine.claim(id);
        assert.ok(again);
        await engine.finish(id, [succeeded(again)]);
      },
    );

    await t.step("a retry keeps what was taken, and asks again for the rest", async () => {
      const run = await engine.startRun(chain);
      assert.deepEqual(await engine.claim(id), []);
      const before = await engine.run(run);
      const pipeline = await engine.createPipeline(["a", "x"], [["a", "x"]], { settings });
      const source = await engine.startRun(pipeline);
      const [a] = await engine.claim(id);
      await engine.finish(id, [succeeded(a, 5)]);
      const [x] = await engine.claim(id);
      await engine.finish(id, [failed(x, false)]);
      const again = await engine.asUser("retry_run", { run_id: source, start_at: "start" });
      const [next] = await engine.claim(id);
      assert.equal(next.name.split(" ")[0], "x");
      await engine.finish(id, [failed(next, false)]);
      const last = await engine.asUser("retry_run", { run_id: again.id });
      const { step } = await engine.run(last.id);
      assert.equal(step.a.reused_step_id, (await engine.run(source)).step.a.id);
      assert.ok(before.step.a.reused_step_id);
      await engine.clear();
    });
  });
});
