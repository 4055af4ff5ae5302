import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { readEvents } from "../harness/events.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  createBlock,
  createPipeline,
  createSmallPipeline,
  runPipeline,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

Deno.test("cancel_run", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const cancel = (id: string) => owner.post(`/pipelines/runs/${id}/cancel`);
  const endless = await createPipeline(owner, [
    await createBlock(owner, { kind: "code", source: "return { $continue: (cursor ?? 0) + 1 };" }),
  ]);
  const { id } = await startRun(owner, endless);

  await t.step("ends a run that would go on", async () => {
    const member = await tenant.user("member");
    const answer = expect(await member.post(`/pipelines/runs/${id}/cancel`), 200);
    assert.ok(["canceling", "canceled"].includes(answer.status), answer.status);
    const run = await waitForRun(owner, id);
    assert.equal(run.status, "canceled");
    assert.equal(run.output, null);
    assert.equal(run.steps[0].status, "canceled");
    const events = (await readEvents(owner, id)).map(({ event }) => event);
    assert.deepEqual(events.filter((event) => event.startsWith("run.cancel")), [
      "run.canceling",
      "run.canceled",
    ]);
    assert.equal(events.at(-1), "run.canceled");
  });

  await t.step("once more changes nothing", async () => {
    const before = (await readEvents(owner, id)).length;
    assert.equal(expect(await cancel(id), 200).status, "canceled");
    assert.equal((await readEvents(owner, id)).length, before);
  });

  await t.step("refuses one that has ended, and one that is not there", async () => {
    const { id } = await runPipeline(owner, await createSmallPipeline(owner), { input: 7 });
    refused(await cancel(id), 409, "run_ended");
    const run = await waitForRun(owner, id);
    assert.deepEqual([run.status, run.output], ["succeeded", 7]);
    refused(await cancel(UNKNOWN), 404, "not_found");
    refused(await cancel("x"), 404, "not_found");
  });

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "POST", path: `/pipelines/runs/${id}/cancel` }),
  );
});
