import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { Engine } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { SlowService } from "../harness/slow_service.ts";
import { waitFor } from "../harness/wait.ts";

const options = { sanitizeExit: false };

/** Takes a fraction of the second of computing time that a worker has, and far less than code may take. */
const busy = {
  kind: "code",
  source: "for (let i = 0; i < 2e5; i++) Math.random(); return 1;",
};

/**
 * A stack without a scheduler, and what wakes its worker a single time: whatever is done after that
 * is done because one worker called the next.
 */
const withOneCall = (test: (engine: Engine, wake: () => Promise<Body>) => Promise<void>) =>
  Engine.with((engine) =>
    OwnFunctions.with({ EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" }, async (functions) => {
      const apikey = engine.stack.secretKey;
      await test(
        engine,
        async () => expect(await functions.call("POST", "/pipelines/worker", { apikey }), 200),
      );
    }, engine.stack)
  );

const ended = (engine: Engine, run: string) =>
  waitFor(async () => {
    const now = await engine.run(run);
    return now.finished_at !== null && now;
  }, { timeout: 60_000, what: "the end of the run" });

Deno.test("a worker calls another one", options, async (t) => {
  await withOneCall(async (engine, wake) => {
    await t.step("when its computing time is spent", async () => {
      const names = Array.from({ length: 40 }, (_, n) => `n${n}`);
      const specs = Object.fromEntries(names.map((name) => [name, busy]));
      const run = await engine.start(names, [], { specs });
      assert.equal((await wake()).more, true);
      const { status, step } = await ended(engine, run);
      assert.equal(status, "succeeded");
      const again = names.filter((name) => step[name].attempt > 1);
      assert.ok(again.length > 0, "one worker gave back what it did not get to");
    });

    await t.step("and again for what its last steps release", async () => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      await SlowService.with(() => promise, async ({ url }) => {
        const names = Array.from({ length: 40 }, (_, n) => `n${n}`);
        const specs = {
          ...Object.fromEntries(names.map((name) => [name, busy])),
          slow: { kind: "http", url },
        };
        const first = { slow: { priority: 1 } };
        const run = await engine.start(["slow", ...names, "after"], [["slow", "after"]], {
          specs,
          settings: first,
        });
        const worker = wake();
        await waitFor(async () => {
          const { step } = await engine.run(run);
          return names.every((name) => step[name].status === "succeeded");
        }, { timeout: 60_000 });
        resolve(Response.json("late"));
        assert.equal((await ended(engine, run)).step.after.output, "late");
        await worker;
      });
    });

    await t.step("for the queue, while it tries a suspect step", async () => {
      await SlowService.with(() => undefined, async (service) => {
        const suspect = await engine.start(["suspect"], [], {
          specs: { suspect: { kind: "http", url: service.url } },
        });
        const dying = crypto.randomUUID();
        await engine.claim(dying);
        await engine.silence(dying);
        await engine.claim(crypto.randomUUID(), 0);
        await engine.skipBackoff();
        const other = await engine.start(["other"]);
        const worker = wake();
        assert.equal((await ended(engine, other)).status, "succeeded");
        assert.equal((await engine.run(suspect)).status, "running");
        await waitFor(() => service.waiting === 1);
        await engine.asUser("cancel_run", { run_id: suspect });
        assert.equal((await ended(engine, suspect)).status, "canceled");
        await worker;
      });
    });
  });
});
