import { startStack } from "../../supabase/local/stack.ts";
import { createEngineQueue } from "./engine_queue.ts";
import { insertPipeline } from "./graphs.ts";
import { median, time } from "./measure.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { drain, openSession } from "./queue.ts";
import { decimals, type Figure, times } from "./report.ts";
import { type Rival, startGraphileWorker, startPgBoss } from "./rival.ts";
import { signUp } from "./seed.ts";
import { startStackProcess } from "./stack_process.ts";
import { startRun, untilEnded } from "./worker.ts";

const ROUNDS = 5;
const JOBS = 4_000;
const BATCH = 200;
const CLIENTS = 2;
const TURNS = 30;

/** The engine beside job queues of others on the same server: rates of no-op jobs, and latencies. */
export async function measureRivals(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  // The engine's schema first: it takes an empty database.
  await (await startStack({ db: server.url, scheduler: false })).stop();
  const rivals = [await startGraphileWorker(server.url), await startPgBoss(server.url)];
  try {
    return [...await measureRates(server, rivals), ...await measureLatencies(server, rivals)];
  } finally {
    for (const rival of rivals) await rival.stop();
  }
}

async function measureRates(server: Server, rivals: Rival[]): Promise<Figure[]> {
  const stack = await startStack({ db: server.url, scheduler: false });
  const member = await signUp(stack).finally(() => stack.stop());
  const admin = openSession(server.url);
  const clients = Array.from({ length: CLIENTS }, () => openSession(server.url));
  try {
    for (const client of clients) await client`set role service_role`;
    const engine = await createEngineQueue(admin, member, 1);
    const ours: number[] = [];
    const theirs = rivals.map((): number[] => []);
    // The first round does not count: sessions, plans and caches are new.
    for (let round = -1; round < ROUNDS; round += 1) {
      await engine.fill(JOBS);
      const rate = await drain(engine, clients, { batch: BATCH, count: JOBS });
      if (round >= 0) ours.push(rate);
      for (const [place, rival] of rivals.entries()) {
        const rate = JOBS / (await rival.workOff(JOBS) / 1000);
        if (round >= 0) theirs[place]?.push(rate);
      }
    }
    return rivals.map(({ name }, place): Figure => ({
      name: `no-op jobs, ${server.version}, ${CLIENTS} clients; rate through ${name}'s`,
      base: `${decimals(median(theirs[place] ?? []), 0)} jobs/s`,
      measured: `${decimals(median(ours), 0)} steps/s`,
      ratio: median(ours.map((rate, round) => rate / (theirs[place]?.[round] ?? NaN))),
    }));
  } finally {
    await Promise.all([admin, ...clients].map((sql) => sql.end()));
  }
}

async function measureLatencies(server: Server, rivals: Rival[]): Promise<Figure[]> {
  const stack = await startStackProcess(server.url);
  const sql = openSession(server.url);
  try {
    const member = await signUp(stack);
    const graph = { name: "one step", blocks: 1, arrows: [] };
    const pipeline = await insertPipeline(sql, member, graph);
    const latency = async () => {
      const queued = performance.timeOrigin + performance.now();
      const id = await startRun({ stack, member }, pipeline);
      await untilEnded(sql, id, 1);
      // Started by the server's clock, which is this machine's.
      const [step] = await sql<{ ms: number }[]>`
        select extract(epoch from s.started_at)::double precision * 1000 as ms
        from public.run_steps s where s.run_id = ${id}`;
      return (step?.ms ?? NaN) - queued;
    };
    const ours: number[] = [];
    const theirs = rivals.map((): number[] => []);
    for (let turn = -3; turn < TURNS; turn += 1) {
      const ms = await latency();
      if (turn >= 0) ours.push(ms);
      for (const [place, rival] of rivals.entries()) {
        const ms = await rival.latency();
        if (turn >= 0) theirs[place]?.push(ms);
      }
    }
    const burst = { name: "one run", blocks: 1_000, arrows: [] };
    const many = await insertPipeline(sql, member, burst);
    const ms = await time(async () => {
      await untilEnded(sql, await startRun({ stack, member }, many), burst.blocks);
    });
    return [
      ...rivals.map(({ name }, place): Figure => ({
        name: `from enqueuing to the start, ${server.version}, beside ${name}`,
        base: times(theirs[place] ?? []),
        measured: times(ours),
        ratio: median(ours) / median(theirs[place] ?? []),
      })),
      {
        name: `a run of ${burst.blocks} no-op steps through functions, API and worker`,
        measured: `${decimals(burst.blocks / (ms / 1000), 0)} steps/s`,
      },
    ];
  } finally {
    await sql.end();
    await stack.stop();
  }
}
