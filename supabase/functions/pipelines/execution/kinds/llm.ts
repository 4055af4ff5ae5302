import { StepError } from "../step_error.ts";
import type { ModelOf } from "./specs.ts";

/**
 * Blocks that call a model provider fail: a pipeline has no provider to call.
 *
 * @throws {StepError} `provider_not_configured`
 */
export function refuseWithoutProvider(spec: ModelOf<"llm"> | ModelOf<"embedding">): never {
  throw new StepError({
    code: "provider_not_configured",
    message: `the model ${spec.model} can't be called: no model provider is configured`,
  });
}
