import assert from "node:assert/strict";
import { Engine } from "../harness/engine.ts";
import { SlowService } from "../harness/slow_service.ts";
import { waitFor } from "../harness/wait.ts";
import { away, broken, isCall, withWorker } from "../harness/worker_process.ts";

const options = { sanitizeExit: false };

/** Runs one step by a worker to whose first so many reports the Data API answers that way. */
async function workWhile(engine: Engine, reportsLost: number, answer: () => Response) {
  let lost = 0;
  const run = await engine.start(["step"]);
  const between = (request: Request) =>
    isCall(request, "finish_steps") && lost < reportsLost && lost++ >= 0 ? answer() : null;
  await withWorker(engine, between, async ({ status }) => assert.equal(await status, 200));
  assert.equal(lost, reportsLost);
  return await engine.run(run);
}

Deno.test("a database that is away when a step is done", options, async (t) => {
  await Engine.with(async (engine) => {
    await t.step("is told when it is back", async () => {
      const { status, step } = await workWhile(engine, 2, away);
      assert.deepEqual([status, step.step.attempt], ["succeeded", 1]);
    });
    await t.step(
      "for too long has refused nothing: the step waits for its next attempt",
      async () => {
        const { status, step } = await workWhile(engine, 6, away);
        assert.deepEqual([status, step.step.status, step.step.error], ["running", "running", null]);
      },
    );
    await t.step("that fails is no fault of the output: the step is tried again", async () => {
      const { status, step } = await workWhile(engine, 2, broken);
      assert.deepEqual([status, step.step.status, step.step.failures], ["running", "ready", 1]);
      assert.equal(step.step.error.code, "internal_error");
      await engine.clear();
    });
  });
});

Deno.test("a claim", options, async (t) => {
  await Engine.with(async (engine) => {
    const slow = (url: string) => ({ specs: { slow: { kind: "http", url } } });

    await t.step("that fails takes nothing along that is in work", async () => {
      const { promise: row, resolve: answerSlow } = Promise.withResolvers<Response>();
      await SlowService.with(() => row, async ({ url }) => {
        const run = await engine.start(["quick", "slow"], [], slow(url));
        let claims = 0;
        const between = (request: Request) =>
          isCall(request, "claim_steps") && ++claims > 1 ? broken() : null;
        await withWorker(engine, between, async ({ status }) => {
          await waitFor(() => claims === 2);
          answerSlow(Response.json([{ n: 1 }]));
          assert.equal(await status, 500, "it says so in the end");
        });
        const { status, step } = await engine.run(run);
        assert.deepEqual([status, step.slow.attempt, claims], ["succeeded", 1, 2]);
      });
    });

    await t.step("whose answer is lost: its steps are given back", async () => {
      const { promise: row, resolve: answerSlow } = Promise.withResolvers<Response>();
      await SlowService.with(() => row, async (service) => {
        const run = await engine.start(["lost"]);
        let other = "";
        const between = (request: Request) => {
          if (!isCall(request, "claim_steps") || other !== "") return null;
          other = "begun";
          return request.json().then(async (wanted) => {
            const { body } = await engine.call("claim_steps", wanted);
            assert.equal(body.steps.length, 1);
            other = await engine.start(["slow"], [], slow(service.url));
            return away();
          });
        };
        await withWorker(engine, between, async () => {
          await waitFor(() => service.requests === 1);
          // What has just begun may be on its way still; this has not.
          await engine.stack.query(
            "update public.run_steps set started_at = started_at - interval '1 minute' where run_id = $1",
            [run],
          );
          const { step } = await waitFor(async () => {
            const now = await engine.run(run);
            return now.step.lost.status === "ready" && now;
          }, { timeout: 10_000 });
          assert.deepEqual([step.lost.failures, step.lost.worker_id], [0, null]);
          answerSlow(Response.json([{ n: 1 }]));
        });
        const { status, step } = await engine.run(other);
        assert.deepEqual([status, step.slow.attempt], ["succeeded", 1]);
        assert.equal((await engine.run(run)).step.lost.status, "succeeded", "by the next claim");
      });
    });
  });
});
