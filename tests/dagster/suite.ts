import assert from "node:assert/strict";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import { endAll } from "../checks/command.ts";
import { call } from "../harness/client.ts";
import { expect } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";
import { Dagster } from "./dagster.ts";
import {
  findsLostLaunch,
  noticesLostRun,
  refusesOtherAddress,
  waitsForDagster,
} from "./outages.ts";
import { Proxy } from "./proxy.ts";
import {
  cancels,
  choosesImages,
  failsAndGoesOn,
  refusesConfig,
  refusesCopies,
  runsInContainer,
  succeeds,
} from "./runs.ts";
import { chain, type Scene } from "./scene.ts";

/** Against a real Dagster: `npm run test:dagster`. */

const programs = Deno.env.get("EDGELOOM_DAGSTER_PROGRAMS");
assert.ok(programs, "Run this by npm run test:dagster");
for (const end of ["unload", "error", "unhandledrejection"]) addEventListener(end, endAll);

const cases: [name: string, run: (scene: Scene) => Promise<void>][] = [
  ["a run succeeds, and its events and steps arrive here", succeeds],
  ["a run fails, and its retry resumes from the failure", failsAndGoesOn],
  ["a cancel stops the run", cancels],
  ["a block's image is used", runsInContainer],
  ["an image of whoever is not run unasked", (scene) => choosesImages(scene, programs)],
  ["a launch whose answer was lost is found by its tag, not repeated", findsLostLaunch],
  ["while Dagster is down the run waits and says so, then goes on", waitsForDagster],
  ["a run that Dagster has lost fails", noticesLostRun],
  ["a copy made at Dagster does nothing here", refusesCopies],
  ["a run config that Dagster refuses fails the run", refusesConfig],
  ["an address that is no Dagster's is refused", refusesOtherAddress],
];

Deno.test({
  name: "runs on Dagster",
  // Dagster and the stack outlive each step, and PGlite sets an exit code.
  sanitizeOps: false,
  sanitizeResources: false,
  sanitizeExit: false,
  async fn(t) {
    const dagster = await Dagster.start(programs, {
      EDGELOOM_URL: stack.url,
      EDGELOOM_TOKEN: stack.secretKey,
      EDGELOOM_DOCKER: "always",
      PATH: `${REPOSITORY}/tests/dagster/stand_in:${Deno.env.get("PATH")}`,
    });
    const proxy = await Proxy.start(dagster.url);
    try {
      const { owner } = await createTenant();
      const body = { url: proxy.url };
      expect(await call("PUT", "/pipelines/dagster", { apikey: stack.secretKey, body }), 200);
      const small = await chain(owner, [await createBlock(owner)]);
      const wanted = Deno.env.get("EDGELOOM_DAGSTER_CASES") ?? "";
      for (const [name, run] of cases.filter(([name]) => name.includes(wanted))) {
        await t.step({
          name,
          sanitizeOps: false,
          sanitizeResources: false,
          sanitizeExit: false,
          fn: () => run({ dagster, proxy, owner, small }),
        });
      }
    } finally {
      await proxy.stop();
      await dagster.stop();
    }
  },
});
