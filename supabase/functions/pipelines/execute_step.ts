import { publishableKeys, supabaseUrl } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { isJsonObject, type Json, storableText } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { mintToken } from "@shared/token.ts";
import { getArtifact } from "./artifacts.ts";
import type { Claim, ClaimedStep, StepResult } from "./claim.ts";
import { BudgetSpent, type Compute, type Computing } from "./computing.ts";
import { applyEdge } from "./execution/edge.ts";
import { executeBlock } from "./execution/blocks.ts";
import { Continuation } from "./execution/continuation.ts";
import { StepError } from "./execution/step_error.ts";
import { checkCursor, storeOutput } from "./outputs.ts";
import { edgeSpecSchema } from "./specs.ts";

/**
 * Runs one claimed step to its result. Never throws: what goes wrong is the result.
 *
 * @param canceled when its run is: the step is given up at once, whatever it waits for
 */
export async function executeStep(
  step: ClaimedStep,
  claim: Claim,
  computing: Computing,
  canceled: AbortSignal,
): Promise<StepResult> {
  const identity = { step_id: step.step_id, attempt: step.attempt };
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const abort = new AbortController();
  const giveUp = (error: StepError) => {
    reject(error);
    abort.abort();
  };
  const timer = setTimeout(
    () => giveUp(timedOut(step.timeout_seconds)),
    step.timeout_seconds * 1000,
  );
  canceled.addEventListener("abort", () => giveUp(runCanceled()), { once: true });
  try {
    const work = execute(step, claim, computing.forStep(), abort.signal);
    return { ...identity, ...await conclude(step, Promise.race([work, interrupted])) };
  } catch (error) {
    if (error instanceof BudgetSpent) return { ...identity, released: true };
    return { ...identity, succeeded: false, ...describeFailure(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps what the step came to: its output, or the cursor that it goes on from. */
async function conclude(step: ClaimedStep, work: Promise<Json>) {
  try {
    return { succeeded: true, ...await storeOutput(step, await work) } as const;
  } catch (error) {
    if (!(error instanceof Continuation)) throw error;
    return { continued: true, cursor: checkCursor(error.cursor) } as const;
  }
}

const timedOut = (seconds: number) =>
  new StepError({
    code: "step_timeout",
    message: `The step took longer than ${seconds} s`,
    retryable: true,
  });

const runCanceled = () => new StepError({ code: "run_canceled", message: "The run was canceled" });

/** Kinds of blocks that call the project's own API. */
const projectKinds: readonly unknown[] = ["storage", "table"];

/** The step acts as the run's user in the run's organization, and may write its own effect once. */
const stepToken = ({ organization_id, step_id }: ClaimedStep, userId: string) =>
  mintToken(userId, { organization_id, step_id });

/** Kinds of blocks that keep the processor busy rather than wait. */
const computingKinds: readonly unknown[] = ["code", "jsonata"];

async function execute(
  step: ClaimedStep,
  claim: Claim,
  compute: Compute,
  signal: AbortSignal,
): Promise<Json> {
  const { block_type, spec, has_input } = step;
  if (!block_type || !isJsonObject(spec)) {
    throw new StepError({
      code: "block_deleted",
      message: `Block ${step.name} was deleted after the run started`,
    });
  }
  const user_id = requireUser(step);
  const runInput = claim.inputs[step.run_id] ?? null;
  const input = await readInput(step, claim, compute);
  const block = {
    blockType: block_type,
    spec,
    input,
    hasInput: has_input || block_type === "model",
    writing: has_input && block_type === "dataset",
  };
  const context = {
    runInput,
    organizationId: step.organization_id,
    seed: step.step_id,
    now: step.started_at_ms,
    userId: user_id,
    apiKeyId: step.api_key_id ?? undefined,
    runId: step.run_id,
    stepId: step.step_id,
    cursor: step.cursor,
    signal,
    idempotencyKey: `${step.run_id}:${step.step_id}`,
    api: {
      restUrl: `${supabaseUrl()}/rest/v1`,
      storageUrl: `${supabaseUrl()}/storage/v1`,
      apikey: publishableKeys()[0] ?? "",
      accessToken: projectKinds.includes(spec.kind) ? await stepToken(step, user_id) : "",
    },
  };
  const work = () => executeBlock(block, context);
  return await (computingKinds.includes(spec.kind) ? compute(work) : work());
}

function requireUser({ user_id }: ClaimedStep): string {
  if (user_id) return user_id;
  throw new StepError({
    code: "user_deleted",
    message: "The user whose rights the run has was removed",
  });
}

/**
 * What a step works on: the run's input, where no edge leads to it.
 *
 * @throws {StepError} also where nobody's rights are left to act with
 */
export async function readInput(step: ClaimedStep, claim: Claim, compute: Compute): Promise<Json> {
  requireUser(step);
  if (step.incoming.length > 0) return await gatherInput(step, claim, compute);
  return claim.inputs[step.run_id] ?? null;
}

/** The one incoming edge's result, or an object keyed by source block name for several. */
async function gatherInput(
  step: ClaimedStep,
  claim: Claim,
  compute: Compute,
): Promise<Json> {
  const results: [string, Json][] = [];
  for (const { source_step_id, source_name, spec } of step.incoming) {
    const edge = edgeSpecSchema.safeParse(spec);
    if (!edge.success) {
      throw new StepError({
        code: "spec_invalid",
        message: `The edge from ${source_name} has no valid spec`,
      });
    }
    const source = claim.outputs[source_step_id];
    const output = source?.output_path
      ? await getArtifact(source.output_path)
      : source?.output ?? null;
    const context = { seed: step.step_id, now: step.started_at_ms };
    results.push([source_name, await compute(() => applyEdge(edge.data, output, context))]);
  }
  const [first] = results;
  return results.length === 1 && first ? first[1] : Object.fromEntries(results);
}

/** What a failed step is reported with. */
export function describeFailure(error: unknown) {
  if (error instanceof StepError) {
    const { code, message, position } = error;
    return {
      // It may quote what the author's code made.
      error: { code, message: storableText(message), ...(position ? { position } : {}) },
      retryable: error.retryable,
      retry_after_seconds: error.retryAfterSeconds,
    };
  }
  // The configuration's faults may be told; any other is ours, and its text stays in the log.
  const known = error instanceof ApiError;
  if (!known) log("error", { step: "execute", error: describeError(error) });
  return {
    error: known
      ? { code: error.code, message: error.message }
      : { code: "internal_error", message: "Something went wrong on our side" },
    retryable: !known || error.status >= 500,
  };
}
