import { z } from "zod";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import { expectNone } from "./report.ts";

const versionsSchema = z.record(z.string(), z.string());
const packageSchema = z.object({ dependencies: versionsSchema, devDependencies: versionsSchema });
const denoSchema = z.looseObject({ imports: versionsSchema });

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** package.json is the one place that holds versions: exact ones, and deno.json says the same. */
export function checkVersions(): void {
  const { dependencies, devDependencies } = packageSchema.parse(read("package.json"));
  const deno = denoSchema.parse(read("deno.json"));
  const wanted = { ...dependencies, ...devDependencies };
  expectNone([
    ...Object.entries(wanted).filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `package.json: ${name} has no exact version, but ${version}`),
    ...Object.entries(deno.imports).filter(([name]) => name !== "@shared/").flatMap(
      ([name, specifier]) => {
        const [, found, version] = /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)/.exec(specifier) ?? [];
        if (!found || !version) return [`deno.json: ${name} is no npm package: ${specifier}`];
        return wanted[found] === version
          ? []
          : [`deno.json has ${found} ${version}, package.json ${wanted[found] ?? "does not"}`];
      },
    ),
    // With it Deno would manage node_modules itself, and the functions' upload would carry it.
    ..."nodeModulesDir" in deno ? ["deno.json: remove nodeModulesDir"] : [],
  ]);
}

function read(name: string): unknown {
  return JSON.parse(Deno.readTextFileSync(`${REPOSITORY}/${name}`));
}
