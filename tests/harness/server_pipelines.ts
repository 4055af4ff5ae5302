import assert from "node:assert/strict";
import { claimSchema } from "../../supabase/functions/pipelines/claim.ts";
import type { Body } from "./answer.ts";
import { Server } from "./server.ts";

/** The engine's commands on a PostgreSQL server, where workers and clients are truly at once. */
export class ServerEngine {
  private constructor(readonly server: Server, readonly userId: string) {}

  /** Runs a test with a server that is gone afterwards. Ask `HAS_SERVER` first. */
  static with(test: (engine: ServerEngine) => Promise<void>): Promise<void> {
    return Server.with(async (server) => {
      const userId = crypto.randomUUID();
      await server.sql`insert into auth.users (id, email) values (${userId}, 'a@example.com')`;
      await test(new ServerEngine(server, userId));
    });
  }

  /** A pipeline of so many blocks, joined by arrows between their numbers; returns its id. */
  async createPipeline(
    count: number,
    { arrows = [], max_concurrent_steps, cache }: PipelineOptions = {},
  ): Promise<string> {
    const numbers = Array.from({ length: count }, (_, number) => number);
    const unique = crypto.randomUUID().slice(0, 8);
    const { sql } = this.server;
    const id = await this.server.as(this.userId, async (sql) => {
      const spec = sql.json({ kind: "jsonata", expression: "input" });
      const blocks: string[] = [];
      for (const number of numbers) {
        const [row] = await sql`
          select public.create_block(${`${number} ${unique}`}, 'model', ${spec}) as block`;
        blocks.push(row?.block.id);
      }
      const [edge] = await sql`
        select public.create_edge(${`edge ${unique}`}, '{"kind": "identity"}') as edge`;
      const graph = arrows.map(([source, target]) => ({
        edge_id: edge?.edge.id,
        source_block_id: blocks[source],
        target_block_id: blocks[target],
      }));
      const nodes = blocks.map((block_id) => ({ block_id, cache }));
      const [row] = await sql`select public.create_pipeline(${`pipeline ${unique}`},
        blocks => ${sql.json(nodes)}, edges => ${sql.json(graph)},
        max_concurrent_steps => ${max_concurrent_steps ?? null}) as pipeline`;
      return row?.pipeline.id;
    });
    await sql`insert into public.edge_verifications (edge_version_id)
      select current_version_id from public.edges e where name = ${`edge ${unique}`}`;
    await sql`update public.edge_verifications set verification_status = 'passed', verified_at = now()
      where verification_status = 'pending'`;
    return id;
  }

  async startRun(pipelineId: string): Promise<string> {
    const [row] = await this.server.as(
      this.userId,
      (sql) => sql`select (public.start_run(${pipelineId})).id`,
    );
    return row?.id;
  }

  async cancel(runId: string): Promise<string> {
    const [row] = await this.server.as(
      this.userId,
      (sql) => sql`select (public.cancel_run(${runId})).status`,
    );
    return row?.status;
  }

  async claim(workerId: string, maxSteps = 10): Promise<Body[]> {
    const [row] = await this.server.sql`
      select public.claim_steps(${workerId}, ${maxSteps}, is_idle => true) as claim`;
    return claimSchema.parse(row?.claim).steps;
  }

  async finish(workerId: string, results: Body[]): Promise<string[]> {
    const { sql } = this.server;
    const [row] = await sql`
      select public.finish_steps(${workerId}, ${sql.json(results)}) as answer`;
    return row?.answer.accepted;
  }

  /** Workers side by side that claim and finish until every run has ended. */
  async workOff(workers: number, resultOf: (step: Body) => Body): Promise<void> {
    const deadline = Date.now() + 60_000;
    const work = async () => {
      const id = crypto.randomUUID();
      for (;;) {
        assert.ok(Date.now() < deadline, "the runs do not end");
        const steps = await this.claim(id);
        if (steps.length > 0) {
          await this.finish(id, steps.map(resultOf));
          continue;
        }
        const [left] = await this.server.sql`
          select exists (select from public.pipeline_runs where finished_at is null) as open`;
        if (!left?.open) return;
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
  }
}

type PipelineOptions = {
  arrows?: [number, number][];
  max_concurrent_steps?: number;
  cache?: boolean;
};
