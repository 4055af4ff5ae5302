import type { Stack } from "../../supabase/local/stack.ts";
import { run } from "./command.ts";
import type { Outcome } from "./report.ts";

/** The line that ends `deno test`. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/m;

/** The escape sequences of a terminal's colours. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/**
 * Runs `deno test` against a stack, its output streamed.
 * @param selection test files, folders and flags
 * @param coverage the file that collects the operations that were exercised
 */
export async function runDenoTests(
  stack: Stack,
  coverage: string,
  selection: readonly string[],
): Promise<Outcome> {
  // The types are checked before, by a check of their own.
  const args = ["test", "--allow-all", "--parallel", "--no-check", "--no-lock"];
  const { code, stdout } = await run(
    Deno.execPath(),
    [...args, ...selection],
    {
      show: true,
      env: {
        SUPABASE_URL: stack.url,
        SUPABASE_PUBLISHABLE_KEY: stack.publishableKey,
        SUPABASE_SECRET_KEY: stack.secretKey,
        SUPABASE_DB_URL: stack.dbUrl,
        SUPABASE_JWT_SECRET: stack.jwtSecret,
        EDGELOOM_COVERAGE: coverage,
      },
    },
  );
  const [, passed = 0, failed = 0] = SUMMARY.exec(stdout.replaceAll(COLOURS, "")) ?? [];
  // A run that broke outside its tests has failed, whatever it counted.
  return { passed: Number(passed), failed: Math.max(Number(failed), code === 0 ? 0 : 1) };
}
