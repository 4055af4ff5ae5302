import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { rest } from "../harness/client.ts";
import { Engine, failed, succeeded } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import { mintToken } from "../harness/tokens.ts";

const options = { sanitizeExit: false };

/** Writes rows with the token that the engine mints for a step. */
async function write({ stack, userId }: Engine, step: Body, rows: unknown[], claims = {}) {
  const { step_id, organization_id } = step;
  const own = { organization_id, step_id, ...claims };
  const token = await mintToken(userId, { secret: stack.jwtSecret, claims: own });
  const body = { step_id, table_name: "weather", rows, mode: "append" };
  return rest("POST", "/rpc/write_table_rows", { on: stack, token, body });
}

Deno.test("a step writes its rows exactly once, however often it is tried", options, async (t) => {
  await Engine.with(async (engine) => {
    const { stack } = engine;
    await stack.script(`
      create table public.weather (city text);
      grant select, insert on public.weather to authenticated;`);
    const cities = async () =>
      (await stack.query("select city from public.weather order by city")).map(({ city }) => city);
    const worker = crypto.randomUUID();
    const run = await engine.start(["a"]);
    const [step] = await engine.claim(worker);

    await t.step("attempts at once", async () => {
      const answers = await Promise.all(
        ["Oslo", "Oslo", "Oslo"].map((city) => write(engine, step, [{ city }])),
      );
      for (const answer of answers) assert.deepEqual(expect(answer, 200), { rows_written: 1 });
      assert.deepEqual(await cities(), ["Oslo"]);
    });
    await t.step("an attempt after one whose answer was lost", async () => {
      await engine.finish(worker, [failed(step, true)]);
      await engine.skipBackoff();
      const [again] = await engine.claim(worker);
      assert.equal(again.attempt, 2);
      assert.deepEqual(expect(await write(engine, again, [{ city: "Rome" }]), 200), {
        rows_written: 1,
      });
      assert.deepEqual(await cities(), ["Oslo"]);
    });
    await t.step("a write that fails leaves no trace that it was done", async () => {
      await engine.start(["b"]);
      const [other] = await engine.claim(worker);
      assert.ok((await write(engine, other, [{ town: "Rome" }])).status >= 400);
      expect(await write(engine, other, [{ city: "Rome" }]), 200);
      assert.deepEqual(await cities(), ["Oslo", "Rome"]);
      await engine.finish(worker, [succeeded(other)]);
    });
    await t.step("nobody without the step's own token", async () => {
      await engine.start(["c"]);
      const [other] = await engine.claim(worker);
      for (const step_id of [undefined, step.step_id, crypto.randomUUID()]) {
        const { status } = await write(engine, other, [{ city: "Bonn" }], { step_id });
        assert.ok(status >= 400, `answered ${status}`);
      }
      assert.deepEqual(await cities(), ["Oslo", "Rome"]);
    });
    await t.step("a zombie, when its step has ended, writes nothing", async () => {
      await engine.finish(worker, [{ ...succeeded(step), attempt: 2 }]);
      assert.equal((await engine.run(run)).status, "succeeded");
      const { status } = await write(engine, step, [{ city: "Late" }]);
      assert.ok(status >= 400, `answered ${status}`);
      assert.deepEqual(await cities(), ["Oslo", "Rome"]);
    });
  });
});
