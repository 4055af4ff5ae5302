import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { openEvents, readEvents } from "../harness/events.ts";
import { collectPages } from "../harness/pages.ts";
import {
  createBlock,
  createPipeline,
  createVerifiedEdge,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const EXPECTED = [
  "run.queued",
  "run.started",
  "step.started",
  "step.succeeded",
  "step.started",
  "step.succeeded",
  "run.succeeded",
];

async function createChain(user: User) {
  const source = await createBlock(user, { kind: "trigger" });
  const model = await createBlock(user, { kind: "jsonata", expression: "$count(input)" });
  return createPipeline(user, [source, model], [[source, model, await createVerifiedEdge(user)]]);
}

Deno.test("list_run_events", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const run = await startRun(owner, await createChain(owner), { input: [1, 2] });
  await waitForRun(owner, run.id);
  const path = `/pipelines/runs/${run.id}/events`;

  await t.step("a page holds the events in order", async () => {
    const { data, next_cursor } = expect(await owner.get(path), 200);
    assert.deepEqual(data.map(({ event_type }: { event_type: string }) => event_type), EXPECTED);
    assert.equal(next_cursor, null);
    assert.equal(data[2].data.attempt, 1);
    assert.equal(data[2].run_id, run.id);
    assert.equal(data[0].step_id, null);
  });
  await t.step("paging by cursor meets each event once", async () => {
    const pages = await collectPages(owner, `${path}?limit=2`);
    assert.deepEqual(pages.flat().map(({ event_type }) => event_type), EXPECTED);
    assert.equal(new Set(pages.flat().map(({ id }) => id)).size, EXPECTED.length);
  });
  await t.step("a stream of an ended run tells all and ends", async () => {
    const events = await readEvents(owner, run.id);
    assert.deepEqual(events.map(({ event }) => event), EXPECTED);
    const page = expect(await owner.get(path), 200).data;
    assert.deepEqual(events.map(({ data }) => data), page);
    assert.deepEqual(events.map(({ id }) => id), page.map(({ id }: { id: string }) => id));
  });
  await t.step("a stream goes on after Last-Event-ID", async () => {
    const all = await readEvents(owner, run.id);
    const rest = await readEvents(owner, run.id, all[3]?.id);
    assert.deepEqual(rest, all.slice(4));
    assert.deepEqual(await readEvents(owner, run.id, all.at(-1)?.id), []);
  });
  await t.step("refuses bad cursors and unknown runs, also as a stream", async () => {
    const headers = { accept: "text/event-stream" };
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
    refused(await owner.get(`${path}?cursor=99999999999999999999-1`), 400, "invalid_cursor");
    refused(
      await owner.get(path, { headers: { ...headers, "last-event-id": "x" } }),
      400,
      "invalid_cursor",
    );
    refused(await owner.get(`${path}?limit=101`), 422, "validation_failed", ["query.limit"]);
    const unknown = "/pipelines/runs/00000000-0000-4000-8000-000000000000/events";
    refused(await owner.get(unknown), 404, "not_found");
    refused(await owner.get(unknown, { headers }), 404, "not_found");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("a stream that is opened at the start and broken off loses no event", async () => {
  const { owner } = await createTenant();
  const run = await startRun(owner, await createChain(owner), { input: [] });
  const seen: string[] = [];
  let last: string | undefined;
  // Each connection is cut after two events; the next one resumes.
  while (seen.at(-1) !== "run.succeeded") {
    const stream = await openEvents(owner, run.id, last);
    let taken = 0;
    for await (const { id, event } of stream) {
      seen.push(event);
      last = id;
      if (++taken === 2) break;
    }
  }
  assert.deepEqual(seen, EXPECTED);
});
