import assert from "node:assert/strict";
import { ServerEngine } from "../harness/server_pipelines.ts";
import type { Body } from "../harness/answer.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between sessions that are truly at once. */
const options = { ignore: !HAS_SERVER };

const succeeded = ({ step_id, attempt }: Body) => ({
  step_id,
  attempt,
  succeeded: true,
  output: 1,
});

/** A result that fails the first try of some, so that there are retries, too. */
const mixed = (step: Body) =>
  step.attempt === 1 && step.step_id < "8"
    ? {
      ...succeeded(step),
      succeeded: false,
      retryable: true,
      retry_after_seconds: 0,
      error: { code: "x", message: "x" },
    }
    : succeeded(step);

/**
 * The most steps that were in work at once: of each pipeline, and in all. Told by the events: one
 * begins after the end of what it waited for was committed.
 */
async function peaks({ server: { sql } }: ServerEngine): Promise<Record<string, number>> {
  const rows = await sql`
    with change as (
      select r.pipeline_id, e.transaction_id, e.sequence,
        case e.event_type when 'step.started' then 1 else -1 end as step
      from public.run_events e join public.pipeline_runs r on r.id = e.run_id
      where e.event_type in ('step.started', 'step.succeeded', 'step.retrying', 'step.failed', 'step.canceled')
    ), level as (
      select pipeline_id, sum(step) over (partition by pipeline_id order by transaction_id, sequence) as of_pipeline,
        sum(step) over (order by transaction_id, sequence) as of_all
      from change
    )
    select coalesce(pipeline_id::text, 'all') as name,
      case when grouping(pipeline_id) = 1 then max(of_all) else max(of_pipeline) end::int as steps
    from level group by rollup (pipeline_id)`;
  return Object.fromEntries(rows.map(({ name, steps }) => [name, steps]));
}

Deno.test("limits hold among many workers at once", options, async (t) => {
  await ServerEngine.with(async (engine) => {
    const { sql } = engine.server;

    await t.step("a pipeline's", async () => {
      const pipeline = await engine.createPipeline(20, { max_concurrent_steps: 2 });
      const free = await engine.createPipeline(20);
      await engine.startRun(pipeline);
      await engine.startRun(free);
      await engine.workOff(8, mixed);
      const { [pipeline]: most = 0, [free]: others = 0 } = await peaks(engine);
      assert.equal(most, 2);
      assert.ok(others > 2, `${others} of the others`);
      await sql`delete from public.pipeline_runs`;
    });

    await t.step("an organization's, and pipelines' within it", async () => {
      await sql`update public.organizations set max_concurrent_steps = 3`;
      const arrows: [number, number][] = [[0, 1], [2, 3]];
      const limited = await engine.createPipeline(10, { arrows, max_concurrent_steps: 2 });
      const others = [await engine.createPipeline(10, { arrows }), await engine.createPipeline(10)];
      for (const pipeline of [limited, ...others]) await engine.startRun(pipeline);
      await engine.workOff(8, mixed);
      const { all, [limited]: most } = await peaks(engine);
      assert.deepEqual([all, most], [3, 2]);
      await sql`update public.organizations set max_concurrent_steps = null`;
      await sql`delete from public.pipeline_runs`;
    });

    await t.step("set, changed and lifted while workers are at it, nothing is lost", async () => {
      const pipeline = await engine.createPipeline(60, { arrows: [[0, 30], [1, 30], [30, 59]] });
      for (let count = 0; count < 10; count++) await engine.startRun(pipeline);
      const setting = async () => {
        for (const limit of [3, 1, null, 5, 2, null, 4]) {
          await engine.server.as(
            engine.userId,
            (sql) =>
              sql`update public.pipelines set max_concurrent_steps = ${limit} where id = ${pipeline}`,
          );
          await sql`update public.organizations set max_concurrent_steps = ${
            limit === null ? 9 : null
          }`;
        }
      };
      await Promise.all([engine.workOff(6, mixed), setting()]);
      const [ended] = await sql`
        select count(*) filter (where status = 'succeeded')::int as runs from public.pipeline_runs`;
      assert.equal(ended?.runs, 10);
    });
  });
});
