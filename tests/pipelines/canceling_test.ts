import assert from "node:assert/strict";
import { Engine, failed, succeeded } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { SlowService } from "../harness/slow_service.ts";
import { waitFor } from "../harness/wait.ts";
import { withWorker } from "../harness/worker_process.ts";

const options = { sanitizeExit: false };
const worker = () => crypto.randomUUID();
const cancel = (engine: Engine, run_id: string) => engine.asUser("cancel_run", { run_id });

Deno.test("canceling a run", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = worker();

    await t.step("that waits: it has ended, and nothing of it begins", async () => {
      const run = await engine.start(["a", "b"], [["a", "b"]]);
      assert.equal((await cancel(engine, run)).status, "canceled");
      assert.deepEqual(await engine.claim(id), []);
      const { step, started_at, output } = await engine.run(run);
      assert.deepEqual([step.a.status, step.b.status], ["canceled", "canceled"]);
      assert.deepEqual([started_at, output], [null, null]);
      assert.deepEqual(await engine.events(run), [
        "run.queued",
        "run.canceling",
        "step.canceled",
        "step.canceled",
        "run.canceled",
      ]);
    });

    await t.step("at work: what is done late counts nothing", async () => {
      const run = await engine.start(["a", "b", "c"], [["a", "c"], ["b", "c"]]);
      const [first, second] = await engine.claim(id);
      await engine.finish(id, [succeeded(first, "in time")]);
      assert.equal((await cancel(engine, run)).status, "canceling");
      assert.equal((await cancel(engine, run)).status, "canceling", "again");
      assert.deepEqual(await engine.finish(id, [succeeded(second, "late")]), []);
      assert.deepEqual(await engine.claim(id), [], "what comes next does not begin");
      const ended = await engine.run(run);
      assert.deepEqual([ended.status, ended.output, ended.error], ["canceled", null, null]);
      const [was, is] = [first, second].map(({ name }) => ended.step[name.split(" ")[0]]);
      assert.deepEqual([was.status, was.output], ["succeeded", "in time"]);
      assert.deepEqual([is.status, is.output, is.worker_id], ["canceled", null, null]);
      assert.equal(ended.step.c.status, "canceled");
      assert.deepEqual((await engine.events(run)).slice(-4), [
        "run.canceling",
        "step.canceled",
        "step.canceled",
        "run.canceled",
      ]);
    });

    await t.step("it has no output, also where one of its last blocks has", async () => {
      const run = await engine.start(["a", "b"]);
      const [first, second] = await engine.claim(id);
      await engine.finish(id, [succeeded(first, "in time")]);
      await cancel(engine, run);
      await engine.finish(id, [succeeded(second, "late")]);
      const { status, output } = await engine.run(run);
      assert.deepEqual([status, output], ["canceled", null]);
    });

    await t.step("what its last block does late counts nothing, nor what fails late", async () => {
      for (const late of [succeeded, (step: object) => failed(step, true)]) {
        const run = await engine.start(["a"]);
        const [step] = await engine.claim(id);
        await cancel(engine, run);
        assert.deepEqual(await engine.finish(id, [late(step)]), []);
        const ended = await engine.run(run);
        assert.deepEqual([ended.status, ended.output, ended.error], ["canceled", null, null]);
        assert.equal(ended.step.a.status, "canceled");
      }
    });

    await t.step("the worker hears it with its next heartbeat", async () => {
      const run = await engine.start(["a"]);
      await engine.start(["other"]);
      const steps = await engine.claim(id);
      const beat = async (worker_id: string) =>
        expect(await engine.call("heartbeat_worker", { worker_id }), 200);
      assert.deepEqual(await beat(id), []);
      await cancel(engine, run);
      const canceled = steps.find(({ run_id }) => run_id === run);
      assert.deepEqual(await beat(id), [canceled.step_id]);
      assert.deepEqual(await beat(worker()), []);
      await engine.finish(id, steps.map((step) => succeeded(step)));
      assert.equal((await engine.run(run)).status, "canceled");
    });

    await t.step("whose worker dies: it ends with the lease", async () => {
      const run = await engine.start(["a"]);
      await engine.claim(id);
      await cancel(engine, run);
      await engine.silence(id);
      await engine.claim(worker(), 0);
      assert.equal((await engine.run(run)).status, "canceled");
    });

    await t.step("that waits for its next try: it does not wait for it", async () => {
      const run = await engine.start(["a"]);
      const [step] = await engine.claim(id);
      await engine.finish(id, [{ ...failed(step, true), retry_after_seconds: 3000 }]);
      assert.equal((await cancel(engine, run)).status, "canceled");
    });

    await t.step("as a step was being claimed: that is taken back in the next claim", async () => {
      // What cancel leaves when a claim holds the step at this moment, and then comes to nothing.
      const run = await engine.start(["a"]);
      await engine.start(["other"]);
      await engine.stack.query(
        "update public.pipeline_runs set status = 'canceling' where id = $1",
        [
          run,
        ],
      );
      const [step, ...others] = await engine.claim(id);
      assert.deepEqual([step.name.split(" ")[0], others], ["other", []]);
      assert.equal((await engine.run(run)).status, "canceled");
      await engine.clear();
    });
  });
});

Deno.test("a worker gives a canceled step up, whatever it waits for", options, async () => {
  await Engine.with((engine) =>
    OwnFunctions.with(
      { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" },
      (functions) =>
        SlowService.with(() => undefined, async (service) => {
          const run = await engine.start(["slow"], [], {
            specs: { slow: { kind: "http", url: service.url } },
          });
          const apikey = engine.stack.secretKey;
          const working = functions.call("POST", "/pipelines/worker", { apikey });
          await waitFor(() => service.waiting === 1);
          assert.equal((await cancel(engine, run)).status, "canceling");
          const { status } = await waitFor(async () => {
            const now = await engine.run(run);
            return now.finished_at !== null && now;
          }, { timeout: 10_000 });
          assert.equal(status, "canceled");
          await waitFor(() => service.givenUp === 1);
          assert.equal(expect(await working, 200).accepted, 0);
        }),
      engine.stack,
    )
  );
});

Deno.test("and a call of the project's own API with it", options, async (t) => {
  const spec = {
    storage: { bucket: "datasets", path: "x.json", format: "json" },
    table: { table: "blocks" },
  };
  await Engine.with(async (engine) => {
    for (const [kind, rest] of Object.entries(spec)) {
      await t.step(kind, async () => {
        const run = await engine.start(["slow"], [], { specs: { slow: { kind, ...rest } } });
        const isSlow = ({ url }: Request) => /\/(object|blocks)(\/|\?)/.test(url);
        await withWorker(
          engine,
          (request) => isSlow(request) ? undefined : null,
          async ({ service }) => {
            await waitFor(() => service.waiting === 1);
            await cancel(engine, run);
            await waitFor(() => service.givenUp === 1, { timeout: 10_000 });
          },
        );
        assert.equal((await engine.run(run)).status, "canceled");
      });
    }
  });
});
