import { effectOf } from "./ledger.ts";
import type { Random } from "./random.ts";
import { literal, type ProofServer } from "./server.ts";

/** A pipeline whose blocks all call the ledger; `outputOf` tells what a run comes to. */
export type Flow = { id: string; outputOf(input: number): number };

/** What a proof's client does: it makes pipelines, starts runs and cancels them. */
export class Client {
  private constructor(private readonly server: ProofServer, private readonly userId: string) {}

  static async signUp(server: ProofServer): Promise<Client> {
    const userId = crypto.randomUUID();
    await server.run(`insert into auth.users (id, email) values ('${userId}', 'a@example.com')`);
    return new Client(server, userId);
  }

  /** A random graph of 3 to 8 blocks, of which each but the last leads on. */
  async createFlow(random: Random, effectUrl: string): Promise<Flow> {
    const count = 3 + random.below(6);
    const parents = Array.from({ length: count }, () => new Set<number>());
    for (let target = 1; target < count; target++) parents[target]?.add(random.below(target));
    for (let source = 0; source < count - 1; source++) {
      const leadsOn = parents.some((set) => set.has(source));
      if (!leadsOn || random.below(3) === 0) {
        parents[source + 1 + random.below(count - source - 1)]?.add(source);
      }
    }
    const spec = literal({ kind: "http", url: effectUrl });
    const blocks: string[] = [];
    for (const number of parents.keys()) {
      const block = await this.#call(
        `create_block('${number} ' || gen_random_uuid(), 'model', ${spec})`,
      );
      blocks.push(block.id);
    }
    const edge = await this.#call(
      `create_edge('edge ' || gen_random_uuid(), '{"kind": "identity"}')`,
    );
    await this.server.run(`
      insert into public.edge_verifications (edge_version_id) values ('${edge.current_version_id}');
      update public.edge_verifications set verification_status = 'passed', verified_at = now()
      where edge_version_id = '${edge.current_version_id}'`);
    const nodes = blocks.map((block_id) => ({ block_id, max_attempts: 20 }));
    const arrows = parents.flatMap((set, target) =>
      [...set].map((source) => ({
        edge_id: edge.id,
        source_block_id: blocks[source],
        target_block_id: blocks[target],
      }))
    );
    const pipeline = await this.#call(`create_pipeline('pipeline ' || gen_random_uuid(),
      blocks => ${literal(nodes)}, edges => ${literal(arrows)})`);
    return { id: pipeline.id, outputOf: (input) => evaluate(parents, input) };
  }

  /** Starts a run, once, however often the server has to be asked. */
  async start(flow: Flow, input: number): Promise<string> {
    const request = literal({ input: { sum: input } });
    return (await this.#call(`start_run('${flow.id}', ${request}, 'run ${input}')`)).id;
  }

  /** Cancels a run, or hears that it has ended. */
  async cancel(runId: string): Promise<void> {
    try {
      await this.#call(`cancel_run('${runId}')`);
    } catch (error) {
      if (!(error instanceof Error && /that is final/.test(error.message))) throw error;
    }
  }

  async #call(command: string) {
    const claims = literal({ sub: this.userId, role: "authenticated" });
    const [row] = await this.server.ask(`
      select set_config('request.jwt.claims', ${claims}, false), set_config('role', 'authenticated', false);
      select to_jsonb(public.${command}) as answer`);
    const answer = row?.answer;
    return answer?.block ?? answer?.edge ?? answer?.pipeline ?? answer;
  }
}

/** The last block's output. A block without parents gets the run's input. */
function evaluate(parents: readonly ReadonlySet<number>[], input: number): number {
  const sums: number[] = [];
  for (const set of parents) {
    sums.push(effectOf(set.size === 0 ? [input] : [...set].map((parent) => sums[parent] ?? NaN)));
  }
  return sums.at(-1) ?? NaN;
}
