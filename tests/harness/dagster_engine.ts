import { claimedRunSchema } from "../../supabase/functions/pipelines/dagster/claim.ts";
import type { Answer, Body } from "./answer.ts";
import type { Engine } from "./engine.ts";
import { expect } from "./expect.ts";

/** The commands of the executor for Dagster, on a test's own engine. */
export class DagsterEngine {
  constructor(readonly engine: Engine) {}

  static async connected(engine: Engine): Promise<DagsterEngine> {
    const access = { url: "http://dagster.test", location: "edgeloom", repository: "r" };
    expect(await engine.call("connect_dagster", access), 200);
    return new DagsterEngine(engine);
  }

  /** A run of this graph on Dagster. */
  start(...[names, arrows = [], options = {}]: Parameters<Engine["start"]>): Promise<string> {
    return this.engine.start(names, arrows, { executor: "dagster", ...options });
  }

  /** The runs whose turn it is. */
  async claim(): Promise<Body[]> {
    const answer = await this.engine.call("claim_dagster_runs", { max_runs: 10 });
    return claimedRunSchema.array().parse(expect(answer, 200));
  }

  /** Makes it every run's turn, and takes them. */
  async claimNow(): Promise<Body[]> {
    await this.engine.stack.query(
      "update public.dagster_runs set next_poll_at = now() - interval '1 s'",
    );
    return await this.claim();
  }

  async record({ run_id, poll }: Body, report: unknown): Promise<Body> {
    return expect(await this.engine.call("record_dagster_run", { run_id, poll, report }), 200);
  }

  /** Brings a run onto Dagster as this run of it. */
  async launch(run_id: string, external_id: string): Promise<void> {
    const claimed = (await this.claimNow()).find((run) => run.run_id === run_id);
    await this.record(claimed ?? {}, { launching: true });
    await this.record(claimed ?? {}, { external_id });
  }

  /** What Dagster's end of a run brings. */
  async end(run_id: string, report: Body): Promise<void> {
    const claimed = (await this.claimNow()).find((run) => run.run_id === run_id);
    await this.record(claimed ?? {}, report);
  }

  /** As an op at its turn; `worker_id` null only asks. */
  async tryBegin(run_id: string, name: string, call: Body): Promise<Answer> {
    const { step } = await this.engine.run(run_id);
    const { block_id } = step[name];
    return await this.engine.call("begin_dagster_step", { run_id, block_id, ...call });
  }

  async begin(run_id: string, name: string, external_id = "theirs"): Promise<Body> {
    const worker_id = crypto.randomUUID();
    const state = expect(await this.tryBegin(run_id, name, { external_id, worker_id }), 200);
    return { ...state, worker_id };
  }

  /** Begins a step and ends it with this result. */
  async finish(
    run_id: string,
    name: string,
    result: (step: Body) => Body,
  ): Promise<Body> {
    const { claim, worker_id } = await this.begin(run_id, name);
    await this.engine.finish(worker_id, [result(claim.steps[0])]);
    return expect(await this.tryBegin(run_id, name, { external_id: "theirs" }), 200);
  }
}
