import { type Stack, type StackOptions, startStack } from "../../supabase/local/stack.ts";
import { templateSnapshot } from "../../supabase/local/template.ts";

/** A stack in memory, in this process: for tests that need a database to themselves. */
export async function startOwnStack(options: StackOptions = {}): Promise<Stack> {
  return startStack({ ...options, snapshot: await templateSnapshot() });
}
