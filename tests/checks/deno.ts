import { REPOSITORY } from "../../supabase/local/paths.ts";
import { run, succeed } from "./command.ts";
import { expectNone, Finding } from "./report.ts";

/** `deno fmt --check` of everything that Deno formats. */
export async function checkFormat(): Promise<void> {
  const { code, stdout, stderr } = await run(Deno.execPath(), ["fmt", "--check"]);
  if (code === 0) return;
  const names = [...stderr.matchAll(/^from (.+):$/gm)].map(([, path = ""]) => path);
  expectNone(
    names.map((path) => `${path.replace(`${REPOSITORY}/`, "")} is not formatted: npm run fmt`),
  );
  throw new Finding(stdout + stderr);
}

/** `deno lint` of everything. */
export async function checkLint(): Promise<void> {
  await succeed(Deno.execPath(), ["lint", "--quiet"]);
}

/** Strict types of everything. No lock file: package-lock.json already says which versions. */
export async function checkTypes(): Promise<void> {
  const folders = ["shared", "supabase/functions", "supabase/local", "tests"];
  await succeed(Deno.execPath(), ["check", "--no-lock", "--quiet", ...folders]);
}
