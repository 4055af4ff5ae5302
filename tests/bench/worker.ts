import type postgres from "postgres";
import { chainOf, fanOf, insertPipeline } from "./graphs.ts";
import { median, quantile, time } from "./measure.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { residentBytes } from "./process_usage.ts";
import { openSession } from "./queue.ts";
import { decimals, type Figure, times } from "./report.ts";
import { type Member, signUp } from "./seed.ts";
import { type StackProcess, startStackProcess } from "./stack_process.ts";

const CHAIN = 500;
const FAN_OUT = 10_000;
const CHAIN_ROUNDS = 3;
const RPCS = 100;
const POLL_MS = 100;
const TRANSITION_MS = 25;
/** Highest memory in a run's second half, through that in its first half. */
const FLAT_MEMORY = 1.2;
const MIB = 1024 * 1024;

/** Whole runs through the worker: the functions and the API in a process of their own, on a server. */
export async function measureWorker(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const stack = await startStackProcess(server.url);
  const sql = openSession(server.url);
  try {
    const bench = { stack, sql, member: await signUp(stack) };
    return [...await measureChain(bench, server), ...await measureFanOut(bench, server)];
  } finally {
    await sql.end();
    await stack.stop();
  }
}

type Bench = { stack: StackProcess; sql: postgres.Sql; member: Member };

async function measureChain(bench: Bench, { version }: Server): Promise<Figure[]> {
  const { sql, member, stack } = bench;
  const arrows = chainOf(CHAIN);
  const pipeline = await insertPipeline(sql, member, { name: "chain", blocks: CHAIN, arrows });
  const all = { rpcs: new Array<number>(), transitions: new Array<number>() };
  const [ratios, runMs] = [new Array<number>(), new Array<number>()];
  // The first round warms up.
  for (let round = -1; round < CHAIN_ROUNDS; round += 1) {
    let id = "";
    const ms = await time(async () => {
      id = await startRun(bench, pipeline);
      await untilEnded(sql, id, CHAIN);
    });
    const transitions = await transitionsOf(sql, id);
    const rpcs: number[] = [];
    for (let count = 0; count < RPCS; count += 1) rpcs.push(await time(() => callRpc(stack)));
    if (round < 0) continue;
    ratios.push(median(transitions) / median(rpcs));
    runMs.push(ms);
    all.rpcs.push(...rpcs);
    all.transitions.push(...transitions);
  }
  const name = `worker, ${version}, from step to step in a chain of ${CHAIN}`;
  const p95 = quantile(all.transitions, 0.95);
  return [
    {
      name: `${name}, beside one rpc`,
      base: times(all.rpcs),
      measured: times(all.transitions),
      ratio: median(ratios),
    },
    {
      name: `${name}, p95 through ${TRANSITION_MS} ms`,
      measured: `${decimals(p95)} ms`,
      ratio: p95 / TRANSITION_MS,
      goal: 1,
    },
    { name: "that run, from start to end", measured: `${decimals(median(runMs), 0)} ms` },
  ];
}

/** Milliseconds from the end of a step to the start of the one after it, by the database's clock. */
async function transitionsOf(sql: postgres.Sql, run: string): Promise<number[]> {
  const rows = await sql<{ ms: number }[]>`
    select extract(epoch from next.started_at - step.finished_at)::double precision * 1000 as ms
    from public.run_steps step cross join unnest(step.child_ids) child
    join public.run_steps next on next.id = child where step.run_id = ${run}`;
  return rows.map(({ ms }) => ms);
}

async function measureFanOut(bench: Bench, { version }: Server): Promise<Figure[]> {
  const { sql, member, stack } = bench;
  const blocks = FAN_OUT + 1;
  const arrows = fanOf(blocks);
  const pipeline = await insertPipeline(sql, member, { name: "fan-out", blocks, arrows });
  const memory: { done: number; bytes: number }[] = [];
  const started = performance.now();
  const id = await startRun(bench, pipeline);
  const startMs = performance.now() - started;
  await untilEnded(sql, id, blocks, async (done) => {
    memory.push({ done, bytes: await residentBytes(stack.pid) });
  });
  const seconds = (performance.now() - started) / 1000;
  const highest = (isLate: boolean) =>
    Math.max(
      ...memory.filter(({ done }) => done > blocks / 2 === isLate).map(({ bytes }) => bytes),
    );
  const [early, late] = [highest(false), highest(true)];
  const name = `worker, ${version}, fan-out of ${FAN_OUT} steps`;
  return [
    { name, measured: `${decimals(blocks / seconds, 0)} steps/s` },
    { name: "that run, from start to end", measured: `${decimals(seconds)} s` },
    { name: "of it in starting it", measured: `${decimals(startMs, 0)} ms` },
    {
      name: `${name}; highest memory of its process in the second half, beside the first`,
      base: `${decimals(early / MIB, 0)} MiB`,
      measured: `${decimals(late / MIB, 0)} MiB`,
      ratio: late / early,
      goal: FLAT_MEMORY,
    },
  ];
}

/** Starts a run over the API, which wakes the worker; returns its id. */
export async function startRun({ stack, member }: Omit<Bench, "sql">, pipeline: string) {
  const response = await fetch(`${stack.url}/functions/v1/pipelines/${pipeline}/runs`, {
    method: "POST",
    headers: {
      apikey: stack.publishableKey,
      authorization: `Bearer ${member.token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ input: [{ weather: "drizzle", temp_max: 12.8 }] }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`The run did not start: ${JSON.stringify(answer)}`);
  return String(answer.id);
}

/** Waits for a run to succeed, and tells on the way how many of its steps are done. */
export async function untilEnded(
  sql: postgres.Sql,
  id: string,
  steps: number,
  tell: (done: number) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  while (true) {
    const [run] = await sql<{ status: string; done: number }[]>`
      select r.status, (select count(*)::integer from public.run_steps s
        where s.run_id = r.id and s.status = 'succeeded') as done
      from public.pipeline_runs r where r.id = ${id}`;
    await tell(run?.done ?? 0);
    if (run?.status === "succeeded" && run.done === steps) return;
    if (run?.status === "failed") throw new Error("The run failed");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function callRpc({ url, secretKey }: StackProcess): Promise<void> {
  const response = await fetch(`${url}/rest/v1/rpc/heartbeat_worker`, {
    method: "POST",
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: JSON.stringify({ worker_id: "00000000-0000-4000-8000-000000000000" }),
  });
  if (!response.ok) throw new Error(`The rpc answered ${response.status}`);
  await response.body?.cancel();
}
