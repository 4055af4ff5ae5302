import assert from "node:assert/strict";
import { DagsterSilence, graphqlUrl } from "../../supabase/functions/pipelines/dagster/api.ts";
import type { ClaimedRun, Report } from "../../supabase/functions/pipelines/dagster/claim.ts";
import { launch, wordsOf } from "../../supabase/functions/pipelines/dagster/launch.ts";
import { toFault } from "../../supabase/functions/pipelines/dagster/look.ts";
import { DAGSTER_RUN as RUN } from "../harness/dagster_run.ts";
import { GraphqlService } from "../harness/graphql_service.ts";

const LAUNCHED = { __typename: "LaunchRunSuccess", run: { runId: "theirs" } };
const JOB = { __typename: "Pipeline" };
const NO_JOB = { __typename: "PipelineNotFoundError" };
const RELOADED = {
  __typename: "WorkspaceLocationEntry",
  locationOrLoadError: { __typename: "RepositoryLocation" },
};
const found = (...runIds: string[]) => ({
  __typename: "Runs",
  results: runIds.map((runId, creationTime) => ({ runId, status: "QUEUED", creationTime })),
});

/** More than anyone may answer with. */
const endless = () =>
  new ReadableStream({ pull: (body) => body.enqueue(new Uint8Array(1024 * 1024).fill(32)) });

/** A launch against these answers: the report, what was stored before it, and what was asked. */
function tryLaunch(
  answers: Record<string, unknown>,
  changes: Partial<ClaimedRun> = {},
  /** Whether the claim stands at each record; at those after them as well. */
  standing: boolean[] = [],
) {
  return GraphqlService.with(answers, async (service) => {
    const at = { url: service.url, location: "edgeloom", repository: "r", isTenants: false };
    const stored: Report[] = [];
    const record = (report: Report) => {
      stored.push(report);
      return Promise.resolve(standing[stored.length - 1] ?? true);
    };
    const config = { tags: { team: "data", "edgeloom/run_id": "forged" }, ops: {} };
    const report = await launch({ ...RUN, ...changes }, config, at, record);
    return { report, stored, asked: service.asked, variables: service.variables };
  });
}

Deno.test("launching a run on Dagster", async (t) => {
  await t.step("is stored before it is sent, and carries our tag", async () => {
    const { report, stored, variables } = await tryLaunch({
      pipelineOrError: JOB,
      launchRun: LAUNCHED,
    });
    assert.deepEqual(stored, [{ launching: true }]);
    assert.deepEqual(report, { external_id: "theirs", next_poll_seconds: 0 });
    assert.deepEqual(variables.params, {
      selector: {
        pipelineName: "pipeline_1",
        repositoryName: "r",
        repositoryLocationName: "edgeloom",
      },
      runConfigData: { ops: {} },
      executionMetadata: {
        tags: [{ key: "team", value: "data" }, { key: "edgeloom/run_id", value: "ours" }],
      },
    });
  });
  await t.step("is not sent by who lost the claim", async () => {
    const answers = { pipelineOrError: JOB, launchRun: LAUNCHED };
    const lost = await tryLaunch(answers, {}, [false]);
    assert.deepEqual([lost.report, lost.asked], [{}, ["pipelineOrError"]]);
  });
  await t.step("is looked for by its tag before it is sent again", async () => {
    const again = { launches: 1, seconds_since_launch: 2 };
    const one = await tryLaunch({ runsOrError: found("theirs") }, again);
    assert.deepEqual(one.report, { external_id: "theirs", next_poll_seconds: 0 });
    const none = await tryLaunch({ runsOrError: found() }, again);
    assert.deepEqual(none.report, { next_poll_seconds: 3 }, "it may be on its way");
    const answers = { runsOrError: found(), pipelineOrError: JOB, launchRun: LAUNCHED };
    const late = await tryLaunch(answers, { launches: 1, seconds_since_launch: 60 });
    assert.deepEqual(late.asked, ["runsOrError", "pipelineOrError", "launchRun"]);
    const end = await tryLaunch({ runsOrError: found() }, {
      launches: 5,
      seconds_since_launch: 60,
    });
    assert.ok("outcome" in end.report && end.report.outcome === "failed");
  });
  await t.step("of several runs with its tag the first goes on, the others are ended", async () => {
    const terminateRun = { __typename: "TerminateRunSuccess" };
    const { report, asked, variables } = await tryLaunch(
      { runsOrError: found("first", "second"), terminateRun },
      { launches: 1, seconds_since_launch: 1 },
    );
    assert.ok("external_id" in report && report.external_id === "first");
    assert.deepEqual(asked, ["runsOrError", "terminateRun"]);
    assert.equal(variables.id, "second");
  });
  await t.step("reloads a code location that lacks the job", async () => {
    const jobs = [NO_JOB, JOB];
    const { asked } = await tryLaunch({
      pipelineOrError: () => jobs.shift(),
      reloadRepositoryLocation: RELOADED,
      launchRun: LAUNCHED,
    });
    assert.deepEqual(asked, [
      "pipelineOrError",
      "reloadRepositoryLocation",
      "pipelineOrError",
      "launchRun",
    ]);
  });
  await t.step(
    "waits for a person where the location does not load, or lacks the job",
    async () => {
      const cases: [unknown, string, RegExp][] = [
        [RELOADED, "dagster_job_missing", /EDGELOOM_TOKEN/],
        [
          {
            __typename: "WorkspaceLocationEntry",
            locationOrLoadError: { __typename: "PythonError", message: "SyntaxError: x" },
          },
          "dagster_location_failed",
          /^The code location of the deployment's Dagster does not load: PythonError$/,
        ],
        [
          { __typename: "RepositoryLocationNotFound", message: "Location edgeloom does not exist" },
          "dagster_location_failed",
          /does not load: RepositoryLocationNotFound$/,
        ],
      ];
      for (const [reloadRepositoryLocation, code, message] of cases) {
        const { report, stored } = await tryLaunch({
          pipelineOrError: NO_JOB,
          reloadRepositoryLocation,
        });
        assert.ok("waiting" in report);
        assert.equal(report.waiting.code, code);
        assert.match(report.waiting.message, message);
        assert.deepEqual(stored, [], "nothing was sent");
      }
    },
  );
  await t.step("fails by a run config that is refused", async () => {
    const { report } = await tryLaunch({
      pipelineOrError: JOB,
      launchRun: { __typename: "RunConfigValidationInvalid", errors: [{ message: "ops.x" }] },
    });
    assert.deepEqual(report, {
      outcome: "failed",
      error: {
        code: "dagster_config_invalid",
        message: "Dagster refuses the run config: ops.x",
      },
    });
  });
  await t.step("may have come about in spite of an error: it waits, and looks", async () => {
    const { report } = await tryLaunch({
      pipelineOrError: JOB,
      launchRun: { __typename: "PythonError", message: "disk full" },
    });
    assert.ok("waiting" in report);
    assert.equal(report.waiting.message, "Dagster did not launch the run: PythonError");
  });
  await t.step("tells what ails Dagster to those whose it is", () => {
    const error = { __typename: "PythonError", message: "disk full at /srv" };
    assert.equal(wordsOf(error, { isTenants: true }), error.message);
    assert.equal(wordsOf(error, { isTenants: false }), "PythonError");
    const silence = new DagsterSilence("dagster_unreachable", "10.0.0.1 is down", "It is down");
    assert.equal(toFault(RUN, silence).message, "It is down");
    const own = { ...RUN, config: { url: "https://dagster.example.com" } };
    assert.equal(toFault(own, silence).message, "10.0.0.1 is down");
  });
  await t.step("is given up when all of it takes too long", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const give = new AbortController();
    const never = () => {
      give.abort();
      return promise;
    };
    await GraphqlService.with({ pipelineOrError: never }, async ({ url }) => {
      const { signal } = give;
      const at = { url, location: "l", repository: "r", isTenants: false, signal };
      const record = () => Promise.resolve(true);
      const began = performance.now();
      const given = assert.rejects(
        launch(RUN, {}, at, record),
        (error) => error instanceof DagsterSilence && error.code === "dagster_unreachable",
      );
      await given.finally(resolve);
      assert.ok(performance.now() - began < 10_000, "before the request's own time is up");
    });
  });
  await t.step("goes on from the run that failed, or else names the steps itself", async () => {
    const changes = { parent_external_id: "before", ops: ["op_b"] };
    const on = await tryLaunch({ pipelineOrError: JOB, launchRunReexecution: LAUNCHED }, changes);
    assert.deepEqual(on.variables.params, {
      parentRunId: "before",
      strategy: "FROM_FAILURE",
      extraTags: [{ key: "team", value: "data" }, { key: "edgeloom/run_id", value: "ours" }],
      useParentRunTags: true,
    });
    const answers = {
      pipelineOrError: JOB,
      launchRunReexecution: { __typename: "PythonError", message: "Could not find parent run" },
      runsOrError: found(),
      launchRun: LAUNCHED,
    };
    const { asked, variables, stored } = await tryLaunch(answers, changes);
    assert.deepEqual(asked.slice(1), ["launchRunReexecution", "runsOrError", "launchRun"]);
    assert.match(JSON.stringify(variables), /"stepKeys":\["op_b"\]/);
    const launching = { launching: true };
    assert.deepEqual(stored, [launching, launching], "the second one is a launch of its own");
    const lost = await tryLaunch(answers, changes, [true, false]);
    assert.deepEqual([lost.report, lost.asked.includes("launchRun")], [{}, false]);
  });
  await t.step("meets no answer, or another one than Dagster's", async () => {
    const strange: [unknown, DagsterSilence["code"]][] = [
      [new Response("<html>", { status: 200 }), "dagster_answer_invalid"],
      [new Response("not here", { status: 404 }), "dagster_answer_invalid"],
      [new Response("down", { status: 502 }), "dagster_unreachable"],
      [Response.json({ data: { pipelineOrError: 1 } }), "dagster_answer_invalid"],
      [new Response(endless()), "dagster_answer_invalid"],
      [undefined, "dagster_answer_invalid"],
    ];
    for (const [pipelineOrError, code] of strange) {
      await assert.rejects(
        tryLaunch({ pipelineOrError }),
        (error) => error instanceof DagsterSilence && error.code === code,
      );
    }
    const gone = await GraphqlService.with({}, ({ url }) => Promise.resolve(url));
    const at = { url: gone, location: "l", repository: "r", isTenants: false };
    const record = () => Promise.resolve(true);
    await assert.rejects(
      launch(RUN, {}, at, record),
      (error) => error instanceof DagsterSilence && error.code === "dagster_unreachable",
    );
    await assert.rejects(
      launch(RUN, {}, { ...at, isTenants: true }, record),
      (error) => error instanceof DagsterSilence && error.code === "dagster_address_refused",
      "a tenant's address must be public",
    );
  });
  await t.step("knows the API by the webserver's address, whatever its path", () => {
    assert.equal(graphqlUrl("https://d.example/prod/"), "https://d.example/prod/graphql");
    assert.equal(graphqlUrl("https://d.example/graphql"), "https://d.example/graphql");
  });
});
