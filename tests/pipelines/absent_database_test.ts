import assert from "node:assert/strict";
import { Engine } from "../harness/engine.ts";
import { startFunction } from "../harness/function_process.ts";
import { SlowService } from "../harness/slow_service.ts";

const options = { sanitizeExit: false };

/** What PostgREST answers while its database is restarted. */
const away = () =>
  Response.json({ code: "PGRST001", message: "Database client error. Retrying the connection." }, {
    status: 503,
  });

/** Runs one step by a worker to whose first so many reports the Data API answers that way. */
async function workWhileAway(engine: Engine, reportsLost: number) {
  let lost = 0;
  const forward = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname.endsWith("/finish_steps") && lost < reportsLost) {
      lost += 1;
      return away();
    }
    const { method, headers } = request;
    const body = await request.arrayBuffer();
    return await fetch(`${engine.stack.url}${pathname}${search}`, { method, headers, body });
  };
  const run = await engine.start(["step"]);
  await SlowService.with(forward, async ({ url }) => {
    const worker = await startFunction("pipelines", { ...engine.stack, url });
    const headers = { apikey: engine.stack.secretKey };
    const answer = await fetch(`${worker.url}/pipelines/worker`, { method: "POST", headers });
    await answer.body?.cancel();
    await worker.stop();
  });
  assert.equal(lost, reportsLost);
  return await engine.run(run);
}

Deno.test("a database that is away when a step is done", options, async (t) => {
  await Engine.with(async (engine) => {
    await t.step("is told when it is back", async () => {
      const { status, step } = await workWhileAway(engine, 2);
      assert.deepEqual([status, step.step.attempt], ["succeeded", 1]);
    });
    await t.step(
      "for too long has refused nothing: the step waits for its next attempt",
      async () => {
        const { status, step } = await workWhileAway(engine, 6);
        assert.deepEqual([status, step.step.status, step.step.error], ["running", "running", null]);
      },
    );
  });
});
