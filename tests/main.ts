import { type Stack, type StackOptions, startStack } from "../supabase/local/stack.ts";
import { templateSnapshot } from "../supabase/local/template.ts";
import { checkAdvisors } from "./checks/advisors.ts";
import { endAll } from "./checks/command.ts";
import { checkCoverage } from "./checks/coverage.ts";
import { checkFormat, checkLint, checkTypes } from "./checks/deno.ts";
import { runDenoTests } from "./checks/deno_tests.ts";
import { checkDeploy } from "./checks/deploy.ts";
import { checkHouseRules } from "./checks/house_rules.ts";
import { checkImports } from "./checks/imports.ts";
import { checkPgtap } from "./checks/pgtap.ts";
import { checkPlpgsql } from "./checks/plpgsql.ts";
import { checkPush } from "./checks/push.ts";
import { Report } from "./checks/report.ts";
import { SupabaseCli } from "./checks/supabase_cli.ts";
import { checkDatabaseTypes } from "./checks/types.ts";
import { checkVersions } from "./checks/versions.ts";

/** `npm test` runs everything; `npm test -- tests/pipelines/runs_test.ts` those tests alone. */
const selection = Deno.args;
const report = new Report();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => Deno.exit(130));
}
// However this process ends, what it has started ends with it.
for (const end of ["unload", "error", "unhandledrejection"]) addEventListener(end, endAll);
// The demo model answers, whatever the developer has configured, and no worker embeds the registry:
// that is for the tests that are about it.
for (const name of ["OPENAI_API_KEY", "OPENAI_BASE_URL"]) Deno.env.delete(name);
Deno.env.set("EDGELOOM_EMBEDDING_MODEL", "");
// The stack runs its functions in this process: their request log would drown the tests' output.
Deno.env.set("EDGELOOM_LOG", "off");

if (selection.length === 0) await checkSources();
await withStack("stack", { scheduler: true }, testFunctions);
if (selection.length === 0) {
  await using cli = await SupabaseCli.open();
  await withStack("fresh stack", { scheduler: false }, (stack) => checkDatabase(cli, stack));
  await report.run("db push", () => checkPush(cli));
  await report.run("db lint", () => checkPlpgsql(cli));
  await report.run("functions deploy", () => checkDeploy(cli));
}

console.log(`\n${report.summary()}`);
Deno.exit(report.failed > 0 ? 1 : 0);

async function checkSources(): Promise<void> {
  await report.run("deno fmt --check", checkFormat);
  await report.run("deno lint", checkLint);
  await report.run("imports", checkImports);
  await report.run("house rules", checkHouseRules);
  await report.run("versions", checkVersions);
  await report.run("deno check", checkTypes);
}

async function testFunctions(stack: Stack): Promise<void> {
  const coverage = await Deno.makeTempFile({ prefix: "edgeloom_coverage_" });
  try {
    if (selection.length > 0) {
      await report.run("deno test", () => runDenoTests(stack, coverage, selection));
      return;
    }
    await report.run(
      "deno test",
      () => runDenoTests(stack, coverage, ["--ignore=tests/proof", "tests/"]),
    );
    // By itself: it kills and boots workers all the time, and what runs beside it would wait for the processor.
    await report.run("proof", () => runDenoTests(stack, coverage, ["tests/proof/"]));
    await report.run("operations exercised", () => checkCoverage(stack, coverage));
  } finally {
    await Deno.remove(coverage);
  }
}

async function checkDatabase(cli: SupabaseCli, stack: Stack): Promise<void> {
  await report.run("pgTAP", () => checkPgtap(stack));
  await report.run("db advisors", () => checkAdvisors(cli, stack));
  await report.run("gen types", () => checkDatabaseTypes(cli, stack));
}

/** Runs checks against a stack in memory of their own; without it they are not run. */
async function withStack(
  name: string,
  options: StackOptions,
  checks: (stack: Stack) => Promise<void>,
): Promise<void> {
  const started: Stack[] = [];
  await report.run(name, async () => {
    const snapshot = await templateSnapshot();
    const began = performance.now();
    started.push(await startStack({ ...options, snapshot }));
    return { note: `up ${Math.round(performance.now() - began)} ms after the template was there` };
  });
  for (const stack of started) {
    await checks(stack);
    await stack.stop();
  }
}
