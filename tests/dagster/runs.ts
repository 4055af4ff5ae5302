import assert from "node:assert/strict";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import { succeed } from "../checks/command.ts";
import { createBlock, startRun } from "../harness/pipelines.ts";
import { expect } from "../harness/expect.ts";
import { SlowService } from "../harness/slow_service.ts";
import { withSql } from "../harness/sql.ts";
import {
  chain,
  eventsOf,
  IN_PROCESS,
  runToEnd,
  type Scene,
  waitForEnd,
  waitForState,
} from "./scene.ts";

/** Runs while Dagster is well. */

const ROWS = [{ n: 1 }, { n: 2 }];
const SUM = { kind: "jsonata", expression: "$sum(input.n)" };

/** With Dagster's default executor: a process a step. */
export async function succeeds({ owner, dagster }: Scene): Promise<void> {
  const blocks = [await createBlock(owner), await createBlock(owner, SUM)];
  const run = await runToEnd(owner, await chain(owner, blocks, { tags: { team: "data" } }));
  assert.deepEqual([run.status, run.output, run.error], ["succeeded", 3, null]);
  assert.equal(run.executor, "dagster");
  const [theirs, ...more] = await dagster.runsOf(run.id);
  assert.deepEqual(more, []);
  assert.deepEqual([theirs?.runId, theirs?.status], [run.external_id, "SUCCESS"]);
  const events = await eventsOf(owner, run);
  for (
    const type of [
      "run.queued",
      "run.launched",
      "run.started",
      "step.started",
      "step.succeeded",
      "dagster/RUN_START",
      "dagster/STEP_SUCCESS",
      "dagster/RUN_SUCCESS",
    ]
  ) assert.ok(events.includes(type), `${type} is among ${events}`);
  assert.equal(events.at(-1), "run.succeeded");
}

/** Fails at its second step, after one more try by Dagster; the retry goes on from there. */
export async function failsAndGoesOn({ owner, dagster }: Scene): Promise<void> {
  const answers = [
    new Response("busy", { status: 503, headers: { "retry-after": "1" } }),
    new Response("no", { status: 422 }),
  ];
  await SlowService.with(
    () => answers.shift() ?? Response.json({ done: true }),
    async (service) => {
      const [first, second, third] = [
        await createBlock(owner, { kind: "inline", rows: ROWS }),
        await createBlock(owner, { kind: "http", url: service.url }),
        await createBlock(owner, { kind: "jsonata", expression: "input.done" }),
      ];
      const failed = await runToEnd(owner, await chain(owner, [first, second, third]));
      assert.deepEqual(
        [first, second, third].map(({ id }) => failed.step[id].status),
        ["succeeded", "failed", "skipped"],
      );
      assert.deepEqual([failed.status, failed.error.block], ["failed", second.name]);
      assert.equal(failed.step[second.id].attempt, 2);
      const events = await eventsOf(owner, failed);
      for (const type of ["step.retrying", "dagster/STEP_UP_FOR_RETRY", "dagster/RUN_FAILURE"]) {
        assert.ok(events.includes(type), `${type} is among ${events}`);
      }
      const [before] = await dagster.runsOf(failed.id);
      assert.equal(before?.status, "FAILURE");

      const retried = expect(await owner.post(`/pipelines/runs/${failed.id}/retry`), 202);
      const run = await waitForEnd(owner, retried);
      assert.deepEqual([run.status, run.output], ["succeeded", true]);
      assert.equal(run.step[first.id].reused_step_id, failed.step[first.id].id);
      const [theirs] = await dagster.runsOf(run.id);
      assert.deepEqual([theirs?.status, theirs?.parentRunId], ["SUCCESS", failed.external_id]);
      assert.equal(theirs?.stepKeysToExecute.length, 2, "the step that succeeded is not run again");
      assert.equal(service.requests, 3);
    },
  );
}

/** A cancel here is one there, also of a step that is in work. */
export async function cancels({ owner, dagster }: Scene): Promise<void> {
  await SlowService.with(() => undefined, async (service) => {
    const block = await createBlock(owner, { kind: "http", url: service.url });
    const started = await startRun(owner, await chain(owner, [block]));
    await waitForState(owner, started, () => service.waiting === 1, "the step to begin");
    const canceling = expect(await owner.post(`/pipelines/runs/${started.id}/cancel`), 200);
    assert.equal(canceling.status, "canceling");
    const run = await waitForEnd(owner, started);
    assert.deepEqual([run.status, run.step[block.id].status], ["canceled", "canceled"]);
    const [theirs] = await dagster.runsOf(run.id);
    assert.equal(theirs?.status, "CANCELED");
    await waitForState(owner, started, () => service.waiting === 0, "the step to be given up");
  });
}

/** A block that has an image runs in it; what comes after reads what the container wrote. */
export async function runsInContainer({ owner }: Scene): Promise<void> {
  const first = await createBlock(owner);
  const second = await createBlock(owner, { kind: "jsonata", expression: "'not this'" });
  const body = { entity_type: "block", entity_id: second.id, name: "acme/sum" };
  const image = expect(await owner.post("/pipelines/images", body), 201);
  await withSql((sql) =>
    sql`update public.docker_images set build_status = 'success', last_built_at = now() where id = ${image.id}`
  );
  const run = await runToEnd(owner, await chain(owner, [first, second]));
  const { command, ...given } = run.output;
  assert.deepEqual(given, { image: "docker.io/acme/sum:latest", input: ROWS });
  const confined = "--network none --memory 1g --cpus 1 --pids-limit 256 --cap-drop ALL " +
    "--security-opt no-new-privileges -- docker.io/acme/sum:latest";
  assert.ok(command.endsWith(confined), command);
}

/** On the deployment's Dagster, where EDGELOOM_TOKEN opens everything, only if it was told to. */
export async function choosesImages(_scene: Scene, programs: string): Promise<void> {
  const source =
    "import logging, images; print(images.uses_image('acme/sum', logging.getLogger()))";
  const chosen = async (env: Record<string, string>) => {
    const { stdout } = await succeed(`${programs}/python`, ["-c", source], {
      cwd: `${REPOSITORY}/supabase/dagster`,
      env: { PATH: `${REPOSITORY}/tests/dagster/stand_in:${Deno.env.get("PATH")}`, ...env },
    });
    return stdout.trim();
  };
  assert.equal(await chosen({ EDGELOOM_TOKEN: "el_live_x" }), "True");
  assert.equal(await chosen({ EDGELOOM_TOKEN: "sb_secret_x" }), "False");
  assert.equal(await chosen({}), "False");
  assert.equal(await chosen({ EDGELOOM_TOKEN: "sb_secret_x", EDGELOOM_DOCKER: "always" }), "True");
  assert.equal(await chosen({ EDGELOOM_TOKEN: "el_live_x", EDGELOOM_DOCKER: "never" }), "False");
}

/** What someone runs again in Dagster alone does nothing here, and says what to do instead. */
export async function refusesCopies({ owner, dagster, small }: Scene): Promise<void> {
  const run = await runToEnd(owner, small);
  const { launchRunReexecution: copy } = await dagster.ask(
    `mutation ($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
      ... on LaunchRunSuccess { run { runId } } } }`,
    { params: { parentRunId: run.external_id, strategy: "ALL_STEPS" } },
  );
  assert.match(await dagster.failureOf(copy.run.runId), /POST \/pipelines\/runs\/\{id\}\/retry/);
  assert.equal((await waitForEnd(owner, run)).status, "succeeded");
}

/** Dagster's own words about a run config that it does not take. */
export async function refusesConfig({ owner, dagster, small }: Scene): Promise<void> {
  const dagster_pipeline_config = { ...IN_PROCESS, ops: { nobody: { config: 1 } } };
  expect(await owner.patch(`/pipelines/${small.id}`, { dagster_pipeline_config }), 200);
  const run = await runToEnd(owner, small);
  assert.deepEqual([run.status, run.error.code], ["failed", "dagster_config_invalid"]);
  assert.match(run.error.message, /nobody/);
  assert.deepEqual(await dagster.runsOf(run.id), []);
}
