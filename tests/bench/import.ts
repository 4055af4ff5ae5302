import { fileURLToPath } from "node:url";
import { compare } from "./measure.ts";
import { comparisonFigure, type Figure } from "./report.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const FUNCTIONS = here("../../supabase/functions");
const PRELOAD = here("fixtures/exit_at_serve.ts");
const BARE = here("fixtures/bare/index.ts");

/** The import of each function in a fresh process against one that is Hono and zod alone. */
export async function measureImports(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const name of await functionNames()) {
    const file = `${FUNCTIONS}/${name}/index.ts`;
    const comparison = await compare(() => boot(BARE), () => boot(file), { rounds: 5, turns: 4 });
    figures.push(comparisonFigure(`import ${name}`, comparison, 1.5));
  }
  return figures;
}

async function functionNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(FUNCTIONS)) {
    if (isDirectory) names.push(name);
  }
  return names.sort();
}

async function boot(file: string): Promise<void> {
  const args = ["run", "--no-lock", "--allow-all", "--preload", PRELOAD, file];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`${file} failed: ${new TextDecoder().decode(stderr)}`);
}
