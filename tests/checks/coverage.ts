import { z } from "zod";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import { expectNone, Finding, type Outcome } from "./report.ts";

const documentSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string() }))),
});

/**
 * Every operation of every function has answered a test with success.
 * @param file operationIds, one a line, written by the tests' client
 */
export async function checkCoverage(stack: Stack, file: string): Promise<Outcome> {
  const exercised = new Set((await Deno.readTextFile(file).catch(() => "")).split("\n"));
  const known = await operations(stack);
  const named = Map.groupBy(known, ({ id }) => id);
  expectNone([
    ...known.filter(({ id }) => !exercised.has(id))
      .map(({ id, where }) => `No test has succeeded with ${id} (${where})`),
    ...[...named.values()].filter((same) => same.length > 1)
      .map((same) => `One operationId for ${same.map(({ where }) => where).join(" and ")}`),
  ]);
  return { note: `${known.length} operations` };
}

async function operations(stack: Stack): Promise<{ id: string; where: string }[]> {
  const domains = [...Deno.readDirSync(`${REPOSITORY}/supabase/functions`)]
    .filter(({ isDirectory, name }) => isDirectory && !/^[._]/.test(name));
  const documents = await Promise.all(domains.map(async ({ name }) => {
    const answer = await fetch(`${stack.url}/functions/v1/${name}/openapi.json`);
    const body = await answer.text();
    if (answer.status === 200) return documentSchema.parse(JSON.parse(body));
    throw new Finding(`GET /${name}/openapi.json answers ${answer.status}: ${body}`);
  }));
  return documents.flatMap(({ paths }) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => ({
        id: operationId,
        where: `${method.toUpperCase()} ${path}`,
      }))
    )
  );
}
