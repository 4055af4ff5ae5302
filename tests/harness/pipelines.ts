import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { sql } from "./sql.ts";
import type { User } from "./tenant.ts";
import { waitFor } from "./wait.ts";

/** What the tests of pipelines are made of. Everything goes through the API, as a client does it. */

type Spec = { kind: string; [key: string]: unknown };

/** A name that no other test has. */
export const uniqueName = (prefix: string) => `${prefix} ${crypto.randomUUID().slice(0, 8)}`;

const DATASETS = ["inline", "storage", "table", "trigger"];

/** A block of this spec; `http` is a model unless `block_type` says otherwise. */
export async function createBlock(
  user: User,
  spec: Spec = { kind: "inline", rows: [{ n: 1 }, { n: 2 }] },
  fields: { name?: string; block_type?: "dataset" | "model" } = {},
): Promise<Body> {
  const block_type = DATASETS.includes(spec.kind) ? "dataset" : "model";
  const name = uniqueName(spec.kind);
  return expect(await user.post("/pipelines/blocks", { name, block_type, spec, ...fields }), 201);
}

/** An edge whose version has not been verified. */
export async function createEdge(user: User, spec: Spec = { kind: "identity" }): Promise<Body> {
  return expect(await user.post("/pipelines/edges", { name: uniqueName("edge"), spec }), 201);
}

/** Runs the edge's tests; they must pass. */
export async function verify(user: User, edge: Body): Promise<void> {
  const verification = expect(await user.post(`/pipelines/edges/${edge.id}/verifications`), 201);
  if (verification.verification_status !== "passed") {
    throw new Error(verification.verification_logs);
  }
}

/** An edge that may enter runs. */
export async function createVerifiedEdge(user: User, spec?: Spec): Promise<Body> {
  const edge = await createEdge(user, spec);
  await verify(user, edge);
  return edge;
}

/** Arrows of a pipeline, each as `[source, target, edge]`. */
type Arrow = [source: Body, target: Body, edge: Body];

/** The graph as the API takes it. */
export const graphOf = (blocks: Body[], arrows: Arrow[] = []) => ({
  blocks: blocks.map(({ id }) => ({ block_id: id })),
  edges: arrows.map(([source, target, edge]) => ({
    edge_id: edge.id,
    source_block_id: source.id,
    target_block_id: target.id,
  })),
});

export async function createPipeline(
  user: User,
  blocks: Body[] = [],
  arrows: Arrow[] = [],
): Promise<Body> {
  const body = { name: uniqueName("pipeline"), ...graphOf(blocks, arrows) };
  return expect(await user.post("/pipelines", body), 201);
}

/** A pipeline of one block, the least that runs. */
export async function createSmallPipeline(user: User): Promise<Body> {
  return createPipeline(user, [await createBlock(user, { kind: "trigger" })]);
}

export async function startRun(
  user: User,
  pipeline: Body,
  body: { input?: unknown; from?: string } = {},
): Promise<Body> {
  return expect(await user.post(`/pipelines/${pipeline.id}/runs`, body), 202);
}

/** The run, when it has ended, with its steps by name: `run.step["block"]`. */
export function waitForRun(user: User, runId: string): Promise<Body> {
  return waitFor(async () => {
    const run = expect(await user.get(`/pipelines/runs/${runId}`), 200);
    if (!run.finished_at) return undefined;
    const byName = run.steps.map((step: Body) => [step.name, step]);
    return { ...run, step: Object.fromEntries(byName) };
  }, { what: `the end of run ${runId}` });
}

/** Runs a pipeline to its end. */
export async function runPipeline(
  user: User,
  pipeline: Body,
  body?: { input?: unknown; from?: string },
): Promise<Body> {
  const { id } = await startRun(user, pipeline, body);
  return await waitForRun(user, id);
}

/** Runs `source → target` joined by an edge of this spec. */
export async function runPair(user: User, source: Body, edge: Spec, target: Body): Promise<Body> {
  const arrow = await createVerifiedEdge(user, edge);
  return runPipeline(user, await createPipeline(user, [source, target], [[source, target, arrow]]));
}

/** Runs of a pipeline that there are, past RLS. */
export async function countRuns(pipelineId: string): Promise<number> {
  const [row] = await sql`
    select count(*)::int as runs from public.pipeline_runs where pipeline_id = ${pipelineId}`;
  return row?.runs;
}
