import assert from "node:assert/strict";
import { claimSchema } from "../../supabase/functions/pipelines/claim.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Answer, Body } from "./answer.ts";
import { rest } from "./client.ts";
import { expect } from "./expect.ts";
import { startOwnStack } from "./own_stack.ts";
import { mintToken } from "./tokens.ts";

/**
 * The engine's commands on a stack of their own, where nobody but the test claims steps: no worker
 * is woken and no scheduler sweeps.
 */
export class Engine {
  private constructor(readonly stack: Stack, readonly userId: string, readonly userToken: string) {}

  /** Runs a test with an engine that is gone afterwards. */
  static async with(test: (engine: Engine) => Promise<void>): Promise<void> {
    const stack = await startOwnStack({ scheduler: false });
    try {
      const id = crypto.randomUUID();
      await stack.query("insert into auth.users (id, email) values ($1, $2)", [
        id,
        "a@example.com",
      ]);
      await test(new Engine(stack, id, await mintToken(id, { secret: stack.jwtSecret })));
    } finally {
      await stack.stop();
    }
  }

  /** Calls a command as the service. */
  call(command: string, body: unknown): Promise<Answer> {
    const { stack } = this;
    return rest("POST", `/rpc/${command}`, { on: stack, apikey: stack.secretKey, body });
  }

  /** A pipeline of `names` joined by `arrows` (pairs of names); returns its id and its blocks' ids by name. */
  async createPipeline(
    names: string[],
    arrows: [string, string][] = [],
    { settings = {}, specs = {}, ...fields }: PipelineOptions = {},
  ): Promise<{ id: string; blocks: Record<string, string> }> {
    const blocks: Record<string, string> = {};
    for (const name of names) {
      const isTarget = arrows.some(([, target]) => target === name);
      const spec = specs[name] ??
        (isTarget ? { kind: "jsonata", expression: "input" } : { kind: "inline", rows: [] });
      const block_type = DATASETS.includes(spec.kind) ? "dataset" : "model";
      blocks[name] =
        (await this.asUser("create_block", { name: this.#unique(name), block_type, spec })).id;
    }
    const edge_id = await this.#verifiedEdge();
    const { id } = await this.asUser("create_pipeline", {
      name: this.#unique("pipeline"),
      blocks: names.map((name) => ({ block_id: blocks[name], ...settings[name] })),
      edges: arrows.map(([source, target]) => ({
        edge_id,
        source_block_id: blocks[source],
        target_block_id: blocks[target],
      })),
      ...fields,
    });
    return { id, blocks };
  }

  /** Starts a run; returns its id. */
  async startRun({ id }: { id: string }, request: Body = {}): Promise<string> {
    return (await this.asUser("start_run", { pipeline_id: id, request })).id;
  }

  /** Starts a run of a pipeline of its own. */
  async start(
    names: string[],
    arrows: [string, string][] = [],
    options: PipelineOptions = {},
  ): Promise<string> {
    return this.startRun(await this.createPipeline(names, arrows, options));
  }

  /** A claim of up to `max_steps`, asked for again while steps go on without it, as a worker does. */
  async claimWhole(worker_id: string, max_steps = 10, is_idle = true): Promise<Body> {
    for (;;) {
      const wanted = { worker_id, max_steps, is_idle };
      const claim = claimSchema.parse(expect(await this.call("claim_steps", wanted), 200));
      if (!claim.again || claim.steps.length > 0) return claim;
    }
  }

  /** The steps of a claim. */
  async claim(worker_id: string, max_steps = 10, is_idle = true): Promise<Body[]> {
    return (await this.claimWhole(worker_id, max_steps, is_idle)).steps;
  }

  /** Ends attempts; returns the ids of those that counted. */
  async finish(worker_id: string, results: unknown[]): Promise<string[]> {
    return expect(await this.call("finish_steps", { worker_id, results }), 200).accepted;
  }

  /** A run with its steps by the first word of their names. */
  async run(id: string): Promise<Body> {
    const [run] = await this.stack.query(
      `select r.*, (select jsonb_object_agg(split_part(s.name, ' ', 1), to_jsonb(s))
         from public.run_steps s where s.run_id = r.id) as step
       from public.pipeline_runs r where r.id = $1`,
      [id],
    );
    assert.ok(run, `There is no run ${id}`);
    return run;
  }

  /** The event types of a run, in order. */
  async events(id: string): Promise<string[]> {
    const events: Body[] = await this.stack.query(
      `select event_type from public.run_events where run_id = $1 order by transaction_id, sequence`,
      [id],
    );
    return events.map(({ event_type }) => event_type);
  }

  /** Makes a worker's last heartbeat two minutes old. */
  async silence(worker_id: string): Promise<void> {
    const sql = `update public.workers set heartbeat_at = heartbeat_at - interval '2 minutes'
      where id = $1`;
    await this.stack.query(sql, [worker_id]);
  }

  /** Ends the backoff of steps that wait for their next attempt. */
  async skipBackoff(): Promise<void> {
    await this.stack.query("update public.run_steps set run_at = now() where status = 'ready'");
  }

  /** Takes all runs away, so that none of their steps is claimed later. */
  async clear(): Promise<void> {
    await this.stack.query("delete from public.pipeline_runs");
  }

  /** Sets a pipeline's limit of concurrent steps. */
  async limit(pipeline: { id: string }, max_concurrent_steps: number | null): Promise<void> {
    const changes = { max_concurrent_steps };
    await this.asUser("update_pipeline", { pipeline_id: pipeline.id, changes });
  }

  /** Calls a command as the user; it must succeed. */
  async asUser(command: string, body: unknown): Promise<Body> {
    return expect(await this.tryAsUser(command, body), 200);
  }

  /** Calls a command as the user. */
  tryAsUser(command: string, body: unknown): Promise<Answer> {
    return rest("POST", `/rpc/${command}`, { on: this.stack, token: this.userToken, body });
  }

  #unique(name: string): string {
    return `${name} ${crypto.randomUUID().slice(0, 8)}`;
  }

  async #verifiedEdge(): Promise<string> {
    const spec = { kind: "identity" };
    const edge = await this.asUser("create_edge", { name: this.#unique("edge"), spec });
    await this.stack.query(
      `insert into public.edge_verifications (organization_id, edge_version_id) values ($1, $2)`,
      [edge.organization_id, edge.current_version_id],
    );
    await this.stack.query(
      `update public.edge_verifications set verification_status = 'passed', verified_at = now()
       where edge_version_id = $1`,
      [edge.current_version_id],
    );
    return edge.id;
  }
}

/** Kinds of datasets that tests are made of; any other kind is a model's. */
const DATASETS = ["inline", "storage", "table"];

/** What a pipeline has besides its graph: settings and specs go by the names of blocks. */
type PipelineOptions = {
  settings?: Record<string, Record<string, unknown>>;
  specs?: Record<string, { kind: string; [key: string]: unknown }>;
  max_concurrent_steps?: number;
  executor?: "edge" | "dagster";
  dagster_pipeline_config?: Record<string, unknown>;
};

/** What a worker says of an attempt that succeeded. */
export const succeeded = ({ step_id, attempt }: Body, output: unknown = "ok") => ({
  step_id,
  attempt,
  succeeded: true,
  output,
});

/** What a worker says of a part of a long step that is done. */
export const continued = ({ step_id, attempt }: Body, cursor: unknown) => ({
  step_id,
  attempt,
  continued: true,
  cursor,
});

/** What a worker says of an attempt that failed. */
export const failed = ({ step_id, attempt }: Body, retryable: boolean) => ({
  step_id,
  attempt,
  succeeded: false,
  retryable,
  error: { code: "test_failed", message: "It failed" },
});
