import assert from "node:assert/strict";
import { rest } from "../harness/client.ts";
import { createSmallPipeline, runPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("no client calls what the engine alone may", async (t) => {
  const { owner } = await createTenant();
  const run = await runPipeline(owner, await createSmallPipeline(owner));
  const [{ id: step_id }] = run.steps;
  const worker_id = crypto.randomUUID();
  const commands = {
    claim_steps: { worker_id, max_steps: 100 },
    finish_steps: { worker_id, results: [{ step_id, attempt: 1, succeeded: true, output: 1 }] },
    heartbeat_worker: { worker_id },
    receive_delivery: { trigger_id: worker_id, delivery: { id: "x", input: {} } },
    reap_steps: {},
    settle_runs: { run_ids: [run.id] },
  };
  for (const [command, body] of Object.entries(commands)) {
    await t.step(command, async () => {
      for (const token of [owner.token, undefined]) {
        const { status } = await rest("POST", `/rpc/${command}`, { token, body });
        assert.ok([401, 403, 404].includes(status), `answered ${status}`);
      }
    });
  }
  const rows = await sql`select id from public.workers where id = ${worker_id}`;
  assert.equal(rows.length, 0);
});
