import assert from "node:assert/strict";
import { DagsterSilence } from "../../supabase/functions/pipelines/dagster/api.ts";
import type { ClaimedRun } from "../../supabase/functions/pipelines/dagster/claim.ts";
import { follow } from "../../supabase/functions/pipelines/dagster/follow.ts";
import { DAGSTER_RUN as RUN } from "../harness/dagster_run.ts";
import { GraphqlService } from "../harness/graphql_service.ts";

const event = (eventType: string | null, fields: Record<string, unknown> = {}) => ({
  __typename: "Event",
  message: "said",
  timestamp: "1700000000000",
  level: "DEBUG",
  stepKey: null,
  eventType,
  ...fields,
});

const logOf = (events: unknown[], hasMore = false) => ({
  __typename: "EventConnection",
  cursor: "9",
  hasMore,
  events,
});

function tryFollow(answers: Record<string, unknown>, changes: Partial<ClaimedRun> = {}) {
  return GraphqlService.with(answers, async (service) => {
    const at = { url: service.url, location: "edgeloom", repository: "r", isTenants: false };
    const report = await follow({ ...RUN, ...changes }, at, "theirs");
    return { report, asked: service.asked, variables: service.variables };
  });
}

Deno.test("following a run's log on Dagster", async (t) => {
  const run = (status: string, runId = "ours") => ({
    __typename: "Run",
    status,
    tags: [{ key: "team", value: runId }, { key: "edgeloom/run_id", value: runId }],
  });

  await t.step("keeps transitions, what ops log and what is serious, in order", async () => {
    const { report } = await tryFollow({
      runOrError: run("STARTED"),
      logsForRun: logOf([
        event("RUN_START"),
        event("ENGINE_EVENT"),
        event("ENGINE_EVENT", { level: "ERROR", message: "NUL \0" }),
        event(null, { level: "INFO", stepKey: "op_a" }),
        event(null, { level: "DEBUG" }),
        event("RUN_ENQUEUED", { message: "" }),
      ]),
    });
    assert.ok("events" in report);
    const at = "2023-11-14T22:13:20.000Z";
    const data = { source: "dagster", at, level: "DEBUG" };
    assert.deepEqual(report.events, [
      { op: null, message: "said", data: { ...data, event: "RUN_START" } },
      { op: null, message: "NUL ␀", data: { ...data, event: "ENGINE_EVENT", level: "ERROR" } },
      { op: "op_a", message: "said", data: { ...data, event: "LOG", level: "INFO" } },
      { op: null, message: "RUN_ENQUEUED", data: { ...data, event: "RUN_ENQUEUED" } },
    ]);
    assert.deepEqual([report.cursor, report.dagster_status], ["9", "STARTED"]);
  });
  await t.step("maps each end, and says why steps are left", async () => {
    const failure = event("STEP_FAILURE", {
      stepKey: "op_a",
      error: { message: "outer", causes: [{ message: "inner" }] },
    });
    const last = event("RUN_FAILURE", { error: { message: "the run's" } });
    const cases: [string, unknown[], Partial<Record<string, unknown>>][] = [
      ["SUCCESS", [], { outcome: "succeeded" }],
      ["CANCELED", [], { outcome: "canceled" }],
      ["FAILURE", [failure, last], {
        outcome: "failed",
        failures: [{ op: "op_a", message: "Dagster gave the op up: inner" }],
        error: { code: "dagster_run_failed", message: "the run's" },
      }],
    ];
    for (const [status, events, expected] of cases) {
      const { report } = await tryFollow({ runOrError: run(status), logsForRun: logOf(events) });
      for (const [name, value] of Object.entries(expected)) {
        assert.deepEqual(Object.entries(report).find(([key]) => key === name)?.[1], value, name);
      }
    }
  });
  await t.step("does not end before a long log is taken over", async () => {
    const { report, asked } = await tryFollow({
      runOrError: run("SUCCESS"),
      logsForRun: ({ after }: Record<string, unknown>) => ({
        ...logOf([event("RUN_START")], true),
        cursor: `${after}+`,
      }),
    });
    assert.ok(!("outcome" in report) && "next_poll_seconds" in report);
    assert.equal(report.next_poll_seconds, 1);
    assert.equal(asked.filter((field) => field === "logsForRun").length, 5);
  });
  await t.step(
    "takes no more of a page than was asked for, nor the same page for ever",
    async () => {
      const { report, asked } = await tryFollow({
        runOrError: run("SUCCESS"),
        logsForRun: logOf(Array(5000).fill(event("RUN_START")), true),
      }, { cursor: "9" });
      assert.ok("events" in report && "outcome" in report);
      assert.equal(report.events?.length, 200);
      assert.equal(asked.filter((field) => field === "logsForRun").length, 1);
    },
  );
  await t.step("a run that is gone has failed, or was canceled", async () => {
    const answers = { runOrError: { __typename: "RunNotFoundError", message: "no run" } };
    const { report } = await tryFollow(answers);
    assert.ok("outcome" in report && report.error?.code === "dagster_run_lost");
    const canceling = await tryFollow(answers, { is_canceling: true });
    assert.ok("outcome" in canceling.report && canceling.report.outcome === "canceled");
  });
  await t.step("another's run is none: neither its log is read nor its end asked for", async () => {
    const answers = { runOrError: run("STARTED", "another") };
    for (const is_canceling of [false, true]) {
      const { report, asked } = await tryFollow(answers, { is_canceling });
      assert.ok("outcome" in report && report.error?.code === "dagster_run_lost");
      assert.deepEqual(asked, ["runOrError"]);
    }
    const untagged = { runOrError: { ...run("STARTED"), tags: [] } };
    assert.deepEqual((await tryFollow(untagged)).asked, ["runOrError"]);
  });
  await t.step("an error of Dagster's is no answer about the run", async () => {
    const runOrError = { __typename: "PythonError", message: "disk full" };
    await assert.rejects(
      tryFollow({ runOrError }),
      (error) => error instanceof DagsterSilence && error.code === "dagster_answer_invalid",
    );
  });
  await t.step("asks for the end of a canceled run, in the end with force", async () => {
    const answers = {
      runOrError: run("STARTED"),
      logsForRun: logOf([]),
      terminateRun: { __typename: "TerminateRunFailure", message: "no process" },
    };
    const first = await tryFollow(answers, { is_canceling: true });
    assert.equal(first.variables.policy, "SAFE_TERMINATE");
    assert.ok("terminated" in first.report);
    const soon = await tryFollow(answers, { is_canceling: true, seconds_since_termination: 5 });
    assert.ok(!soon.asked.includes("terminateRun"));
    const late = await tryFollow(answers, { is_canceling: true, seconds_since_termination: 61 });
    assert.equal(late.variables.policy, "MARK_AS_CANCELED_IMMEDIATELY");
  });
});
