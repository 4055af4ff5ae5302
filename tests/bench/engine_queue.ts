import type postgres from "postgres";
import type { Queue } from "./queue.ts";
import { chainOf, insertPipeline } from "./graphs.ts";
import type { Member } from "./seed.ts";

/** Steps of one run. */
export const RUN_STEPS = 1_000;

/**
 * The engine's commands as a queue, filled with runs of {@link RUN_STEPS} steps in chains of `chain`:
 * each step waits for the one before it in its chain, so of chains of one all are ready at once.
 */
export async function createEngineQueue(
  admin: postgres.Sql,
  member: Member,
  chain: number,
): Promise<Queue> {
  const pipeline = await insertPipeline(admin, member, {
    name: `chains of ${chain}`,
    blocks: RUN_STEPS,
    arrows: chainOf(RUN_STEPS).filter(([, target]) => target % chain !== 0),
  });
  const startRun = () =>
    admin`select id from private.start_run(${pipeline}, null, 'manual', ${member.userId})`;
  const fill = async (count: number) => {
    const [open] = await admin<{ steps: number }[]>`
      select count(*)::integer as steps from public.run_steps where status in ('blocked', 'ready')`;
    for (let steps = open?.steps ?? 0; steps < count; steps += RUN_STEPS) await startRun();
  };
  const workers = new WeakMap<postgres.Sql, string>();
  const takeBatch = async (sql: postgres.Sql, size: number) => {
    const worker = workers.get(sql) ?? crypto.randomUUID();
    workers.set(sql, worker);
    const [row] = await sql<{ claim: { steps: { step_id: string; attempt: number }[] } }[]>`
      select public.claim_steps(${worker}, ${size}) as claim`;
    const results = (row?.claim.steps ?? []).map(({ step_id, attempt }) => ({
      step_id,
      attempt,
      succeeded: true,
      output: [{ weather: "drizzle", temp_max: 12.8 }],
    }));
    if (results.length > 0) {
      await sql`select public.finish_steps(${worker}, ${sql.json(results)})`;
    }
    return results.length;
  };
  return { fill, takeBatch };
}
