import { REPOSITORY } from "../../supabase/local/paths.ts";
import { startStack } from "../../supabase/local/stack.ts";
import { Finding, type Outcome } from "./report.ts";
import type { SupabaseCli } from "./supabase_cli.ts";

/** `supabase db push` brings an empty database up to date, and a second one has nothing to do. */
export async function checkPush(cli: SupabaseCli): Promise<Outcome> {
  const migrationsDir = await Deno.makeTempDir({ prefix: "edgeloom_empty_" });
  const stack = await startStack({ migrationsDir, scheduler: false });
  try {
    await cli.onDatabase(stack, "db", "push", "--yes");
    const pushed = await stack.query(
      "select version || '_' || name || '.sql' as file from supabase_migrations.schema_migrations",
    );
    const files = [...Deno.readDirSync(`${REPOSITORY}/supabase/migrations`)]
      .map(({ name }) => name).filter((name) => name.endsWith(".sql"));
    const missing = files.filter((name) => !pushed.some(({ file }) => file === name));
    if (missing.length > 0) throw new Finding(`Not applied: ${missing.join(", ")}`);
    const again = await cli.onDatabase(stack, "db", "push", "--yes");
    if (!again.stdout.includes("up to date")) throw new Finding(again.stdout + again.stderr);
    return { note: `${files.length} migrations` };
  } finally {
    await stack.stop();
    await Deno.remove(migrationsDir, { recursive: true });
  }
}
