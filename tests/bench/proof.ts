import assert from "node:assert/strict";
import { HAS_SERVER } from "../local/postgres_server.ts";
import { BOUNDARIES } from "../proof/boundaries.ts";
import { Proof } from "../proof/proof.ts";
import { decimals, type Figure } from "./report.ts";

/** Seven boundaries, and as many deaths at each. */
const KILLS = 144;

/**
 * Kills workers at every boundary, more than 1,000 times, and shows that nothing was lost or done twice.
 * `EDGELOOM_PROOF_SEED` repeats what an earlier one did. It needs a server that may be crashed: its own.
 */
export async function measureProof(): Promise<Figure[]> {
  if (!HAS_SERVER) {
    console.log("Skipped: no PostgreSQL in PATH (initdb, postgres, pg_ctl).");
    return [];
  }
  const given = Deno.env.get("EDGELOOM_PROOF_SEED");
  const seed = given ? Number(given) : crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  console.log(`Seed ${seed}`);
  const started = performance.now();
  const plan = { seed, kills: KILLS, others: 12, restarts: 12, workers: 12 };
  return await Proof.with(plan, async (proof) => {
    assert.deepEqual(proof.violations, [], `With EDGELOOM_PROOF_SEED=${seed}`);
    return toFigures(proof, await count(proof), performance.now() - started);
  });
}

type Counts = { runs: number; canceled: number; steps: number; attempts: number };

async function count({ server }: Proof): Promise<Counts> {
  const [row] = await server.ask(`select
    (select count(*)::integer from public.pipeline_runs) as runs,
    (select count(*)::integer from public.pipeline_runs where status = 'canceled') as canceled,
    count(*)::integer as steps, sum(attempt)::integer as attempts from public.run_steps`);
  const { runs = 0, canceled = 0, steps = 0, attempts = 0 } = row ?? {};
  return { runs, canceled, steps, attempts };
}

function toFigures({ chaos, gate, ledger, endedAfterMs }: Proof, counts: Counts, ms: number) {
  const times = (act: string, boundary?: string) =>
    chaos.done.filter((fate) => fate.act === act && (!boundary || fate.boundary === boundary))
      .length;
  const figure = (name: string, value: number | string): Figure => ({ name, measured: `${value}` });
  const entries = [...ledger.entries.values()];
  const late = times("kill, request late");
  return [
    {
      name: "proof: workers killed with SIGKILL",
      base: "1000",
      measured: `${times("kill") + late}`,
      ratio: (times("kill") + late) / 1000,
      atLeast: 1,
    },
    ...BOUNDARIES.map((boundary) => figure(`of them ${boundary}`, times("kill", boundary))),
    figure("of them before commit, their results delivered late", late),
    figure("zombies stopped past their lease and resumed", times("zombie")),
    figure("database sessions terminated, times", times("terminate backends")),
    figure("PostgreSQL restarted with -m immediate", times("restart server")),
    figure("replies lost, requests sent twice", times("reply lost") + times("request twice")),
    figure("cancels that raced a claim or a result", times("cancel run")),
    figure("runs (of them canceled)", `${counts.runs} (${counts.canceled})`),
    figure("steps, attempts", `${counts.steps}, ${counts.attempts}`),
    figure("late or double results, refused", gate.refused),
    figure(
      "calls that the ledger had served before",
      entries.reduce((sum, { times }) => sum + times - 1, 0),
    ),
    figure("completions accepted twice, children enqueued twice, steps lost", 0),
    {
      name: "from the last fault to the end of the last run",
      base: "30.0 s",
      measured: `${decimals(endedAfterMs / 1000)} s`,
      ratio: endedAfterMs / 30_000,
      goal: 1,
    },
    figure("in all", `${decimals(ms / 1000, 0)} s`),
  ];
}
