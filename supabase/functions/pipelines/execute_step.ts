import { publishableKeys, supabaseUrl } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import type { Json } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { mintToken } from "@shared/token.ts";
import { getArtifact, INLINE_BYTES, putArtifact } from "./artifacts.ts";
import type { Claim, ClaimedStep, StepResult } from "./claim.ts";
import { applyEdge } from "./execution/edge.ts";
import { executeBlock } from "./execution/blocks.ts";
import { StepError } from "./execution/step_error.ts";
import { edgeSpecSchema, specSchemaFor } from "./specs.ts";

/** Runs one claimed step to its result. Never throws: what goes wrong is the result. */
export async function executeStep(step: ClaimedStep, claim: Claim): Promise<StepResult> {
  const identity = { step_id: step.step_id, attempt: step.attempt };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut(step.timeout_seconds)), step.timeout_seconds * 1000);
  });
  try {
    const output = await Promise.race([compute(step, claim), timeout]);
    return { ...identity, succeeded: true, ...await store(step, output) };
  } catch (error) {
    return { ...identity, succeeded: false, ...failure(error) };
  } finally {
    clearTimeout(timer);
  }
}

const timedOut = (seconds: number) =>
  new StepError({
    code: "step_timeout",
    message: `The step took longer than ${seconds} s`,
    retryable: true,
  });

async function compute(step: ClaimedStep, claim: Claim): Promise<Json> {
  const { block_type, user_id } = step;
  if (!block_type || step.spec === null) {
    throw new StepError({
      code: "block_deleted",
      message: `Block ${step.name} was deleted after the run started`,
    });
  }
  if (!user_id) {
    throw new StepError({
      code: "user_deleted",
      message: "The user whose rights the run has was removed",
    });
  }
  const spec = specSchemaFor(block_type).safeParse(step.spec);
  if (!spec.success) {
    throw new StepError({
      code: "spec_invalid",
      message: spec.error.issues[0]?.message ?? "The spec is not valid",
    });
  }
  const hasInput = step.incoming.length > 0;
  const runInput = claim.inputs[step.run_id] ?? null;
  return await executeBlock({
    blockType: block_type,
    spec: spec.data,
    input: hasInput ? await gatherInput(step, claim) : runInput,
    hasInput,
    writing: hasInput && block_type === "dataset",
  }, {
    runInput,
    organizationId: step.organization_id,
    seed: step.step_id,
    stepId: step.step_id,
    idempotencyKey: `${step.run_id}:${step.step_id}`,
    api: {
      restUrl: `${supabaseUrl()}/rest/v1`,
      storageUrl: `${supabaseUrl()}/storage/v1`,
      apikey: publishableKeys()[0] ?? "",
      // The step acts as the run's user in the run's organization, and may write its own effect once.
      accessToken: await mintToken(user_id, {
        organization_id: step.organization_id,
        step_id: step.step_id,
      }),
    },
  });
}

/** The one incoming edge's result, or an object keyed by source block name for several. */
async function gatherInput(step: ClaimedStep, claim: Claim): Promise<Json> {
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
    results.push([source_name, await applyEdge(edge.data, output, { seed: step.step_id })]);
  }
  const [first] = results;
  return results.length === 1 && first ? first[1] : Object.fromEntries(results);
}

/** Small outputs go to the step's row; a large one to Storage, leaving its address. */
async function store(
  step: ClaimedStep,
  output: Json,
): Promise<{ output: Json; output_path?: string }> {
  const json = JSON.stringify(output);
  const bytes = json.length > INLINE_BYTES ? json.length : new TextEncoder().encode(json).length;
  if (bytes <= INLINE_BYTES) return { output };
  const path = `${step.organization_id}/${step.run_id}/${step.step_id}-${step.attempt}.json`;
  await putArtifact(path, json);
  return { output: { artifact: { bucket: "artifacts", path, bytes } }, output_path: path };
}

function failure(error: unknown) {
  if (error instanceof StepError) {
    const { code, message, position } = error;
    return {
      error: { code, message, ...(position ? { position } : {}) },
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
