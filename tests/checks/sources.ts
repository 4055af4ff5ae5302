import { dirname, resolve } from "node:path";
import { REPOSITORY } from "../../supabase/local/paths.ts";

/** A source file. Paths are relative to the repository. */
export type Source = { path: string; text: string };

const SKIPPED = new Set(["node_modules", ".temp", ".git", ".branches"]);

/** All files below some folders whose names end with one of `extensions`, in order. */
export function readSources(folders: readonly string[], extensions: readonly string[]): Source[] {
  return folders.flatMap((folder) => [...walk(folder)])
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .sort()
    .map((path) => ({ path, text: Deno.readTextFileSync(`${REPOSITORY}/${path}`) }));
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${REPOSITORY}/${folder}`)) {
    if (SKIPPED.has(name)) continue;
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

const STATEMENT = /^\s*(?:import|export)\b(?:[^"';]*?\bfrom)?\s*["']([^"']+)["']/gm;
const EXPRESSION = /\bimport\(\s*["']([^"']+)["']/g;

/** What a file imports: paths of this repository, and bare names as they stand. */
export function importsOf({ path, text }: Source): string[] {
  const found = [...text.matchAll(STATEMENT), ...text.matchAll(EXPRESSION)];
  return [...new Set(found.map(([, specifier = ""]) => toPath(specifier, path)))];
}

function toPath(specifier: string, importer: string): string {
  if (specifier.startsWith("@shared/")) return specifier.replace("@shared/", "shared/");
  if (!specifier.startsWith(".")) return specifier;
  return resolve("/", dirname(importer), specifier).slice(1);
}
