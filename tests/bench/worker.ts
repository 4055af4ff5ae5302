import postgres from "postgres";
import { type Stack, startStack } from "../../supabase/local/stack.ts";
import { median } from "./measure.ts";
import { decimals, type Figure } from "./report.ts";
import { insertBlocks, insertEdge, type Member, signUp } from "./seed.ts";

const STEPS = 1_001;
const ROUNDS = 3;
const POLL_MS = 100;

/** A source with 1,000 blocks behind it, from the whole graph's write to the run's end. */
export async function measureWorker(): Promise<Figure[]> {
  // A line a request would stand between the figures: the functions run in this very process.
  Deno.env.set("EDGELOOM_LOG", "off");
  const calls = new CallTimes();
  // Without its scheduler: the start of a run wakes the worker itself, and nothing else runs.
  const stack = await startStack({ scheduler: false });
  const sql = postgres(stack.dbUrl, { max: 1, onnotice: () => {} });
  try {
    const member = await signUp(stack);
    const graph = await insertGraph(sql, member);
    const written = performance.now();
    const pipeline = await post(stack, member, "/pipelines", { name: "fan-out", ...graph });
    const writeMs = performance.now() - written;
    const runs: Run[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      calls.clear();
      const started = performance.now();
      const run = await post(stack, member, `/pipelines/${pipeline.id}/runs`, {});
      const startMs = performance.now() - started;
      await untilEnded(stack, run.id);
      runs.push({ ms: performance.now() - started, startMs, calls: calls.totals() });
    }
    return figures(writeMs, runs);
  } finally {
    calls.stop();
    await sql.end();
    await stack.stop();
  }
}

type Run = { ms: number; startMs: number; calls: Map<string, { count: number; ms: number }> };

function figures(writeMs: number, runs: Run[]): Figure[] {
  const middle = runs.toSorted((a, b) => a.ms - b.ms)[Math.floor(runs.length / 2)];
  const parts = [...middle?.calls ?? []].sort(([, a], [, b]) => b.ms - a.ms).map(
    ([name, { count, ms }]): Figure => ({
      name: `of it in ${name} (${count} calls)`,
      measured: `${decimals(ms, 0)} ms`,
    }),
  );
  return [
    {
      name: `worker, fan-out of ${STEPS} steps, PGlite`,
      measured: `${decimals(STEPS / (median(runs.map(({ ms }) => ms)) / 1000), 0)} steps/s`,
    },
    { name: "that run, from start to end", measured: `${decimals(middle?.ms ?? NaN, 0)} ms` },
    { name: "of it in starting it", measured: `${decimals(middle?.startMs ?? NaN, 0)} ms` },
    ...parts,
    { name: "write of the whole graph before", measured: `${decimals(writeMs, 0)} ms` },
  ];
}

/** Adds up how long calls of the Data API take, by what is called. */
class CallTimes {
  readonly #totals = new Map<string, { count: number; ms: number }>();
  readonly #fetch = globalThis.fetch;

  constructor() {
    globalThis.fetch = async (input, init) => {
      const { pathname } = new URL(input instanceof Request ? input.url : input);
      const started = performance.now();
      try {
        return await this.#fetch.call(globalThis, input, init);
      } finally {
        const name = /\/rest\/v1\/(rpc\/.*)/.exec(pathname)?.[1];
        if (name) this.#add(name, performance.now() - started);
      }
    };
  }

  #add(name: string, ms: number): void {
    const known = this.#totals.get(name) ?? { count: 0, ms: 0 };
    this.#totals.set(name, { count: known.count + 1, ms: known.ms + ms });
  }

  clear(): void {
    this.#totals.clear();
  }

  totals(): Run["calls"] {
    return new Map(this.#totals);
  }

  stop(): void {
    globalThis.fetch = this.#fetch;
  }
}

async function insertGraph(sql: postgres.Sql, member: Member) {
  const [source] = await insertBlocks(sql, member, {
    name: "source",
    type: "dataset",
    spec: { kind: "inline", rows: [{ weather: "drizzle", temp_max: 12.8 }] },
    count: 1,
  });
  const targets = await insertBlocks(sql, member, {
    name: "target",
    type: "model",
    spec: { kind: "jsonata", expression: "$sum(input.temp_max)" },
    count: STEPS - 1,
  });
  const edge_id = await insertEdge(sql, member);
  return {
    blocks: [source, ...targets].map((block_id) => ({ block_id })),
    edges: targets.map((target_block_id) => ({
      edge_id,
      source_block_id: source,
      target_block_id,
    })),
  };
}

async function post(stack: Stack, { token }: Member, path: string, body: object) {
  const response = await fetch(`${stack.url}/functions/v1${path}`, {
    method: "POST",
    headers: {
      apikey: stack.publishableKey,
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}

async function untilEnded(stack: Stack, id: string): Promise<void> {
  while (true) {
    const [run] = await stack.query("select status from public.pipeline_runs where id = $1", [id]);
    if (run?.status === "succeeded") return;
    if (run?.status === "failed") throw new Error("The run failed.");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
