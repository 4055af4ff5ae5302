import postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import { quantile } from "./measure.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { decimals, type Figure } from "./report.ts";
import { insertBlocks, signUp } from "./seed.ts";

/** Steps of one run; all of them are ready when it starts. */
const RUN_STEPS = 1_000;
const QUEUES = [1_000, 50_000];
const BATCHES = [1, 10, 50, 200];
const CLIENTS = [1, 2];

/** claim_steps and finish_steps alone, on a PostgreSQL server, with queues short and long. */
export async function measureEngine(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const stack = await startStack({ db: server.url, scheduler: false });
  const connect = () => postgres(server.url, { max: 1, onnotice: () => {} });
  const admin = connect();
  const workers = [connect(), connect()];
  try {
    const member = await signUp(stack);
    const startRun = await preparePipeline(admin, member);
    // What the functions call it with; on the server itself nothing else is checked.
    for (const worker of workers) await worker`set role service_role`;
    const figures: Figure[] = [];
    for (const queue of QUEUES) {
      for (const batch of BATCHES) {
        for (const clients of CLIENTS) {
          await fill(admin, startRun, queue);
          const round = await work(workers.slice(0, clients), batch);
          figures.push(toFigure({ version: server.version, queue, batch, clients }, round));
        }
      }
    }
    return figures;
  } finally {
    await Promise.all([admin, ...workers].map((sql) => sql.end()));
    await stack.stop();
  }
}

async function preparePipeline(
  admin: postgres.Sql,
  member: Awaited<ReturnType<typeof signUp>>,
): Promise<() => Promise<unknown>> {
  const blocks = await insertBlocks(admin, member, {
    name: "block",
    type: "dataset",
    spec: { kind: "inline", rows: [{ weather: "drizzle", temp_max: 12.8 }] },
    count: RUN_STEPS,
  });
  const [pipeline] = await admin<{ id: string }[]>`
    insert into public.pipelines (organization_id, name, status, created_by)
    values (${member.organizationId}, 'queue', 'active', ${member.userId}) returning id`;
  const id = pipeline?.id ?? "";
  await admin`
    insert into public.pipeline_blocks (pipeline_id, block_id)
    select ${id}::uuid, block_id from unnest(${blocks}::uuid[]) block_id`;
  return () => admin`select private.start_run(${id}, null, 'manual', ${member.userId})`;
}

/** Starts runs until so many steps are ready. */
async function fill(
  admin: postgres.Sql,
  startRun: () => Promise<unknown>,
  queue: number,
): Promise<void> {
  const [ready] = await admin<{ count: number }[]>`
    select count(*)::integer as count from public.run_steps where status = 'ready'`;
  for (let count = ready?.count ?? 0; count < queue; count += RUN_STEPS) await startRun();
  await admin`vacuum analyze public.run_steps`;
}

type Round = { ms: number; steps: number; claims: number[]; finishes: number[] };

/** Lets clients take and end batches side by side until as many steps are done as a run has. */
async function work(workers: postgres.Sql[], batch: number): Promise<Round> {
  const round: Round = { ms: 0, steps: 0, claims: [], finishes: [] };
  const started = performance.now();
  await Promise.all(workers.map(async (sql) => {
    const id = crypto.randomUUID();
    while (round.steps < RUN_STEPS) {
      const claimStarted = performance.now();
      const [claim] = await sql<{ claim: { steps: { step_id: string; attempt: number }[] } }[]>`
        select public.claim_steps(${id}, ${batch}) as claim`;
      const results = (claim?.claim.steps ?? []).map(({ step_id, attempt }) => ({
        step_id,
        attempt,
        succeeded: true,
        output: [{ weather: "drizzle", temp_max: 12.8 }],
      }));
      if (results.length === 0) return;
      const finishStarted = performance.now();
      await sql`select public.finish_steps(${id}, ${sql.json(results)})`;
      round.claims.push(finishStarted - claimStarted);
      round.finishes.push(performance.now() - finishStarted);
      round.steps += results.length;
    }
  }));
  round.ms = performance.now() - started;
  return round;
}

type Case = { version: string; queue: number; batch: number; clients: number };

function toFigure({ version, queue, batch, clients }: Case, round: Round): Figure {
  const parts = [
    `${decimals(round.steps / (round.ms / 1000), 0)} steps/s`,
    `claim p50 ${decimals(quantile(round.claims, 0.5))} ms`,
    `finish p50 ${decimals(quantile(round.finishes, 0.5))} ms`,
  ];
  return {
    name: `engine, ${version}, ${queue} queued, batches of ${batch}, ${clients} client(s)`,
    measured: parts.join(", "),
  };
}
