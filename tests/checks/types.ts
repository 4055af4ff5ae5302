import { REPOSITORY } from "../../supabase/local/paths.ts";
import { type Stack, startStack } from "../../supabase/local/stack.ts";
import { templateSnapshot } from "../../supabase/local/template.ts";
import { Finding } from "./report.ts";
import { SupabaseCli } from "./supabase_cli.ts";

const FILE = `${REPOSITORY}/shared/database.types.ts`;

/** shared/database.types.ts is what `supabase gen types` makes of the migrated database. */
export async function checkDatabaseTypes(cli: SupabaseCli, stack: Stack): Promise<void> {
  if (await generate(cli, stack) === await Deno.readTextFile(FILE)) return;
  throw new Finding("shared/database.types.ts is not what the migrations make: npm run types");
}

async function generate(cli: SupabaseCli, stack: Stack): Promise<string> {
  return (await cli.onDatabase(stack, "gen", "types", "--schema", "public")).stdout;
}

/** `npm run types`: tells whether the file is true, or with --write makes it so. */
async function main(): Promise<void> {
  const stack = await startStack({ snapshot: await templateSnapshot(), scheduler: false });
  try {
    await using cli = await SupabaseCli.open();
    if (!Deno.args.includes("--write")) return await checkDatabaseTypes(cli, stack);
    await Deno.writeTextFile(FILE, await generate(cli, stack));
    console.log("shared/database.types.ts is written.");
  } finally {
    await stack.stop();
  }
}

if (import.meta.main) {
  await main().catch((error) => {
    console.error(error instanceof Finding ? error.message : error);
    Deno.exitCode = 1;
  });
}
