import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { DagsterEngine } from "../harness/dagster_engine.ts";
import { continued, Engine, failed, succeeded } from "../harness/engine.ts";

const options = { sanitizeExit: false };

/** A failure that may pass, though not before the test is over. */
const retryable = (step: Body) => ({ ...failed(step, true), retry_after_seconds: 600 });

Deno.test("steps of a run on Dagster", options, async (t) => {
  await Engine.with(async (engine) => {
    const dagster = await DagsterEngine.connected(engine);
    const worker = crypto.randomUUID();

    await t.step("are no worker's of ours, whatever becomes of them", async () => {
      const run = await dagster.start(["a", "b"], [["a", "b"]]);
      assert.deepEqual(await engine.claim(worker), []);
      await dagster.launch(run, "theirs");
      assert.equal(
        (await dagster.finish(run, "a", retryable)).status,
        "retrying",
      );
      await engine.stack.query("update public.run_steps set run_at = now()");
      assert.deepEqual(await engine.claim(worker), []);
      assert.equal((await dagster.finish(run, "a", (step) => continued(step, 1))).status, "ready");
      const released = (step: { step_id: string; attempt: number }) => ({
        ...step,
        released: true,
      });
      assert.equal((await dagster.finish(run, "a", released)).status, "ready");
      assert.deepEqual(await engine.claim(worker), []);
      const { claim, worker_id } = await dagster.begin(run, "a");
      assert.equal(claim.steps[0].cursor, 1);
      await engine.silence(worker_id);
      assert.deepEqual(await engine.claim(worker), [], "what its dead worker held");
      const { step } = await engine.run(run);
      assert.deepEqual([step.a.status, step.a.error.code], ["blocked", "lease_expired"]);
    });
    await t.step("are executed once, however often and by how many calls", async () => {
      const run = await dagster.start(["a"]);
      await dagster.launch(run, "theirs");
      const first = await dagster.begin(run, "a");
      const second = await dagster.begin(run, "a");
      assert.deepEqual([first.status, second.status], ["begun", "running"]);
      assert.deepEqual([first.attempt, second.claim], [1, undefined]);
      await engine.finish(first.worker_id, [succeeded(first.claim.steps[0])]);
      const third = await dagster.begin(run, "a");
      assert.deepEqual([third.status, third.attempt], ["succeeded", 1]);
      assert.equal((await engine.events(run)).filter((type) => type === "step.started").length, 1);
    });
    await t.step("wait for those before them, and their failure skips what follows", async () => {
      const run = await dagster.start(["a", "b", "c"], [["a", "b"], ["b", "c"]]);
      await dagster.launch(run, "theirs");
      const worker_id = crypto.randomUUID();
      const early = await dagster.tryBegin(run, "b", { external_id: "theirs", worker_id });
      assert.deepEqual([early.status, early.body.hint], [409, "conflict"]);
      await dagster.finish(run, "a", succeeded);
      assert.equal(
        (await dagster.finish(run, "b", (step) => failed(step, false))).status,
        "failed",
      );
      assert.equal((await dagster.begin(run, "c")).status, "skipped");
      const { status } = await engine.run(run);
      assert.equal(status, "running", "it has not ended there");
      await dagster.end(run, { outcome: "failed", error: { code: "x", message: "x" } });
      const ended = await engine.run(run);
      assert.deepEqual([ended.status, ended.error.code], ["failed", "test_failed"]);
    });
    await t.step("have no more attempts than their block allows", async () => {
      const run = await dagster.start(["a"], [], { settings: { a: { max_attempts: 2 } } });
      await dagster.launch(run, "theirs");
      assert.equal(
        (await dagster.finish(run, "a", retryable)).status,
        "retrying",
      );
      const early = await dagster.begin(run, "a");
      assert.deepEqual([early.status, early.claim], ["retrying", undefined]);
      assert.ok(early.retry_after_seconds > 500);
      await engine.stack.query("update public.run_steps set run_at = now()");
      assert.equal((await dagster.finish(run, "a", retryable)).status, "failed");
    });
    await t.step("are begun by the first run that is heard of, not by its copies", async () => {
      const run = await dagster.start(["a"]);
      const [claimed] = await dagster.claimNow();
      await dagster.record(claimed ?? {}, { launching: true });
      // The answer to the launch has not come, and may never.
      assert.equal((await dagster.begin(run, "a", "first")).status, "begun");
      assert.equal((await engine.run(run)).external_id, "first");
      const copy = await dagster.tryBegin(run, "a", { external_id: "second" });
      assert.match(copy.body.message, /worked off by the run first of Dagster/);
      assert.equal(copy.status, 409);
      await dagster.end(run, { outcome: "canceled" });
      const late = await dagster.tryBegin(run, "a", { external_id: "second" });
      assert.match(late.body.message, /retry/);
    });
    await t.step("never name the run on Dagster with an organization's key", async () => {
      const run = await dagster.start(["a"]);
      const rows: Body[] = await engine.stack.query(
        "select organization_id from public.pipeline_runs where id = $1",
        [run],
      );
      const organization_id = rows[0]?.organization_id;
      const begin = (external_id: string) =>
        dagster.tryBegin(run, "a", {
          external_id,
          organization_id,
          worker_id: crypto.randomUUID(),
        });
      const early = await begin("another's");
      assert.deepEqual([early.status, early.body.status], [200, "waiting"]);
      assert.equal((await engine.run(run)).external_id, null);
      await dagster.launch(run, "theirs");
      assert.equal((await begin("another's")).status, 409);
      assert.equal((await begin("theirs")).body.status, "begun");
    });
    await t.step("count in the pipeline's limit", async () => {
      const run = await dagster.start(["a", "b"], [], { max_concurrent_steps: 1 });
      await dagster.launch(run, "theirs");
      assert.equal((await dagster.begin(run, "a")).status, "begun");
      assert.deepEqual((await dagster.begin(run, "b")).status, "waiting");
    });
    await t.step("take an earlier output, where they may", async () => {
      const pipeline = await engine.createPipeline(["a"], [], {
        executor: "dagster",
        settings: { a: { cache: true } },
      });
      const [first, second] = [await engine.startRun(pipeline), await engine.startRun(pipeline)];
      await dagster.launch(first, "theirs");
      await dagster.finish(first, "a", succeeded);
      await dagster.launch(second, "others");
      assert.equal((await dagster.begin(second, "a", "others")).status, "succeeded");
      assert.ok((await engine.run(second)).step.a.reused_step_id);
    });
    await t.step("are known to their own organization alone", async () => {
      const run = await dagster.start(["a"]);
      const organization_id = crypto.randomUUID();
      const asked = await dagster.tryBegin(run, "a", { external_id: "theirs", organization_id });
      assert.equal(asked.status, 404);
      assert.equal((await engine.run(run)).external_id, null);
    });
  });
});
