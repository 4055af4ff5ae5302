import assert from "node:assert/strict";
import { Engine, failed, succeeded } from "../harness/engine.ts";

const worker = () => crypto.randomUUID();

/** The database tells of refused statements by the exit code of its process, which is this one. */
const options = { sanitizeExit: false };

Deno.test("claiming and finishing", options, () =>
  Engine.with(async (engine) => {
    const run = await engine.start(["a", "b", "c"], [["a", "c"], ["b", "c"]]);
    const [one, two] = [worker(), worker()];
    const steps = await engine.claim(one);
    assert.equal(steps.length, 2, "c waits for a and b");
    assert.deepEqual(await engine.claim(two), []);

    const [first, second] = steps;
    assert.deepEqual(await engine.finish(one, [succeeded(first, { n: 1 })]), [first.step_id]);
    assert.deepEqual(await engine.claim(two), [], "c still waits for the other");
    await engine.finish(one, [succeeded(second)]);
    const [last] = await engine.claim(two);
    assert.equal(last.incoming.length, 2);
    await engine.finish(two, [succeeded(last, 7)]);

    const ended = await engine.run(run);
    assert.equal(ended.status, "succeeded");
    assert.equal(ended.output, 7);
    assert.deepEqual(await engine.claim(one), []);
  }));

Deno.test(
  "a claim tells the versions that the run was started with",
  options,
  () =>
    Engine.with(async (engine) => {
      const run = await engine.start(["a"]);
      await engine.stack.query(
        `insert into public.block_versions (block_id, spec)
       select block_id, '{"kind": "inline", "rows": ["new"]}' from public.run_steps
       where run_id = $1`,
        [run],
      );
      const [step] = await engine.claim(worker());
      assert.deepEqual(step.spec, { kind: "inline", rows: [] });
    }),
);

Deno.test("fencing: whoever does not hold the attempt changes nothing", options, async (t) => {
  await Engine.with(async (engine) => {
    const run = await engine.start(["a", "b"], [["a", "b"]]);
    const [holder, other] = [worker(), worker()];
    const [step] = await engine.claim(holder);
    const before = await engine.run(run);
    const changesNothing = async (by: string, result: unknown) => {
      assert.deepEqual(await engine.finish(by, [result]), []);
      assert.deepEqual(await engine.run(run), before);
    };
    await engine.claim(other);

    await t.step("another worker", () => changesNothing(other, succeeded(step)));
    await t.step("an attempt too many or too few", async () => {
      await changesNothing(holder, { ...succeeded(step), attempt: step.attempt + 1 });
      await changesNothing(holder, { ...succeeded(step), attempt: step.attempt - 1 });
    });
    await t.step("a failure of another worker", () => changesNothing(other, failed(step, false)));
    await t.step(
      "a step that nobody has",
      () => changesNothing(holder, { ...succeeded(step), step_id: crypto.randomUUID() }),
    );

    await t.step("a zombie that comes back after its lease", async () => {
      await engine.silence(holder);
      await engine.claim(other, 0);
      await engine.skipBackoff();
      const [again] = await engine.claim(other);
      assert.equal(again.step_id, step.step_id);
      assert.equal(again.attempt, step.attempt + 1);
      assert.deepEqual(await engine.finish(holder, [succeeded(step, "late")]), []);
      assert.deepEqual(await engine.finish(other, [succeeded(again, "good")]), [step.step_id]);
      assert.deepEqual(await engine.finish(holder, [succeeded(step, "later")]), []);
      assert.equal((await engine.run(run)).step.a.output, "good");
    });

    await t.step("a result told twice counts once", async () => {
      const [last] = await engine.claim(other);
      assert.equal((await engine.finish(other, [succeeded(last, 1)])).length, 1);
      assert.deepEqual(await engine.finish(other, [succeeded(last, 2)]), []);
      assert.deepEqual(await engine.finish(other, [failed(last, false)]), []);
      const ended = await engine.run(run);
      assert.deepEqual([ended.status, ended.output], ["succeeded", 1]);
    });
  });
});

Deno.test(
  "workers side by side never hold the same step",
  options,
  () =>
    Engine.with(async (engine) => {
      const names = Array.from({ length: 30 }, (_, n) => `s${n}`);
      const run = await engine.start(names);
      const workers = Array.from({ length: 6 }, worker);
      const claims = await Promise.all(workers.map((id) => engine.claim(id, 5)));
      const ids = claims.flat().map(({ step_id }) => step_id);
      assert.equal(ids.length, 30);
      assert.equal(new Set(ids).size, 30);
      // All of them finish at once; the run ends exactly once.
      await Promise.all(
        workers.map((id, i) => engine.finish(id, (claims[i] ?? []).map((s) => succeeded(s)))),
      );
      assert.equal((await engine.run(run)).status, "succeeded");
      const events = await engine.events(run);
      assert.equal(events.filter((event) => event === "run.succeeded").length, 1);
      assert.equal(events.filter((event) => event === "step.started").length, 30);
    }),
);

Deno.test("failures", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = worker();

    await t.step("a retryable one is tried again, later, and can succeed", async () => {
      const run = await engine.start(["a"]);
      const [first] = await engine.claim(id);
      await engine.finish(id, [failed(first, true)]);
      const waiting = await engine.run(run);
      assert.equal(waiting.step.a.status, "ready");
      assert.equal(waiting.status, "running");
      await engine.skipBackoff();
      const [second] = await engine.claim(id);
      assert.equal(second.attempt, 2);
      await engine.finish(id, [succeeded(second)]);
      const ended = await engine.run(run);
      assert.equal(ended.status, "succeeded");
      assert.equal(ended.step.a.error, null);
      assert.ok((await engine.events(run)).includes("step.retrying"));
    });

    await t.step("what the other side asked to wait is waited", async () => {
      const run = await engine.start(["a"]);
      const [first] = await engine.claim(id);
      await engine.finish(id, [{ ...failed(first, true), retry_after_seconds: 600 }]);
      assert.deepEqual(await engine.claim(id), []);
      const { step } = await engine.run(run);
      const seconds = (Date.parse(step.a.run_at) - Date.now()) / 1000;
      assert.ok(seconds > 500 && seconds < 700, `waits ${seconds} s`);
      await engine.stack.query("delete from public.pipeline_runs where id = $1", [run]);
    });

    await t.step("the last attempt fails the run, and what follows is skipped", async () => {
      const run = await engine.start(["a", "b", "c", "d"], [["a", "b"], ["b", "c"]]);
      for (const attempt of [1, 2, 3]) {
        await engine.skipBackoff();
        const steps = await engine.claim(id);
        const broken = steps.find(({ name }) => name.startsWith("a "));
        assert.equal(broken?.attempt, attempt);
        const others = steps.filter((step) => step !== broken);
        await engine.finish(id, [failed(broken, true), ...others.map((step) => succeeded(step))]);
      }
      const ended = await engine.run(run);
      assert.equal(ended.status, "failed");
      assert.equal(ended.error.code, "test_failed");
      assert.match(ended.error.block, /^a /);
      const statuses = ["a", "b", "c", "d"].map((name) => ended.step[name].status);
      assert.deepEqual(statuses, ["failed", "skipped", "skipped", "succeeded"]);
    });

    await t.step("one that is not retryable fails at once", async () => {
      const run = await engine.start(["a"]);
      const [first] = await engine.claim(id);
      await engine.finish(id, [failed(first, false)]);
      assert.equal((await engine.run(run)).status, "failed");
    });

    await t.step(
      "a worker that dies loses its steps, until they have had their attempts",
      async () => {
        const run = await engine.start(["a"]);
        for (const attempt of [1, 2, 3]) {
          await engine.skipBackoff();
          const dying = worker();
          const [step] = await engine.claim(dying);
          assert.equal(step.attempt, attempt);
          await engine.silence(dying);
          await engine.claim(id, 0);
        }
        const ended = await engine.run(run);
        assert.equal(ended.status, "failed");
        assert.equal(ended.error.code, "lease_expired");
      },
    );

    await t.step("a heartbeat keeps the lease", async () => {
      const run = await engine.start(["a"]);
      const [step] = await engine.claim(id);
      await engine.silence(id);
      await engine.call("heartbeat_worker", { worker_id: id });
      await engine.claim(worker(), 0);
      assert.equal((await engine.finish(id, [succeeded(step)])).length, 1);
      assert.equal((await engine.run(run)).status, "succeeded");
    });
  });
});
