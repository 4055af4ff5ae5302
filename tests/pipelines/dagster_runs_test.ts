import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { DagsterEngine } from "../harness/dagster_engine.ts";
import { Engine, failed, succeeded } from "../harness/engine.ts";

const options = { sanitizeExit: false };
const ERROR = { code: "dagster_run_failed", message: "It broke there" };

Deno.test("following a run on Dagster", options, async (t) => {
  await Engine.with(async (engine) => {
    const dagster = await DagsterEngine.connected(engine);
    const cancel = (run_id: string) => engine.asUser("cancel_run", { run_id });

    await t.step("by one worker at a time; who lost the claim changes nothing", async () => {
      const run = await dagster.start(["a"]);
      const [claimed] = await dagster.claim();
      assert.deepEqual([claimed?.run_id, claimed?.launches], [run, 0]);
      assert.deepEqual(await dagster.claim(), []);
      const [next] = await dagster.claimNow();
      assert.equal((await dagster.record(claimed ?? {}, { launching: true })).accepted, false);
      assert.equal((await dagster.record(next ?? {}, { launching: true })).accepted, true);
      const [third] = await dagster.claimNow();
      assert.equal(third?.launches, 1, "that a launch was sent is known, whatever became of it");
      await dagster.record(third ?? {}, { outcome: "failed", error: ERROR });
      assert.deepEqual(await dagster.claimNow(), []);
    });
    await t.step("ends here when it has ended there", async () => {
      const run = await dagster.start(["a"]);
      await dagster.launch(run, "theirs");
      await dagster.finish(run, "a", succeeded);
      assert.equal((await engine.run(run)).finished_at, null);
      await dagster.end(run, { outcome: "succeeded", dagster_status: "SUCCESS", error: ERROR });
      const { status, output } = await engine.run(run);
      assert.deepEqual([status, output], ["succeeded", "ok"]);
    });
    await t.step("fails what is left when it fails there", async () => {
      const run = await dagster.start(["a", "b", "c"], [["a", "b"], ["b", "c"]]);
      await dagster.launch(run, "theirs");
      await dagster.finish(run, "a", succeeded);
      const { claim, worker_id } = await dagster.begin(run, "b");
      await dagster.end(run, { outcome: "failed", error: ERROR });
      const { status, error, step } = await engine.run(run);
      assert.deepEqual([status, error.code, error.block_id], [
        "failed",
        ERROR.code,
        step.b.block_id,
      ]);
      assert.deepEqual([step.b.status, step.c.status], ["failed", "skipped"]);
      assert.deepEqual(await engine.finish(worker_id, [succeeded(claim.steps[0])]), [], "late");
    });
    await t.step("fails a step whose op was given up without a word", async () => {
      const run = await dagster.start(["a", "b"]);
      await dagster.launch(run, "theirs");
      const [claimed] = await dagster.claimNow();
      await dagster.begin(run, "a");
      const { step } = await engine.run(run);
      const op = `op_${step.a.name.replaceAll(/[^a-z0-9]+/g, "_")}_${
        step.a.block_id.replaceAll("-", "")
      }`;
      const events = [{ op, message: "Out of memory", data: { source: "dagster" } }];
      await dagster.record(claimed ?? {}, {
        events,
        failures: [{ op, message: "Out of memory" }],
        cursor: "7",
      });
      const after = await engine.run(run);
      assert.deepEqual([after.step.a.status, after.step.b.status], ["failed", "blocked"]);
      assert.equal(after.step.a.error.code, "dagster_op_failed");
      const logged: Record<string, unknown>[] = await engine.stack.query(
        "select step_id, message from public.run_events where run_id = $1 and event_type = 'step.log'",
        [run],
      );
      assert.deepEqual(logged, [{ step_id: step.a.id, message: "Out of memory" }]);
      assert.equal((await dagster.claimNow())[0]?.cursor, "7");
      await dagster.end(run, { outcome: "failed", error: ERROR });
    });
    await t.step("keeps 10,000 of its events, and says that there were more", async () => {
      const run = await dagster.start(["a"]);
      await dagster.launch(run, "theirs");
      await engine.stack.query(
        "update public.dagster_runs set logged_events = 9998 where run_id = $1",
        [run],
      );
      const event = { op: null, message: "said", data: { source: "dagster" } };
      for (const events of [[event], [event, event], [event]]) {
        const claimed = (await dagster.claimNow()).find(({ run_id }) => run_id === run);
        await dagster.record(claimed ?? {}, { events });
      }
      const logged: Body[] = await engine.stack.query(
        "select message from public.run_events where run_id = $1 and event_type = 'run.log' order by id",
        [run],
      );
      assert.deepEqual(logged.slice(0, 2), [{ message: "said" }, { message: "said" }]);
      assert.match(logged[2]?.message, /cut here/);
      assert.equal(logged.length, 3);
      await dagster.end(run, { outcome: "canceled" });
    });
    await t.step("a cancel before the launch is its end", async () => {
      const run = await dagster.start(["a"]);
      const [claimed] = await dagster.claimNow();
      assert.equal((await cancel(run)).status, "canceled");
      assert.equal((await dagster.record(claimed ?? {}, { launching: true })).accepted, false);
      assert.deepEqual(await dagster.claimNow(), []);
    });
    await t.step("a cancel after it waits for Dagster, which is asked at once", async () => {
      const run = await dagster.start(["a"]);
      await dagster.launch(run, "theirs");
      const { claim, worker_id } = await dagster.begin(run, "a");
      await engine.stack.query(
        "update public.dagster_runs set next_poll_at = now() + interval '1 h'",
      );
      assert.equal((await cancel(run)).status, "canceling");
      const [claimed] = await dagster.claim();
      assert.equal(claimed?.is_canceling, true);
      const { step } = await engine.run(run);
      const op = `op_${step.a.name.replaceAll(/[^a-z0-9]+/g, "_")}_${
        step.a.block_id.replaceAll("-", "")
      }`;
      await dagster.record(claimed ?? {}, {
        failures: [{ op, message: "Interrupted" }],
        outcome: "canceled",
        error: ERROR,
      });
      const ended = await engine.run(run);
      assert.deepEqual([ended.status, ended.error, ended.step.a.status], [
        "canceled",
        null,
        "canceled",
      ]);
      assert.deepEqual(await engine.finish(worker_id, [succeeded(claim.steps[0])]), []);
    });
    await t.step("a cancel that Dagster never confirms ends all the same", async () => {
      const down = {
        waiting: { code: "dagster_unreachable", message: "Down" },
        patience_seconds: 600,
      };
      for (const report of [{ dagster_status: "STARTED" }, down]) {
        const run = await dagster.start(["a"]);
        await dagster.launch(run, "theirs");
        const { claim, worker_id } = await dagster.begin(run, "a");
        await cancel(run);
        await engine.stack.query(
          `insert into public.run_events (organization_id, run_id, event_type, created_at)
           select organization_id, id, 'run.canceling', now() - interval '3 min' from public.pipeline_runs where id = $1`,
          [run],
        );
        await dagster.end(run, report);
        assert.equal((await engine.run(run)).status, "canceling", "its step is in work");
        await engine.finish(worker_id, [succeeded(claim.steps[0])]);
        await dagster.end(run, report);
        const { status, error } = await engine.run(run);
        assert.deepEqual([status, error], ["canceled", null]);
      }
      const run = await dagster.start(["a"]);
      await dagster.launch(run, "theirs");
      await cancel(run);
      await dagster.end(run, { dagster_status: "STARTED" });
      assert.equal((await engine.run(run)).status, "canceling", "Dagster has its time");
      await dagster.end(run, { outcome: "canceled" });
    });
    await t.step("a cancel there is one here", async () => {
      const run = await dagster.start(["a", "b"], [["a", "b"]]);
      await dagster.launch(run, "theirs");
      await dagster.end(run, { outcome: "canceled" });
      const { status, step } = await engine.run(run);
      assert.deepEqual([status, step.a.status, step.b.status], [
        "canceled",
        "canceled",
        "canceled",
      ]);
    });
    await t.step("waits, and says why once a reason, and that it goes on", async () => {
      const run = await dagster.start(["a"]);
      const down = { code: "dagster_unreachable", message: "Down" };
      const other = { code: "dagster_job_missing", message: "No job" };
      for (const waiting of [down, down, other]) {
        await dagster.end(run, { waiting, patience_seconds: 600 });
      }
      assert.deepEqual((await engine.run(run)).error, other);
      await dagster.launch(run, "theirs");
      assert.equal((await engine.run(run)).error, null);
      assert.deepEqual((await engine.events(run)).filter((type) => /wait|resume/.test(type)), [
        "run.waiting",
        "run.waiting",
        "run.resumed",
      ]);
      await dagster.end(run, { waiting: down, patience_seconds: 0 });
      await dagster.end(run, { waiting: down, patience_seconds: 0 });
      const { status, error } = await engine.run(run);
      assert.deepEqual([status, error.code], ["failed", "dagster_unreachable"], "not for ever");
    });
    await t.step("a retry goes on from the run there, with the same job", async () => {
      const run = await dagster.start(["a", "b"], [["a", "b"]]);
      const [{ job } = { job: "" }] = await dagster.claimNow();
      await dagster.launch(run, "theirs");
      await dagster.finish(run, "a", succeeded);
      await dagster.finish(run, "b", (step) => failed(step, false));
      await dagster.end(run, { outcome: "failed", error: ERROR });
      const retried = await engine.asUser("retry_run", { run_id: run });
      const [claimed] = await dagster.claimNow();
      assert.deepEqual([claimed?.run_id, claimed?.job], [retried.id, job]);
      assert.equal(claimed?.parent_external_id, "theirs");
      assert.equal(claimed?.ops?.length, 1);
      const { step } = await engine.run(retried.id);
      assert.deepEqual([step.a.status, step.b.status], ["succeeded", "blocked"]);
      await dagster.record(claimed ?? {}, { outcome: "canceled" });
    });
    await t.step("a retry on another Dagster names no run of the first one's", async () => {
      const pipeline = await engine.createPipeline(["a"], [], { executor: "dagster" });
      const own = { dagster_pipeline_config: { url: "https://dagster.example.com" } };
      await engine.asUser("update_pipeline", { pipeline_id: pipeline.id, changes: own });
      const run = await engine.startRun(pipeline);
      await dagster.launch(run, "another's");
      await dagster.end(run, { outcome: "failed", error: ERROR });
      const changes = { dagster_pipeline_config: {} };
      await engine.asUser("update_pipeline", { pipeline_id: pipeline.id, changes });
      const { id } = await engine.asUser("retry_run", { run_id: run });
      const claimed = (await dagster.claimNow()).find(({ run_id }) => run_id === id);
      assert.equal(claimed?.parent_external_id, null);
      await dagster.record(claimed ?? {}, { outcome: "canceled" });
    });
    await t.step("the same versions are the same job, other ones another", async () => {
      const pipeline = await engine.createPipeline(["a"], [], { executor: "dagster" });
      const jobs = async () => (await dagster.claimNow()).map(({ job }) => job);
      await engine.startRun(pipeline);
      await engine.asUser("update_pipeline", {
        pipeline_id: pipeline.id,
        changes: { description: "changed" },
      });
      await engine.startRun(pipeline);
      assert.equal(new Set(await jobs()).size, 1);
      await engine.stack.query(
        `insert into public.block_versions (block_id, spec) values ($1, '{"kind": "inline", "rows": [1]}')`,
        [pipeline.blocks.a],
      );
      await engine.startRun(pipeline);
      assert.equal(new Set(await jobs()).size, 2);
    });
  });
});
