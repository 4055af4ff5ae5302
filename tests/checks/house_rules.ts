import { expectNone, type Outcome } from "./report.ts";
import { readSources, type Source } from "./sources.ts";

/** Written by `npm run types`. */
const GENERATED = "shared/database.types.ts";

const MAX_LINES = { ts: 300, sql: 700 };

/** What silences the compiler; `deno lint` sees to `any` itself. */
const SILENCERS = /\bas any\b|\bas unknown as\b|<any>|@ts-(?:ignore|nocheck)|deno-lint-ignore/;

/** Rules that no tool knows: the length of files, no silenced compiler, no default exports. */
export function checkHouseRules(): Outcome {
  const sources = readSources(["shared", "supabase", "tests"], [".ts", ".sql"])
    .filter(({ path }) => path !== GENERATED);
  expectNone(sources.flatMap((source) => [...tooLong(source), ...badLines(source)]));
  return { note: `${sources.length} files` };
}

function tooLong({ path, text }: Source): string[] {
  const limit = path.endsWith(".sql") ? MAX_LINES.sql : MAX_LINES.ts;
  const lines = text.trimEnd().split("\n").length;
  return lines > limit ? [`${path} has ${lines} lines, ${limit} are the limit`] : [];
}

function badLines({ path, text }: Source): string[] {
  if (!path.endsWith(".ts") || path.startsWith("tests/checks/")) return [];
  return text.split("\n").flatMap((line, index) => {
    const where = `${path}:${index + 1}`;
    if (SILENCERS.test(line)) return [`${where} silences the compiler: ${line.trim()}`];
    const isDeployed = /^(shared|supabase\/functions)\//.test(path);
    return isDeployed && /^export default\b/.test(line) ? [`${where} is a default export`] : [];
  });
}
