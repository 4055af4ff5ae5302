import { isJsonObject, type Json } from "@shared/json.ts";
import { runSandboxed } from "@shared/sandbox.ts";
import type { BlockContext } from "../context.ts";
import { Continuation } from "../continuation.ts";
import { rethrowAsStepError } from "../step_error.ts";
import type { ModelOf } from "./specs.ts";

/**
 * What the code returns for the input, in the sandbox. Work that takes longer than one invocation
 * returns `{"$continue": cursor}`, and is called again with that `cursor`.
 *
 * @throws {Continuation}
 */
export async function executeCode(
  { source }: ModelOf<"code">,
  input: Json,
  { seed, now, cursor }: BlockContext,
): Promise<Json> {
  const output = await runSandboxed(source, input, { seed, now, cursor }).catch(rethrowAsStepError);
  if (isJsonObject(output) && "$continue" in output && Object.keys(output).length === 1) {
    throw new Continuation(output.$continue ?? null);
  }
  return output;
}
