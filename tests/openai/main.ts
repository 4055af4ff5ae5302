import { REPOSITORY } from "../../supabase/local/paths.ts";
import { endAll, run } from "../checks/command.ts";
import { Finding } from "../checks/report.ts";
import { LlmSetting } from "../harness/llm.ts";
import { preparePython } from "../python/environment.ts";
import { issueKeys } from "./keys.ts";
import { misbehave } from "./misbehave.ts";

/** `npm run test:openai`: the official Python client, installed from PyPI, against the wire. */

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => Deno.exit(130));
}
for (const end of ["unload", "error", "unhandledrejection"]) addEventListener(end, endAll);
// The stack runs its functions in this process: their request log would drown what is checked.
Deno.env.set("EDGELOOM_LOG", "off");

try {
  const began = performance.now();
  const requirements = "tests/openai/requirements.txt";
  const programs = await preparePython({ name: "openai", file: requirements, folder: "openai" });
  console.log(`The client is there after ${seconds(began)} s.`);
  let code = 1;
  await LlmSetting.with(async (setting) => {
    setting.upstream.always(misbehave);
    // -B leaves no compiled files beside the sources; -E lets no variable turn assertions off.
    const args = ["-B", "-E", "-u", `${REPOSITORY}/tests/openai/client.py`];
    const result = await run(`${programs}/python`, args, {
      show: true,
      env: {
        EDGELOOM_BASE_URL: `${setting.functions.url}/functions/v1/llm-assistant/v1`,
        ...await issueKeys(setting),
        // A proxy of the machine's has no way to a server on loopback.
        NO_PROXY: "127.0.0.1",
      },
    });
    code = result.code;
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
