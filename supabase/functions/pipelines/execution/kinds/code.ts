import type { Json } from "@shared/json.ts";
import { runSandboxed } from "@shared/sandbox.ts";
import type { BlockContext } from "../context.ts";
import { rethrowAsStepError } from "../step_error.ts";
import type { ModelOf } from "./specs.ts";

/** What the code returns for the input, in the sandbox. */
export function executeCode(
  { source }: ModelOf<"code">,
  input: Json,
  { seed, now }: BlockContext,
): Promise<Json> {
  return runSandboxed(source, input, { seed, now }).catch(rethrowAsStepError);
}
