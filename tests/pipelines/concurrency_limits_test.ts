import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { continued, Engine, failed, succeeded } from "../harness/engine.ts";

/** The database tells of refused statements by the exit code of its process, which is this one. */
const options = { sanitizeExit: false };
const worker = () => crypto.randomUUID();
const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`);
/** The first words of the claimed steps' names. */
const first = (steps: Body[]) => steps.map(({ name }) => name.split(" ")[0]).toSorted();

/** Sets the limit of the engine's only organization. */
const limitOrganization = ({ stack }: Engine, limit: number | null) =>
  stack.query("update public.organizations set max_concurrent_steps = $1", [limit]);

Deno.test("a pipeline's limit of concurrent steps", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = worker();

    await t.step("holds over all claims and workers, and all its runs", async () => {
      const pipeline = await engine.createPipeline(names("a", 3), [], { max_concurrent_steps: 2 });
      await engine.startRun(pipeline);
      await engine.startRun(pipeline);
      const [one, two] = await engine.claim(id);
      assert.ok(one && two);
      assert.deepEqual(await engine.claim(id), []);
      assert.deepEqual(await engine.claim(worker()), []);
      const [row] = await engine.stack.query("select private.worker_needed() as needed");
      assert.equal(row?.needed, true, "the sweep looks after those that wait");
      await engine.finish(id, [succeeded(one)]);
      const again = await engine.claim(id);
      assert.equal(again.length, 1);
      await engine.finish(id, [failed(two, true), succeeded(again[0])]);
      assert.equal((await engine.claim(worker(), 1)).length, 1, "a failed attempt holds no slot");
      await engine.clear();
    });

    await t.step("does not hold up other pipelines", async () => {
      const limited = await engine.createPipeline(names("l", 40), [], { max_concurrent_steps: 1 });
      await engine.startRun(limited);
      const [held] = await engine.claim(id);
      await engine.start(["free"]);
      const other = await engine.createPipeline(["other"], [], { max_concurrent_steps: 1 });
      await engine.startRun(other);
      assert.deepEqual(first(await engine.claim(worker(), 2)), ["free", "other"]);
      await engine.finish(id, [succeeded(held)]);
      await engine.clear();
    });

    await t.step("a limited pipeline takes its turn, no sooner and no later", async () => {
      const [late, early] = [
        await engine.createPipeline(names("late", 2), [], { max_concurrent_steps: 50 }),
        await engine.createPipeline(names("early", 2), [], { max_concurrent_steps: 50 }),
      ];
      await engine.startRun(early);
      await engine.start(["between"]);
      await engine.startRun(late);
      assert.deepEqual(first(await engine.claim(worker(), 3)), ["between", "early0", "early1"]);
      assert.deepEqual(first(await engine.claim(worker())), ["late0", "late1"]);
      await engine.clear();
    });

    await t.step("set while steps wait, and while some run, it holds for them", async () => {
      const pipeline = await engine.createPipeline(names("s", 5), [["s0", "s1"]], {
        settings: { s0: { priority: 1 } },
      });
      await engine.startRun(pipeline);
      const running = await engine.claim(id, 2);
      assert.equal(running.length, 2);
      await engine.limit(pipeline, 2);
      assert.deepEqual(await engine.claim(id), [], "what runs counts");
      await engine.finish(id, running.map((step) => succeeded(step)));
      assert.equal((await engine.claim(id)).length, 2);
      assert.deepEqual(await engine.claim(worker()), []);

      await engine.limit(pipeline, 3);
      assert.equal((await engine.claim(id)).length, 1);
      await engine.clear();
    });

    await t.step("lifted, it lets go", async () => {
      const pipeline = await engine.createPipeline(names("l", 4), [], { max_concurrent_steps: 1 });
      await engine.startRun(pipeline);
      assert.equal((await engine.claim(id)).length, 1);
      await engine.limit(pipeline, null);
      assert.equal((await engine.claim(id)).length, 3);
      await engine.clear();
    });

    await t.step("slots of dead workers come free", async () => {
      const limited = { max_concurrent_steps: 1 };
      await engine.startRun(await engine.createPipeline(["d0", "d1"], [], limited));
      await engine.claim(id);
      assert.deepEqual(await engine.claim(worker()), []);
      await engine.silence(id);
      // Whichever of the two: the backoff of the dead one's is random, and may be over by now.
      assert.equal((await engine.claim(worker())).length, 1);
      assert.deepEqual(await engine.claim(worker()), []);
      await engine.clear();
    });

    await t.step("steps whose worker died keep to it, too", async () => {
      const limited = { max_concurrent_steps: 1 };
      await engine.startRun(await engine.createPipeline(["u0", "u1"], [], limited));
      const dying = worker();
      await engine.claim(dying);
      await engine.silence(dying);
      const [next] = await engine.claim(id);
      await engine.skipBackoff();
      assert.deepEqual(await engine.claim(worker()), [], "the only slot is taken");
      await engine.finish(id, [succeeded(next)]);
      assert.equal((await engine.claim(worker())).length, 1);
      await engine.clear();
    });

    await t.step("a part of a long step gives its slot to whoever is next", async () => {
      const limited = { max_concurrent_steps: 1 };
      await engine.startRun(await engine.createPipeline(["p0", "p1"], [], limited));
      const [step] = await engine.claim(id);
      await engine.finish(id, [continued(step, 1)]);
      const [next] = await engine.claim(id);
      assert.notEqual(next.step_id, step.step_id);
      await engine.clear();
    });
  });
});

Deno.test("an organization's limit of concurrent steps", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = worker();
    await limitOrganization(engine, 3);

    await t.step("holds over all its pipelines", async () => {
      await engine.start(names("a", 2));
      await engine.start(names("b", 2));
      const steps = await engine.claim(id);
      assert.equal(steps.length, 3);
      assert.deepEqual(await engine.claim(worker()), []);
      await engine.finish(id, steps.map((step) => succeeded(step)));
      assert.equal((await engine.claim(id)).length, 1);
      await engine.clear();
    });

    await t.step("and each pipeline's own one besides", async () => {
      const limited = await engine.createPipeline(names("l", 5), [], { max_concurrent_steps: 2 });
      await engine.startRun(limited);
      assert.equal((await engine.claim(id)).length, 2, "the pipeline's");
      await engine.start(names("f", 5));
      assert.equal((await engine.claim(id)).length, 1, "the organization's");
      await engine.clear();
    });

    await t.step("a pipeline's limit that is set later, too", async () => {
      const pipeline = await engine.createPipeline(names("p", 5));
      await engine.startRun(pipeline);
      await engine.limit(pipeline, 1);
      assert.equal((await engine.claim(id)).length, 1);
      await engine.limit(pipeline, null);
      assert.equal((await engine.claim(id)).length, 2);
      await engine.clear();
    });

    await t.step("set while steps wait it holds; lifted it lets go", async () => {
      await limitOrganization(engine, null);
      await engine.start(names("w", 6));
      assert.equal((await engine.claim(id, 1)).length, 1);
      await limitOrganization(engine, 3);
      assert.equal((await engine.claim(id)).length, 2);
      assert.deepEqual(await engine.claim(worker()), []);
      await limitOrganization(engine, null);
      assert.equal((await engine.claim(id)).length, 3);
      await engine.clear();
    });
  });
});
