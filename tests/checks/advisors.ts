import { z } from "zod";
import type { Stack } from "../../supabase/local/stack.ts";
import { expectNone } from "./report.ts";
import type { SupabaseCli } from "./supabase_cli.ts";

const adviceSchema = z.array(z.object({
  name: z.string(),
  level: z.enum(["INFO", "WARN", "ERROR"]),
  detail: z.string(),
}));

/** Supabase's own lints: nothing from WARN on, and no foreign key without an index. */
export async function checkAdvisors(cli: SupabaseCli, stack: Stack): Promise<void> {
  const { stdout } = await cli.onDatabase(stack, "db", "advisors", "--level", "info");
  // It says so in words, not as an empty list, when there is nothing at all.
  const advice = stdout.trim().startsWith("[") ? adviceSchema.parse(JSON.parse(stdout)) : [];
  expectNone(
    advice.filter(({ name, level }) => level !== "INFO" || name === "unindexed_foreign_keys")
      .map(({ name, level, detail }) => `${level} ${name}: ${detail}`),
  );
}
