import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { createPipeline, createVerifiedEdge, startRun } from "../harness/pipelines.ts";
import type { User } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";
import type { Dagster } from "./dagster.ts";
import type { Proxy } from "./proxy.ts";

/** What each case works with. Edgeloom reaches Dagster through the proxy. */
export type Scene = {
  dagster: Dagster;
  proxy: Proxy;
  owner: User;
  /** A pipeline of one block. Its job is loaded once: each new job costs seconds. */
  small: Body;
};

/** All steps in one process, because each process costs seconds of its own. */
export const IN_PROCESS = { execution: { config: { in_process: {} } } };

/** A pipeline of these blocks, one after the other, that runs on Dagster. */
export async function chain(
  owner: User,
  blocks: Body[],
  dagster_pipeline_config: unknown = IN_PROCESS,
): Promise<Body> {
  const edge = await createVerifiedEdge(owner);
  const arrows = blocks.slice(1).map((target, index): [Body, Body, Body] => {
    const source = blocks[index];
    assert.ok(source);
    return [source, target, edge];
  });
  const pipeline = await createPipeline(owner, blocks, arrows);
  const changes = { executor: "dagster", dagster_pipeline_config };
  return expect(await owner.patch(`/pipelines/${pipeline.id}`, changes), 200);
}

/** The run with its steps by block id, once a condition holds of it. */
export function waitForState(
  owner: User,
  { id }: Body,
  condition: (run: Body) => boolean | undefined,
  what: string,
): Promise<Body> {
  return waitFor(async () => {
    const run = expect(await owner.get(`/pipelines/runs/${id}`), 200);
    const step = Object.fromEntries(run.steps.map((step: Body) => [step.block_id, step]));
    return condition({ ...run, step }) && { ...run, step };
  }, { timeout: 90_000, what });
}

export const waitForEnd = (owner: User, run: Body) =>
  waitForState(owner, run, ({ finished_at }) => finished_at !== null, `the end of run ${run.id}`);

export async function runToEnd(owner: User, pipeline: Body, body?: Body): Promise<Body> {
  return await waitForEnd(owner, await startRun(owner, pipeline, body));
}

/** Types of the run's events, and with `dagster/` those that Dagster noted. */
export async function eventsOf(owner: User, { id }: Body): Promise<string[]> {
  const { data } = expect(await owner.get(`/pipelines/runs/${id}/events?limit=100`), 200);
  return data.map(({ event_type, data }: Body) =>
    data.source === "dagster" ? `dagster/${data.event}` : event_type
  );
}
