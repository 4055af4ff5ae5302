import assert from "node:assert/strict";
import { DagsterEngine } from "../harness/dagster_engine.ts";
import { Engine } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { SlowService } from "../harness/slow_service.ts";
import { waitFor } from "../harness/wait.ts";

const options = { sanitizeExit: false };

Deno.test("a report on a run on Dagster", options, async (t) => {
  await Engine.with(async (engine) => {
    const dagster = await DagsterEngine.connected(engine);

    await t.step("that is sent again, for a lost answer, counts once", async () => {
      const run = await dagster.start(["a"]);
      const [claimed = {}] = await dagster.claimNow();
      const launching = { id: crypto.randomUUID(), launching: true };
      const events = [{ op: null, message: "Hello", data: { source: "dagster" } }];
      const log = { id: crypto.randomUUID(), external_id: "theirs", events, cursor: "1" };
      for (const report of [launching, launching, log, log]) {
        assert.equal((await dagster.record(claimed, report)).accepted, true);
      }
      assert.equal((await engine.events(run)).filter((type) => type === "run.log").length, 1);
      const [next = {}] = await dagster.claimNow();
      assert.deepEqual([next.launches, next.cursor], [1, "1"]);
      const late = await dagster.record(claimed, log);
      assert.equal(late.accepted, false, "not by who lost the claim since");
      await dagster.end(run, { outcome: "canceled" });
    });
    await t.step("is not taken from who has not seen a cancel, which stays due", async () => {
      const run = await dagster.start(["a"]);
      await dagster.launch(run, "theirs");
      const [claimed = {}] = await dagster.claimNow();
      assert.equal(claimed.is_canceling, false);
      await engine.asUser("cancel_run", { run_id: run });
      const report = { dagster_status: "STARTED", next_poll_seconds: 20 };
      assert.equal((await dagster.record(claimed, report)).accepted, false);
      const [next] = await dagster.claim();
      assert.deepEqual([next?.run_id, next?.is_canceling], [run, true]);
      await dagster.end(run, { outcome: "canceled" });
    });
  });
});

Deno.test("a job for Dagster is forgotten 90 days after its last start", options, async () => {
  await Engine.with(async (engine) => {
    const dagster = await DagsterEngine.connected(engine);
    const [ended, open, fresh] = [
      await dagster.start(["a"]),
      await dagster.start(["b"]),
      await dagster.start(["c"]),
    ];
    await dagster.claimNow();
    for (const run of [ended, fresh]) await dagster.end(run, { outcome: "canceled" });
    await engine.stack.query(
      `update public.dagster_jobs j set last_used_at = now() - interval '91 days'
       from public.dagster_runs d where d.job_id = j.id and d.run_id <> $1`,
      [fresh],
    );
    await engine.stack.query("update private.jobs set started_at = null");
    await engine.stack.query("select private.run_jobs()");
    const kept = await engine.stack.query(
      "select d.run_id from public.dagster_jobs j left join public.dagster_runs d on d.job_id = j.id",
    );
    assert.deepEqual(new Set(kept.map(({ run_id }) => run_id)), new Set([open, fresh]));
    assert.equal((await engine.run(ended)).status, "canceled", "the run itself stays");
    const retried = await engine.asUser("retry_run", { run_id: ended });
    assert.ok((await dagster.claimNow()).some(({ run_id }) => run_id === retried.id));
  });
});

Deno.test("a cancel", options, async (t) => {
  await Engine.with(async (engine) => {
    await OwnFunctions.with({ EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" }, async (functions) => {
      const { secretKey: apikey } = engine.stack;
      const { userToken: token } = engine;

      await t.step("stops a step that Dagster ended before its heartbeat", async () => {
        const dagster = await DagsterEngine.connected(engine);
        await SlowService.with(() => undefined, async (service) => {
          const { id, blocks } = await engine.createPipeline(["a"], [], {
            executor: "dagster",
            specs: { a: { kind: "http", url: service.url } },
          });
          const run = await engine.startRun({ id });
          await dagster.launch(run, "theirs");
          const path = `/pipelines/dagster/runs/${run}/blocks/${blocks.a}/execute`;
          const body = { dagster_run_id: "theirs" };
          const executing = functions.call("POST", path, { apikey, body });
          await waitFor(() => service.waiting === 1, { what: "the step to begin" });
          await dagster.end(run, { outcome: "canceled" });
          await waitFor(() => service.waiting === 0, { what: "the step to be given up" });
          assert.equal(expect(await executing, 200).status, "canceled");
        });
      });
      await t.step("wakes a worker also where it is the run's end", async () => {
        const run = await engine.startRun(await engine.createPipeline(["a"]));
        let isWoken = false;
        functions.before = ({ url }) => {
          isWoken ||= url.endsWith("/rpc/claim_steps");
        };
        const answer = await functions.call("POST", `/pipelines/runs/${run}/cancel`, { token });
        assert.equal(expect(answer, 200).status, "canceled");
        await waitFor(() => isWoken, { what: "a worker" });
      });
    }, engine.stack);
  });
});
