import assert from "node:assert/strict";
import { Engine, failed, succeeded } from "../harness/engine.ts";

const options = { sanitizeExit: false };
const worker = () => crypto.randomUUID();

/** Claims and finishes steps one at a time; returns the first words of their names, in order. */
async function order(engine: Engine): Promise<string[]> {
  const id = worker();
  const done: string[] = [];
  for (;;) {
    const [step] = await engine.claim(id, 1);
    if (!step) return done;
    done.push(step.name.split(" ")[0]);
    await engine.finish(id, [succeeded(step)]);
  }
}

Deno.test("which step comes first", options, async (t) => {
  await Engine.with(async (engine) => {
    await t.step("of equals, the one that has waited longest", async () => {
      for (const name of ["a", "b", "c", "d"]) await engine.start([name]);
      assert.deepEqual(await order(engine), ["a", "b", "c", "d"]);
    });

    await t.step("the run with the higher priority, whatever its blocks have", async () => {
      const pipelineOf = (name: string, priority: number) =>
        engine.createPipeline([name], [], { settings: { [name]: { priority } } });
      const low = await pipelineOf("low", 100);
      const middle = await pipelineOf("middle", 0);
      const high = await pipelineOf("high", -100);
      await engine.startRun(low, { priority: -1 });
      await engine.startRun(middle);
      await engine.startRun(high, { priority: 1 });
      assert.deepEqual(await order(engine), ["high", "middle", "low"]);
    });

    await t.step("within a run, the block with the higher priority", async () => {
      const settings = { a: { priority: -5 }, b: {}, c: { priority: 5 } };
      await engine.start(["a", "b", "c"], [], { settings });
      assert.deepEqual(await order(engine), ["c", "b", "a"]);
    });

    await t.step("what follows has its run's priority, too", async () => {
      const chain = await engine.createPipeline(["x", "y"], [["x", "y"]]);
      await engine.startRun(chain, { priority: 10 });
      await engine.start(["z"]);
      assert.deepEqual(await order(engine), ["x", "y", "z"]);
    });

    await t.step("also across pipelines with and without a limit", async () => {
      const limits = [3, undefined, 7];
      const pipelines = [];
      for (const [index, max_concurrent_steps] of limits.entries()) {
        pipelines.push(
          await engine.createPipeline([`n${index}`], [], { max_concurrent_steps }),
        );
      }
      for (const pipeline of pipelines) await engine.startRun(pipeline);
      for (const pipeline of pipelines.toReversed()) {
        await engine.startRun(pipeline, { priority: 1 });
      }
      assert.deepEqual(await order(engine), ["n2", "n1", "n0", "n0", "n1", "n2"]);
    });

    await t.step("a retry has the priority of the run that it repeats", async () => {
      const id = worker();
      const pipeline = await engine.createPipeline(["r"]);
      const run = await engine.startRun(pipeline, { priority: 9 });
      const [step] = await engine.claim(id);
      await engine.finish(id, [failed(step, false)]);
      await engine.start(["earlier"]);
      for (const start_at of ["failed", "start"]) {
        const again = await engine.asUser("retry_run", { run_id: run, start_at });
        assert.equal(again.priority, 9);
      }
      assert.deepEqual(await order(engine), ["r", "r", "earlier"]);
    });
  });
});
