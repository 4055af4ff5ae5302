import assert from "node:assert/strict";
import { Engine, succeeded } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";

Deno.test("a worker's heartbeat tells what it holds", { sanitizeExit: false }, async (t) => {
  await Engine.with(async (engine) => {
    const id = crypto.randomUUID();
    const beat = async (held?: string[], worker_id = id) =>
      expect(await engine.call("heartbeat_worker", { worker_id, held }), 200);
    const age = (seconds: number) =>
      engine.stack.query(
        "update public.run_steps set started_at = now() - make_interval(secs => $1) where status = 'running'",
        [seconds],
      );
    const run = await engine.start(["a", "b"]);
    const steps = await engine.claim(id);
    const [a, b] = steps;
    const statuses = async () => {
      const { step } = await engine.run(run);
      return [a, b].map(({ name }) => step[name.split(" ")[0]].status);
    };

    await t.step("what it has just claimed may be on its way to it", async () => {
      await age(5);
      assert.deepEqual(await beat([]), []);
      assert.deepEqual(await statuses(), ["running", "running"]);
    });
    await t.step("a heartbeat that tells nothing gives nothing back", async () => {
      await age(60);
      await beat();
      assert.deepEqual(await statuses(), ["running", "running"]);
    });
    await t.step("nor does another worker's", async () => {
      await beat([], crypto.randomUUID());
      assert.deepEqual(await statuses(), ["running", "running"]);
    });
    await t.step("what it does not know of is given back, and no retry is spent", async () => {
      assert.deepEqual(await beat([a.step_id]), []);
      assert.deepEqual(await statuses(), ["running", "ready"]);
      const { failures, error, worker_id } = (await engine.run(run)).step[b.name.split(" ")[0]];
      assert.deepEqual([failures, error, worker_id], [0, null, null]);
    });
    await t.step("should it know of it after all, that counts no more", async () => {
      assert.deepEqual(await engine.finish(id, [succeeded(b, "late")]), []);
      const [again] = await engine.claim(id);
      assert.deepEqual([again.step_id, again.attempt], [b.step_id, b.attempt + 1]);
      assert.deepEqual(await engine.finish(id, [succeeded(b, "late")]), [], "nor now");
      await engine.finish(id, [succeeded(a), succeeded(again)]);
      assert.equal((await engine.run(run)).status, "succeeded");
    });
    await t.step("of a canceled run it ends instead", async () => {
      const run_id = await engine.start(["a"]);
      await engine.claim(id);
      await engine.asUser("cancel_run", { run_id });
      await age(60);
      assert.deepEqual(await beat([]), []);
      assert.equal((await engine.run(run_id)).status, "canceled");
    });
  });
});
