import assert from "node:assert/strict";
import { Engine, failed, succeeded } from "../harness/engine.ts";

const options = { sanitizeExit: false };
const worker = () => crypto.randomUUID();

/** A worker that claims and dies; returns what it had claimed. */
async function die(engine: Engine, is_idle = true) {
  const id = worker();
  const claim = await engine.claimWhole(id, 10, is_idle);
  await engine.silence(id);
  // Another one notices, and takes nothing.
  await engine.claim(worker(), 0);
  await engine.skipBackoff();
  return claim;
}

Deno.test("a step that kills its workers fails alone", options, async (t) => {
  await Engine.with(async (engine) => {
    const nameOf = ({ name }: { name: string }) => name.split(" ")[0];

    await t.step("its neighbour, claimed along with it, succeeds", async () => {
      const killer = await engine.start(["killer"]);
      const neighbour = await engine.start(["neighbour"]);
      const { steps } = await die(engine);
      assert.equal(steps.length, 2, "at first nobody knows");
      for (let turn = 0; turn < 3; turn++) {
        const id = worker();
        const claim = await engine.claimWhole(id);
        assert.equal(claim.is_alone, true);
        const [step, ...others] = claim.steps;
        assert.deepEqual(others, []);
        if (nameOf(step) === "neighbour") {
          assert.deepEqual(await engine.finish(id, [succeeded(step)]), [step.step_id]);
        } else {
          await engine.silence(id);
          await engine.claim(worker(), 0);
          await engine.skipBackoff();
        }
      }
      const ended = await engine.run(killer);
      assert.deepEqual([ended.status, ended.error.code], ["failed", "lease_expired"]);
      assert.equal(ended.step.killer.attempt, 3);
      const { status, step } = await engine.run(neighbour);
      assert.deepEqual([status, step.neighbour.attempt], ["succeeded", 2]);
    });

    await t.step("a worker that has steps in work gets none", async () => {
      await engine.start(["s"]);
      await die(engine);
      assert.deepEqual(await engine.claim(worker(), 10, false), []);
      assert.equal((await engine.claim(worker())).length, 1);
      await engine.clear();
    });

    await t.step("with new workers it comes before a busy queue", async () => {
      await engine.start(["s"]);
      await die(engine);
      await engine.start(["a", "b"]);
      const claim = await engine.claimWhole(worker());
      assert.deepEqual(claim.steps.map(nameOf), ["s"]);
      await engine.clear();
    });

    await t.step("and the queue does not wait for all of them, one by one", async () => {
      await engine.start(["s0", "s1", "s2"]);
      await die(engine);
      await engine.start(["a", "b"]);
      const id = worker();
      const [suspect] = await engine.claim(id);
      await engine.finish(id, [succeeded(suspect)]);
      assert.deepEqual((await engine.claim(id)).map(nameOf).toSorted(), ["a", "b"]);
      await engine.clear();
    });

    await t.step("when there is nothing else a worker goes on with the next one", async () => {
      await engine.start(["s0", "s1"]);
      await die(engine);
      const id = worker();
      for (let turn = 0; turn < 2; turn++) {
        const claim = await engine.claimWhole(id);
        assert.deepEqual([claim.steps.length, claim.is_alone], [1, true]);
        await engine.finish(id, [succeeded(claim.steps[0])]);
      }
      assert.deepEqual(await engine.claim(id), []);
    });

    await t.step("one that merely fails is a suspect no more", async () => {
      await engine.start(["s", "t"]);
      await die(engine);
      for (let turn = 0; turn < 2; turn++) {
        const id = worker();
        const [step] = await engine.claim(id);
        await engine.finish(id, [failed(step, true)]);
      }
      await engine.skipBackoff();
      const claim = await engine.claimWhole(worker());
      assert.deepEqual([claim.steps.length, claim.is_alone], [2, false]);
      await engine.clear();
    });

    await t.step("the sweep is told that there is work for it", async () => {
      await engine.start(["s"]);
      await die(engine);
      const [row] = await engine.stack.query("select private.worker_needed() as needed");
      assert.equal(row?.needed, true);
      await engine.clear();
    });
  });
});
