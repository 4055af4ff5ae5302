import type { Outcome } from "./report.ts";
import { Finding } from "./report.ts";
import { startStack } from "../../supabase/local/stack.ts";
import type { SupabaseCli } from "./supabase_cli.ts";
import { remote } from "./supabase_cli.ts";

/**
 * `supabase db lint` reads the bodies of all functions. It needs the extension plpgsql_check, which
 * PGlite lacks: EDGELOOM_TEST_DB names an empty database of a real server that has it.
 */
export async function checkPlpgsql(cli: SupabaseCli): Promise<Outcome> {
  const db = Deno.env.get("EDGELOOM_TEST_DB");
  if (!db) return { passed: 0, note: "skipped: EDGELOOM_TEST_DB names no real server" };
  const stack = await startStack({ db, scheduler: false });
  try {
    const schemas = ["--schema", "public,private"];
    const args = ["db", "lint", ...schemas, "--level", "warning", "--fail-on", "warning"];
    const { code, stdout, stderr } = await cli.run([...args, remote(stack)]);
    if (code === 0) return {};
    if (!stderr.includes("is not available")) throw new Finding(stdout + stderr);
    return { passed: 0, note: "skipped: the server has no plpgsql_check" };
  } finally {
    await stack.stop();
  }
}
