import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { type Json, jsonSchema } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";
import { type Claim, type ClaimedStep, claimSchema, type StepResult } from "../claim.ts";
import { Computing } from "../computing.ts";
import { describeFailure, executeStep, readInput } from "../execute_step.ts";
import { storeOutput } from "../outputs.ts";
import { beat, finishSteps, HEARTBEAT_MS } from "../report_results.ts";

/** Steps whose turn has come on Dagster: executed here, or by a container there. */

/** Which step, and by whom it is called: the run here, the block, and the run on Dagster. */
export type Turn = {
  run_id: string;
  block_id: string;
  external_id: string;
  /** The only organization whose runs are known; all, for the service. */
  organization_id?: string;
};

/** How a step stands, as its op is told. */
export const stepStateSchema = z.object({
  step_id: z.uuid(),
  status: z.enum([
    "begun",
    "ready",
    "waiting",
    "running",
    "retrying",
    "succeeded",
    "failed",
    "skipped",
    "canceled",
  ]),
  attempt: z.int(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
  retry_after_seconds: z.number().describe(
    "When to ask again, where there is something to wait for.",
  ),
});

export type StepState = z.infer<typeof stepStateSchema>;

/** One attempt that a container is to make. */
export const taskSchema = z.object({
  step_id: z.uuid(),
  worker_id: z.uuid().describe("With `attempt`, what the result is accepted by."),
  attempt: z.int(),
  name: z.string(),
  input: jsonSchema,
  timeout_seconds: z.int(),
  idempotency_key: z.string().describe("The same for every attempt."),
});

export type Task = z.infer<typeof taskSchema>;

/** What a container made of its task. */
export const resultSchema = z.discriminatedUnion("succeeded", [
  z.strictObject({ succeeded: z.literal(true), output: jsonSchema }),
  z.strictObject({
    succeeded: z.literal(false),
    error: z.strictObject({ code: z.string().max(100), message: z.string().max(10_000) }),
    retryable: z.boolean(),
  }),
]);

export type ContainerResult = z.infer<typeof resultSchema>;

const ownedSchema = stepStateSchema.extend({
  organization_id: z.string(),
  worker_id: z.string().nullable(),
});
const begunSchema = ownedSchema.extend({ claim: claimSchema.optional() });

/** Computing time of one call; the platform allows 2 s. */
const COMPUTING_MS = 1_000;
/** For a container nobody's heart beats, so its lease is as long as a lease may be. */
const CONTAINER_LEASE_SECONDS = 600;

type Work = { step: ClaimedStep; claim: Claim; workerId: string };
type Begun = { state: StepState; work?: Work };

async function begin(database: DatabaseClient, turn: Turn, lease_seconds: number): Promise<Begun> {
  const workerId = crypto.randomUUID();
  const { claim, ...state } = begunSchema.parse(
    await unwrap(
      database.rpc("begin_dagster_step", { ...turn, worker_id: workerId, lease_seconds }),
    ),
  );
  const [step] = claim?.steps ?? [];
  return { state, ...(claim && step ? { work: { step, claim, workerId } } : {}) };
}

/** How the step stands now. @throws {ApiError} `not_found`; `conflict` for a copy of the run */
const readState = async (database: DatabaseClient, turn: Turn) =>
  ownedSchema.parse(await unwrap(database.rpc("begin_dagster_step", turn)));

const show = (state: StepState): StepState => stepStateSchema.parse(state);

/**
 * Executes a step whose turn has come, if it is still to do, and tells how it stands after that. It may
 * be called any number of times, at once too: a step that is in work or done is not begun again.
 */
export async function executeTurn(turn: Turn): Promise<StepState> {
  const database = connect({ kind: "service" });
  const { state, work } = await begin(database, turn, 60);
  if (!work) return show(state);
  const { step, claim, workerId } = work;
  const stop = new AbortController();
  const running = new Map([[step.step_id, stop]]);
  const heartbeat = setInterval(() => {
    beat(database, workerId, running);
    stopIfLost(database, work, stop);
  }, HEARTBEAT_MS);
  try {
    const result = await executeStep(step, claim, new Computing(COMPUTING_MS), stop.signal);
    await finishSteps(database, workerId, [result]);
  } finally {
    clearInterval(heartbeat);
  }
  return show(await readState(database, turn));
}

/** Dagster may end the run, and the step with it, before the heartbeat tells of its cancel. */
function stopIfLost(database: DatabaseClient, { step, workerId }: Work, stop: AbortController) {
  const held = database.from("run_steps").select("id").match({
    id: step.step_id,
    worker_id: workerId,
    status: "running",
  }).maybeSingle();
  unwrap(held)
    .then((found) => found ?? stop.abort())
    .catch((error) => log("error", { step: step.step_id, error: describeError(error) }));
}

/** Claims a step for a container, with its input; without a task where there is nothing to do. */
export async function beginTurn(turn: Turn): Promise<StepState & { task?: Task }> {
  const database = connect({ kind: "service" });
  const { state, work } = await begin(database, turn, CONTAINER_LEASE_SECONDS);
  if (!work) return show(state);
  const { step, claim, workerId } = work;
  const { step_id, attempt, name, timeout_seconds, run_id } = step;
  try {
    const input = await readInput(step, claim, new Computing(COMPUTING_MS).forStep());
    const idempotency_key = `${run_id}:${step_id}`;
    const task = { step_id, attempt, name, timeout_seconds, input, idempotency_key };
    return { ...show(state), task: { ...task, worker_id: workerId } };
  } catch (error) {
    const result = { step_id, attempt, succeeded: false, ...describeFailure(error) } as const;
    await finishSteps(database, workerId, [result]);
    return show(await readState(database, turn));
  }
}

/** Takes a container's result, if its attempt still stands, and tells how the step stands after that. */
export async function finishTurn(
  turn: Turn,
  fence: { worker_id: string; attempt: number },
  result: ContainerResult,
): Promise<StepState> {
  const database = connect({ kind: "service" });
  const state = await readState(database, turn);
  const { step_id, organization_id, status, attempt, worker_id } = state;
  // Nothing is stored for an attempt that no longer stands: its object may be what was accepted.
  if (status !== "running" || attempt !== fence.attempt || worker_id !== fence.worker_id) {
    return show(state);
  }
  const identity = { step_id, attempt };
  const place = { ...identity, organization_id, run_id: turn.run_id, worker_id };
  const outcome: StepResult = result.succeeded
    ? await keep(place, result.output)
    : { ...identity, ...result };
  await finishSteps(database, fence.worker_id, [outcome]);
  return show(await readState(database, turn));
}

async function keep(place: Parameters<typeof storeOutput>[0], output: Json): Promise<StepResult> {
  const identity = { step_id: place.step_id, attempt: place.attempt };
  try {
    return { ...identity, succeeded: true, ...await storeOutput(place, output) };
  } catch (error) {
    return { ...identity, succeeded: false, ...describeFailure(error) };
  }
}
