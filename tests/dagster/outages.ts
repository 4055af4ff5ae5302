import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, startRun } from "../harness/pipelines.ts";
import { SlowService } from "../harness/slow_service.ts";
import { stack } from "../harness/stack.ts";
import {
  chain,
  eventsOf,
  IN_PROCESS,
  runToEnd,
  type Scene,
  waitForEnd,
  waitForState,
} from "./scene.ts";

/** Runs while Dagster, or the line to it, is not well. */

/** The reply to a launch is lost: the run is found by its tag, and is the only one. */
export async function findsLostLaunch({ owner, dagster, proxy, small }: Scene): Promise<void> {
  const launches = proxy.count("launchRun");
  proxy.fate = (body) => body.includes("launchRun(") ? "lose" : "pass";
  try {
    const run = await runToEnd(owner, small);
    assert.equal(run.status, "succeeded");
    const theirs = await dagster.runsOf(run.id);
    assert.deepEqual(theirs.map(({ runId }) => runId), [run.external_id]);
    assert.equal(proxy.count("launchRun"), launches + 1, "it was launched once");
  } finally {
    proxy.fate = () => "pass";
  }
}

/** Dagster's webserver is killed: the run waits and says so, and goes on with the next one. */
export async function waitsForDagster({ owner, dagster, small }: Scene): Promise<void> {
  await dagster.down();
  const started = await startRun(owner, small);
  const waiting = await waitForState(
    owner,
    started,
    ({ error }) => error !== null,
    "the run to wait",
  );
  assert.deepEqual([waiting.status, waiting.error.code], ["queued", "dagster_unreachable"]);
  assert.match(waiting.error.message, /can't be reached/);
  await dagster.up();
  const run = await waitForEnd(owner, started);
  assert.deepEqual([run.status, run.error], ["succeeded", null]);
  const events = await eventsOf(owner, run);
  assert.equal(events.filter((type) => type === "run.waiting").length, 1);
  assert.ok(events.indexOf("run.resumed") > events.indexOf("run.waiting"));
}

/** The run is deleted at Dagster while it is followed. */
export async function noticesLostRun({ owner, dagster }: Scene): Promise<void> {
  await SlowService.with(() => undefined, async (service) => {
    const block = await createBlock(owner, { kind: "http", url: service.url });
    const started = await startRun(owner, await chain(owner, [block]));
    await waitForState(owner, started, () => service.waiting === 1, "the step to begin");
    const [theirs] = await dagster.runsOf(started.id);
    await dagster.ask(`mutation ($id: String!) { deleteRun(runId: $id) { __typename } }`, {
      id: theirs?.runId,
    });
    const run = await waitForEnd(owner, started);
    assert.deepEqual([run.status, run.error.code], ["failed", "dagster_run_lost"]);
  });
}

/** An address where something else answers is not stored. */
export async function refusesOtherAddress({ owner, proxy, small }: Scene): Promise<void> {
  const apikey = stack.secretKey;
  await SlowService.with(() => new Response("<html>hello</html>"), async ({ url }) => {
    const put = await call("PUT", "/pipelines/dagster", { apikey, body: { url } });
    refused(put, 422, "validation_failed", ["url"]);
    assert.match(put.body.detail, /does not answer as Dagster/);
    assert.equal(expect(await call("GET", "/pipelines/dagster", { apikey }), 200).url, proxy.url);

    const before = expect(await owner.get(`/pipelines/${small.id}`), 200);
    const config = { ...IN_PROCESS, url };
    const patch = await owner.patch(`/pipelines/${small.id}`, {
      dagster_pipeline_config: config,
    });
    refused(patch, 422, "validation_failed", ["dagster_pipeline_config.url"]);
    const kept = expect(await owner.get(`/pipelines/${small.id}`), 200);
    assert.deepEqual(kept, before);
  });
}
