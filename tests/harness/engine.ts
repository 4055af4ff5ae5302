import assert from "node:assert/strict";
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

  /** Starts a run of `names` joined by `arrows` (pairs of names); returns its id. */
  async start(names: string[], arrows: [string, string][] = []): Promise<string> {
    const blocks = new Map<string, string>();
    const spec = { kind: "inline", rows: [] };
    for (const name of names) {
      const model = { kind: "jsonata", expression: "input" };
      const isTarget = arrows.some(([, target]) => target === name);
      const block = isTarget
        ? { name: this.#unique(name), block_type: "model", spec: model }
        : { name: this.#unique(name), block_type: "dataset", spec };
      blocks.set(name, (await this.#asUser("create_block", block)).id);
    }
    const edge = await this.#asUser("create_edge", {
      name: this.#unique("edge"),
      spec: { kind: "identity" },
    });
    await this.stack.query(
      `insert into public.edge_verifications (organization_id, edge_version_id) values ($1, $2)`,
      [edge.organization_id, edge.current_version_id],
    );
    await this.stack.query(
      `update public.edge_verifications set verification_status = 'passed', verified_at = now()
       where edge_version_id = $1`,
      [edge.current_version_id],
    );
    const pipeline = await this.#asUser("create_pipeline", {
      name: this.#unique("pipeline"),
      blocks: [...blocks.values()].map((block_id) => ({ block_id })),
      edges: arrows.map(([source, target]) => ({
        edge_id: edge.id,
        source_block_id: blocks.get(source),
        target_block_id: blocks.get(target),
      })),
    });
    return (await this.#asUser("start_run", { pipeline_id: pipeline.id })).id;
  }

  /** A worker that claims up to `max_steps`. */
  async claim(worker_id: string, max_steps = 10): Promise<Body[]> {
    return expect(await this.call("claim_steps", { worker_id, max_steps }), 200).steps;
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

  #unique(name: string): string {
    return `${name} ${crypto.randomUUID().slice(0, 8)}`;
  }

  async #asUser(command: string, body: unknown): Promise<Body> {
    const options = { on: this.stack, token: this.userToken, body };
    return expect(await rest("POST", `/rpc/${command}`, options), 200);
  }
}

/** What a worker says of an attempt that succeeded. */
export const succeeded = ({ step_id, attempt }: Body, output: unknown = "ok") => ({
  step_id,
  attempt,
  succeeded: true,
  output,
});

/** What a worker says of an attempt that failed. */
export const failed = ({ step_id, attempt }: Body, retryable: boolean) => ({
  step_id,
  attempt,
  succeeded: false,
  retryable,
  error: { code: "test_failed", message: "It failed" },
});
