import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { ServerEngine } from "../harness/server_pipelines.ts";
import { waitFor } from "../harness/wait.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between sessions that are truly at once. */
const options = { ignore: !HAS_SERVER };

type Run = { id: string; poll: number; blocks: string[]; ops: string[]; held?: Begun };
type Begun = { step: Body; workerId: string };

/** A run of two blocks on Dagster, claimed by a follower, its first step in work or none. */
async function startRun(engine: ServerEngine, pipeline: string, isBegun: boolean): Promise<Run> {
  const { sql } = engine.server;
  const id = await engine.startRun(pipeline);
  const [claimed] = await sql`select public.claim_dagster_runs(10) as runs`;
  const steps = await sql`select s.block_id, private.dagster_op_name(s.name, s.block_id) as op
    from public.run_steps s where s.run_id = ${id} order by s.name`;
  const [{ poll }] = claimed?.runs;
  const run = { id, poll, blocks: steps.map((s) => s.block_id), ops: steps.map((s) => s.op) };
  await record(engine, run, { launching: true });
  if (!isBegun) return run;
  return { ...run, held: await begin(engine, run, 0) };
}

async function begin({ server }: ServerEngine, run: Run, block: number): Promise<Begun> {
  const workerId = crypto.randomUUID();
  const [row] = await server.sql`select public.begin_dagster_step(
    ${run.id}, ${run.blocks[block] ?? null}, 'theirs', ${workerId}) as answer`;
  return { step: row?.answer.claim?.steps[0], workerId };
}

async function record({ server }: ServerEngine, run: Run, report: Body): Promise<boolean> {
  const [row] = await server.sql`
    select public.record_dagster_run(${run.id}, ${run.poll}, ${server.sql.json(report)}) as answer`;
  return row?.answer.accepted;
}

const failed = ({ ops }: Run) => ({
  external_id: "theirs",
  failures: [{ op: ops[0], message: "Out of memory" }],
  outcome: "failed",
  error: { code: "dagster_run_failed", message: "It broke there" },
});

/** What may come at once, each in a session of its own. */
const ACTS: Record<string, (engine: ServerEngine, run: Run) => Promise<unknown>> = {
  cancel: (engine, { id }) => engine.cancel(id),
  begin: (engine, run) => begin(engine, run, 1),
  "report of its launch": (engine, run) => record(engine, run, { external_id: "theirs" }),
  "report of its failure": (engine, run) => record(engine, run, failed(run)),
  "report of an outage": (engine, run) =>
    record(engine, run, { waiting: { code: "x", message: "x" }, patience_seconds: 600 }),
  result: (engine, { held }) =>
    engine.finish(held?.workerId ?? "", [{ ...held?.step, succeeded: true, output: 1 }]),
};

/** Has one after the other wait for the run, and lets go; what each came to. */
async function race(engine: ServerEngine, run: Run, names: [string, string]): Promise<unknown[]> {
  const { server } = engine;
  const holder = await server.open();
  await holder.sql`select from public.pipeline_runs where id = ${run.id} for no key update`;
  const acts: Promise<unknown>[] = [];
  let settled = 0;
  for (const name of names) {
    const act = Promise.resolve(ACTS[name]?.(engine, run)).catch((error) => error.code);
    acts.push(act.finally(() => settled++));
    await waitFor(async () => {
      const [row] = await server.sql`select count(*)::int as waiting from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return row?.waiting + settled === acts.length;
    }, { what: `${name} to wait` });
  }
  await holder.end("rollback");
  return await Promise.all(acts);
}

Deno.test("commands of a run on Dagster that come at once", options, async (t) => {
  await ServerEngine.with(async (engine) => {
    const { sql } = engine.server;
    await sql`select public.connect_dagster('http://dagster.test', 'edgeloom', 'r')`;
    const pipeline = await engine.createPipeline(2);
    await sql`update public.pipelines set executor = 'dagster' where id = ${pipeline}`;

    for (const isBegun of [true, false]) {
      const names = Object.keys(ACTS).filter((name) => isBegun || name !== "result");
      const pairs = names.flatMap((one) =>
        names.filter((other) => other !== one).map((other): [string, string] => [one, other])
      );
      const state = isBegun ? "with a step in work" : "with none";
      await t.step(`do not wait for each other in a circle, ${state}`, async () => {
        for (const pair of pairs) {
          const run = await startRun(engine, pipeline, isBegun);
          const outcomes = await race(engine, run, pair);
          assert.ok(!outcomes.includes("40P01"), `${pair.join(", then ")}: ${outcomes}`);
          await end(engine, run);
        }
      });
    }
  });
});

/** Every run ends with its word from Dagster, whatever came before. */
async function end(engine: ServerEngine, run: Run): Promise<void> {
  const { sql } = engine.server;
  await sql`update public.dagster_runs set next_poll_at = now() where run_id = ${run.id}`;
  const [claimed] = await sql`select public.claim_dagster_runs(10) as runs`;
  const [still] = claimed?.runs;
  if (still) await record(engine, { ...run, poll: still.poll }, { ...failed(run) });
  const [row] = await sql`
    select r.finished_at is not null as ended,
      (select count(*)::int from public.run_steps s where s.run_id = r.id and s.finished_at is null) as open
    from public.pipeline_runs r where r.id = ${run.id}`;
  assert.deepEqual({ ...row }, { ended: true, open: 0 });
}
