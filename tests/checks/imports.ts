import { z } from "zod";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import { expectNone, type Outcome } from "./report.ts";
import { importsOf, readSources, type Source } from "./sources.ts";

type Graph = ReadonlyMap<string, readonly string[]>;

const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()) });

/** Who imports whom in this repository: see `importProblems`. */
export function checkImports(): Outcome {
  const sources = readSources(["shared", "supabase", "tests"], [".ts", ".mjs"]);
  const { dependencies } = packageSchema.parse(
    JSON.parse(Deno.readTextFileSync(`${REPOSITORY}/package.json`)),
  );
  expectNone(importProblems(sources, new Set(Object.keys(dependencies))));
  return { note: `${sources.length} files` };
}

/**
 * A domain imports `shared/` and itself, `shared/` no domain, nobody `supabase/local` but tests, and
 * what is deployed only packages that are deployed. No circles.
 * @param deployed the packages that functions may import
 */
export function importProblems(
  sources: readonly Source[],
  deployed: ReadonlySet<string>,
): string[] {
  const graph = new Map(sources.map((source) => [source.path, importsOf(source)]));
  return [
    ...[...graph].flatMap(([path, imported]) =>
      imported.flatMap((target) => {
        const reason = refusal(path, target, graph, deployed);
        return reason ? [`${path} imports ${target}: ${reason}`] : [];
      })
    ),
    ...circles(graph).map((circle) => `Circle of imports: ${circle.join(" → ")}`),
  ];
}

function refusal(
  path: string,
  target: string,
  graph: Graph,
  deployed: ReadonlySet<string>,
): string | null {
  const [from, to] = [areaOf(path), areaOf(target)];
  const isDeployed = from === "shared" || from.startsWith("supabase/functions/");
  if (to === "package") {
    if (/^(npm|jsr|https?):/.test(target)) return "deno.json names packages and their versions";
    const isFree = !isDeployed || target.startsWith("node:") || deployed.has(packageOf(target));
    return isFree ? null : "it is not among the dependencies that are deployed";
  }
  if (/\.(ts|mjs)$/.test(target) && !graph.has(target)) return "there is no such file";
  if (isDeployed && to !== from && to !== "shared") return `${from} may import shared and itself`;
  if (to === "supabase/local" && from !== "tests" && from !== to) return "it is for tests alone";
  return null;
}

/** The domain, or the folder that a rule is about. */
function areaOf(path: string): string {
  const [area] = /^(supabase\/functions\/[^/]+|supabase\/local|shared|tests|supabase)(?=\/)/
    .exec(path) ?? ["package"];
  return area;
}

function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Each circle once, found depth first. */
function circles(graph: Graph): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]) => {
    const start = above.indexOf(path);
    if (start >= 0) found.push([...above.slice(start), path]);
    if (start >= 0 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...above, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
