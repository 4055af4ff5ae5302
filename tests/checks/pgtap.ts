import { REPOSITORY } from "../../supabase/local/paths.ts";
import type { Row } from "../../supabase/local/database.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Outcome } from "./report.ts";

/** The folder that `supabase test db` reads, too. */
const FOLDER = `${REPOSITORY}/supabase/tests`;

/** Runs the pgTAP files, each in the transaction that it opens and takes back, and counts. */
export async function checkPgtap(stack: Stack): Promise<Outcome> {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".sql")).sort();
  let [passed, failed] = [0, 0];
  for (const file of files) {
    const result = await runFile(stack, await Deno.readTextFile(`${FOLDER}/${file}`));
    passed += result.passed;
    failed += result.problems.length;
    for (const problem of result.problems) console.log(`  ${file}: ${problem}`);
  }
  return { passed, failed, note: `${files.length} files, ${passed} assertions passed` };
}

async function runFile(stack: Stack, sql: string) {
  try {
    return readTap(await stack.script(sql));
  } catch (error) {
    return { passed: 0, problems: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Reads TAP from the answers of a script's statements: one text column each. */
export function readTap(answers: readonly Row[][]): { passed: number; problems: string[] } {
  const lines = answers.flat()
    .flatMap((row) => Object.values(row))
    .flatMap((value) => typeof value === "string" ? value.split("\n") : []);
  const problems: string[] = [];
  let [planned, run, passed] = [-1, 0, 0];
  for (const line of lines) {
    const [, plan] = /^1\.\.(\d+)$/.exec(line) ?? [];
    if (plan) planned = Number(plan);
    const isTest = /^(not )?ok \d+/.test(line);
    if (isTest) run++;
    if (line.startsWith("ok ")) passed++;
    else if (isTest) problems.push(line);
    // What a failed assertion adds; a comment before the first one belongs to none.
    else if (line.startsWith("#") && problems.length > 0) {
      problems.push(`${problems.pop()}\n    ${line}`);
    }
  }
  if (planned < 0) problems.push("it has no plan");
  else if (planned !== run) problems.push(`it planned ${planned} assertions and ran ${run}`);
  return { passed, problems };
}
