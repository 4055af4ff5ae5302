import assert from "node:assert/strict";
import { Engine, failed } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { SlowService } from "../harness/slow_service.ts";
import { waitFor } from "../harness/wait.ts";

const options = { sanitizeExit: false };
const PRIVATE = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };

/** A stack of a test's own, whose worker reaches services on this machine. */
const withWorker = (test: (engine: Engine, work: () => Promise<void>) => Promise<void>) =>
  Engine.with((engine) =>
    OwnFunctions.with(PRIVATE, async (functions) => {
      const apikey = engine.stack.secretKey;
      await test(engine, async () => {
        expect(await functions.call("POST", "/pipelines/worker", { apikey }), 200);
      });
    }, engine.stack)
  );

Deno.test("a step that takes longer than its timeout", options, async (t) => {
  await withWorker((engine, work) =>
    SlowService.with(() => undefined, async (service) => {
      const specs = { slow: { kind: "http", url: service.url } };
      const startSlow = (settings: Record<string, unknown>) =>
        engine.start(["slow", "quick"], [], { specs, settings: { slow: settings } });

      await t.step("is given up, its request too, and tried again", async () => {
        const run = await startSlow({ timeout_seconds: 1 });
        await work();
        const { status, step } = await engine.run(run);
        assert.deepEqual([status, step.slow.status, step.slow.failures], ["running", "ready", 1]);
        assert.equal(step.slow.error.code, "step_timeout");
        assert.match(step.slow.error.message, /longer than 1 s/);
        assert.equal(step.quick.status, "succeeded");
        await waitFor(() => service.givenUp === 1 && service.waiting === 0);
        await engine.clear();
      });

      await t.step("fails with its last try", async () => {
        const run = await startSlow({ timeout_seconds: 1, max_attempts: 1 });
        await work();
        const { status, error } = await engine.run(run);
        assert.deepEqual([status, error.code], ["failed", "step_timeout"]);
      });
    })
  );
});

Deno.test("what a service asks to wait is waited, in seconds or as a date", options, async (t) => {
  await withWorker(async (engine, work) => {
    const until = () => new Date(Date.now() + 900_000).toUTCString();
    const headers = { seconds: () => "900", date: until, years: () => "99999999" };
    for (const [name, retryAfter] of Object.entries(headers)) {
      await t.step(name, () =>
        SlowService.with(
          () => new Response("", { status: 429, headers: { "retry-after": retryAfter() } }),
          async ({ url }) => {
            const run = await engine.start(["busy"], [], {
              specs: { busy: { kind: "http", url } },
            });
            await work();
            const { step: { busy } } = await engine.run(run);
            const seconds = (Date.parse(busy.run_at) - Date.now()) / 1000;
            const wanted = name === "years" ? 3600 : 900;
            assert.ok(Math.abs(seconds - wanted) < 60, `waits ${seconds} s`);
            assert.equal(busy.status, "ready");
            await engine.clear();
          },
        ));
    }
  });
});

Deno.test("code that never ends by itself is ended, and nothing beside it", options, async () => {
  await withWorker(async (engine, work) => {
    const loop = { kind: "code", source: "for (;;) {}" };
    const hungry = { kind: "code", source: "const all = []; for (;;) all.push('x'.repeat(1e6));" };
    const specs = { loop, hungry };
    const run = await engine.start(["loop", "hungry", "quick"], [], { specs });
    const { status, step } = await waitFor(async () => {
      await work();
      const now = await engine.run(run);
      return now.finished_at !== null && now;
    });
    assert.equal(status, "failed");
    assert.equal(step.loop.error.code, "code_timeout");
    assert.equal(step.loop.failures, 1, "it would not end the next time either");
    assert.equal(step.hungry.error.code, "code_memory");
    assert.equal(step.quick.status, "succeeded");
  });
});

Deno.test("tries", options, async (t) => {
  await Engine.with(async (engine) => {
    for (const max_attempts of [1, 5]) {
      await t.step(`a block that may be tried ${max_attempts} times is`, async () => {
        const run = await engine.start(["a"], [], { settings: { a: { max_attempts } } });
        const id = crypto.randomUUID();
        for (let attempt = 1; attempt <= max_attempts; attempt++) {
          await engine.skipBackoff();
          const [step] = await engine.claim(id);
          assert.equal(step?.attempt, attempt);
          await engine.finish(id, [failed(step, true)]);
        }
        await engine.skipBackoff();
        assert.deepEqual(await engine.claim(id), []);
        assert.equal((await engine.run(run)).status, "failed");
      });
    }

    await t.step("come later and later, up to five minutes, and not all at once", async () => {
      const rows = await engine.stack.query(`
        select attempt, count(distinct wait)::int as different, max(wait)::float8 as longest, avg(wait)::float8 as average
        from (select attempt, extract(epoch from private.backoff(attempt)) as wait
          from unnest(array[1, 2, 3, 5, 8, 12, 20000]) attempt, generate_series(1, 400)) w
        group by attempt order by attempt`);
      for (const { attempt, different, longest, average } of rows) {
        const limit = Math.min(2 ** Number(attempt), 300);
        assert.ok(Number(different) > 390, `${different} of 400 differ`);
        assert.ok(Number(longest) <= limit, `${attempt}: ${longest}`);
        // Far within what chance allows to the mean of 400 even draws.
        assert.ok(Math.abs(Number(average) / limit - 0.5) < 0.1, `${attempt}: ${average}`);
      }
    });
  });
});
