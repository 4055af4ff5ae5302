import { endAll, run } from "../checks/command.ts";
import { Finding } from "../checks/report.ts";
import { preparePython } from "../python/environment.ts";

/** `npm run test:dagster`: what is shown against a real Dagster, installed from PyPI; with words, the cases whose names have them. */

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => Deno.exit(130));
}
for (const end of ["unload", "error", "unhandledrejection"]) addEventListener(end, endAll);

try {
  const began = performance.now();
  const programs = await preparePython({
    name: "Dagster",
    file: "supabase/dagster/requirements.txt",
    folder: "dagster",
  });
  console.log(`Dagster is there after ${seconds(began)} s.`);
  // By its name: `npm test`, which needs no Python, must not find it.
  const args = ["test", "--allow-all", "--no-check", "--no-lock", "tests/dagster/suite.ts"];
  const { code } = await run(Deno.execPath(), args, {
    show: true,
    env: {
      EDGELOOM_DAGSTER_PROGRAMS: programs,
      EDGELOOM_DAGSTER_CASES: Deno.args.join(" "),
      EDGELOOM_ALLOW_PRIVATE_NETWORK: "1",
      EDGELOOM_LOG: "off",
    },
  });
  console.log(`All took ${seconds(began)} s.`);
  Deno.exit(code);
} catch (error) {
  if (!(error instanceof Finding)) throw error;
  console.error(error.message);
  Deno.exit(1);
}

function seconds(began: number): number {
  return Math.round((performance.now() - began) / 1000);
}
