import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { ServerEngine } from "../harness/server_pipelines.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between sessions that are truly at once. */
const options = { ignore: !HAS_SERVER };

/** Puts one of two a little ahead, a different one and a different while each time. */
const jostle = <T>(round: number, turn: 0 | 1, work: () => Promise<T>): Promise<T> =>
  round % 2 === turn
    ? work()
    : new Promise<void>((resolve) => setTimeout(resolve, round % 4)).then(work);

const result = ({ step_id, attempt }: Body) => ({ step_id, attempt, succeeded: true, output: 1 });

Deno.test("a cancel and a result that come at once", options, async (t) => {
  await ServerEngine.with(async (engine) => {
    const { server } = engine;
    const id = crypto.randomUUID();
    const run = async (runId: string) => {
      const [row] = await server.sql`
        select r.status, r.output, (select jsonb_object_agg(split_part(s.name, ' ', 1), s.status)
          from public.run_steps s where s.run_id = r.id) as steps,
          (select array_agg(e.event_type order by e.transaction_id, e.sequence) from public.run_events e where e.run_id = r.id) as events
        from public.pipeline_runs r where r.id = ${runId}`;
      return row;
    };
    const outcomes: Record<string, number> = {};

    await t.step("one of them counts, the other does not", async () => {
      const pipeline = await engine.createPipeline(1);
      for (let round = 0; round < 100; round++) {
        const runId = await engine.startRun(pipeline);
        const [step] = await engine.claim(id);
        const [canceled, accepted] = await Promise.all([
          jostle(round, 0, () => engine.cancel(runId)).catch((error) => error.code),
          jostle(round, 1, () => engine.finish(id, [result(step)])),
        ]);
        const { status, output, steps, events } = await run(runId) ?? {};
        outcomes[status] = (outcomes[status] ?? 0) + 1;
        if (status === "succeeded") {
          assert.deepEqual([canceled, accepted, output], ["PT409", [step.step_id], 1]);
          assert.deepEqual(events.slice(-2), ["step.succeeded", "run.succeeded"]);
        } else {
          assert.deepEqual([status, accepted, output, steps], ["canceled", [], null, {
            0: "canceled",
          }]);
          assert.deepEqual(events.slice(-3), ["run.canceling", "step.canceled", "run.canceled"]);
        }
      }
      assert.ok(
        outcomes.succeeded && outcomes.canceled,
        `both came about: ${JSON.stringify(outcomes)}`,
      );
    });

    await t.step(
      "and in the middle of a run, or with a step that would be tried again",
      async () => {
        const pipeline = await engine.createPipeline(2, { arrows: [[0, 1]] });
        for (let round = 0; round < 60; round++) {
          const runId = await engine.startRun(pipeline);
          const [step] = await engine.claim(id);
          const failure = { succeeded: false, retryable: true, error: { code: "x", message: "x" } };
          await Promise.all([
            jostle(round, 0, () => engine.cancel(runId)),
            jostle(round, 1, () =>
              engine.finish(id, [
                round % 3 === 0 ? { ...result(step), ...failure } : result(step),
              ])),
          ]);
          const { status, output, steps } = await run(runId) ?? {};
          assert.deepEqual([status, output, steps?.[1]], ["canceled", null, "canceled"]);
          assert.ok(["succeeded", "canceled"].includes(steps?.[0]), steps?.[0]);
        }
      },
    );

    await t.step("a cancel and a claim: the run ends all the same", async () => {
      const pipeline = await engine.createPipeline(3);
      for (let round = 0; round < 60; round++) {
        const runId = await engine.startRun(pipeline);
        const [, steps] = await Promise.all([
          jostle(round, 0, () => engine.cancel(runId)),
          jostle(round, 1, () => engine.claim(id)),
        ]);
        assert.deepEqual(await engine.finish(id, steps.map(result)), []);
        // What the claim missed at that moment it finds the next time.
        assert.deepEqual(await engine.claim(id), []);
        const { status, steps: ended } = await run(runId) ?? {};
        assert.deepEqual([status, new Set(Object.values(ended))], [
          "canceled",
          new Set(["canceled"]),
        ]);
      }
    });

    await t.step("many runs canceled while many workers are at them", async () => {
      const pipeline = await engine.createPipeline(8, { arrows: [[0, 4], [1, 4], [4, 5], [2, 6]] });
      const runs: string[] = [];
      for (let count = 0; count < 30; count++) runs.push(await engine.startRun(pipeline));
      const canceling = async () => {
        for (const runId of runs) {
          await engine.cancel(runId).catch((error) => assert.equal(error.code, "PT409"));
        }
      };
      await Promise.all([canceling(), canceling(), engine.workOff(6, result)]);
      const [open] = await server.sql`
        select count(*)::int as steps from public.run_steps where status in ('blocked', 'ready', 'running')`;
      assert.equal(open?.steps, 0);
    });
  });
});
