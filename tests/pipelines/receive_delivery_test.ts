import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createPipeline,
  createSmallPipeline,
  waitForRun,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import { createTrigger, deliver, githubHeaders, standardHeaders } from "../harness/webhooks.ts";

const BODY = JSON.stringify({ event: "rain", mm: 4.2 });
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

Deno.test("receive_delivery, Standard Webhooks", async (t) => {
  const { owner } = await createTenant();
  const pipeline = await createSmallPipeline(owner);
  const trigger = await createTrigger(owner, pipeline);

  const startsNothing = (name: string, headers: Record<string, string>, body = BODY) =>
    t.step(name, async () => {
      refused(await deliver(trigger, body, headers), 401, "invalid_signature");
      assert.equal(await countRuns(pipeline.id), 0);
    });
  const signed = standardHeaders(trigger, BODY);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(signed).filter(([header]) => header !== name));
  await startsNothing("refuses a body that was changed", signed, BODY.replace("4.2", "4.3"));
  await startsNothing("refuses no signature at all", {});
  await startsNothing("refuses a missing id", without("webhook-id"));
  await startsNothing("refuses a missing timestamp", without("webhook-timestamp"));
  await startsNothing("refuses a missing signature", without("webhook-signature"));
  await startsNothing("refuses another id", { ...signed, "webhook-id": "msg_other" });
  await startsNothing(
    "refuses a timestamp of 6 minutes ago",
    standardHeaders(trigger, BODY, { at: minutesAgo(6) }),
  );
  await startsNothing(
    "refuses a timestamp 6 minutes ahead",
    standardHeaders(trigger, BODY, { at: minutesAgo(-6) }),
  );
  const other = { secret: `whsec_${btoa("another secret of a sender")}` };
  await startsNothing("refuses another secret", standardHeaders(other, BODY));
  await startsNothing("refuses GitHub's way", githubHeaders(trigger, BODY));

  await t.step("starts a run with the body as its input", async () => {
    const at = minutesAgo(4);
    const run = expect(await deliver(trigger, BODY, standardHeaders(trigger, BODY, { at })), 202);
    assert.equal(run.trigger, "webhook");
    assert.equal(run.trigger_id, trigger.id);
    assert.equal(run.created_by, owner.id, "it acts as the one who made the trigger");
    assert.ok(!("definition" in run) && !("input" in run), "the sender sees no data");
    const ended = await waitForRun(owner, run.id);
    assert.deepEqual(ended.output, { event: "rain", mm: 4.2 });
  });

  await t.step("a delivery sent again gets its first run", async () => {
    const headers = standardHeaders(trigger, BODY);
    const before = await countRuns(pipeline.id);
    const first = expect(await deliver(trigger, BODY, headers), 202);
    assert.equal(expect(await deliver(trigger, BODY, headers), 202).id, first.id);
    assert.equal(await countRuns(pipeline.id), before + 1);
  });

  await t.step("fifty copies at once start one run", async () => {
    const headers = standardHeaders(trigger, BODY);
    const before = await countRuns(pipeline.id);
    const send = () => deliver(trigger, BODY, headers);
    const answers = await Promise.all(Array.from({ length: 50 }, send));
    assert.equal(new Set(answers.map((answer) => expect(answer, 202).id)).size, 1);
    assert.equal(await countRuns(pipeline.id), before + 1);
  });

  await t.step("a signed body that is no JSON is refused as such", async () => {
    for (const body of ["rain", "", "{"]) {
      refused(await deliver(trigger, body, standardHeaders(trigger, body)), 400, "invalid_json");
    }
  });
});

Deno.test("receive_delivery, GitHub and none", async (t) => {
  const { owner } = await createTenant();

  await t.step("takes what GitHub signed, a delivery once", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createTrigger(owner, pipeline, "github");
    const headers = githubHeaders(trigger, BODY);
    refused(await deliver(trigger, `${BODY} `, headers), 401, "invalid_signature");
    refused(await deliver(trigger, BODY), 401, "invalid_signature");
    const malformed = { ...headers, "x-hub-signature-256": "sha256=abc" };
    refused(await deliver(trigger, BODY, malformed), 401, "invalid_signature");
    const { "x-github-delivery": _, ...anonymous } = headers;
    refused(await deliver(trigger, BODY, anonymous), 401, "invalid_signature");
    assert.equal(await countRuns(pipeline.id), 0);
    const run = expect(await deliver(trigger, BODY, headers), 202);
    assert.equal(expect(await deliver(trigger, BODY, headers), 202).id, run.id);
    assert.equal((await waitForRun(owner, run.id)).output.mm, 4.2);
  });

  await t.step("takes GitHub's form, and its ping without a run", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createTrigger(owner, pipeline, "github");
    const send = (body: string, more: Record<string, string>) =>
      deliver(trigger, body, { ...githubHeaders(trigger, body), ...more });
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams({ payload: '{"zen": "a+b & ☂"}' }).toString();
    const unsigned = { ...form, "x-github-event": "ping", "x-hub-signature-256": "" };
    refused(await send(body, unsigned), 401, "invalid_signature");
    for (const more of [form, {}]) {
      assert.deepEqual(expect(await send(body, { ...more, "x-github-event": "ping" }), 200), {
        pong: true,
      });
    }
    refused(await send("a=b", form), 400, "invalid_json");
    refused(await send(body, {}), 400, "invalid_json");
    assert.equal(await countRuns(pipeline.id), 0);
    const run = expect(await send(body, { ...form, "x-github-event": "push" }), 202);
    assert.equal((await waitForRun(owner, run.id)).output.zen, "a+b & ☂");
  });

  await t.step("takes what anyone sends where nothing is to be proved", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createTrigger(owner, pipeline, "none");
    const first = expect(await deliver(trigger, BODY), 202);
    assert.notEqual(expect(await deliver(trigger, BODY), 202).id, first.id);
    const named = { "idempotency-key": "once" };
    const run = expect(await deliver(trigger, BODY, named), 202);
    assert.equal(expect(await deliver(trigger, BODY, named), 202).id, run.id);
  });
});

Deno.test("receive_delivery refuses", async (t) => {
  const { owner } = await createTenant();
  const pipeline = await createSmallPipeline(owner);
  const trigger = await createTrigger(owner, pipeline, "none");

  await t.step("unknown triggers", async () => {
    const unknown = { id: "00000000-0000-4000-8000-000000000000" };
    refused(await deliver(unknown, BODY), 404, "not_found");
    refused(await deliver({ id: "x" }, BODY), 404, "not_found");
    refused(await deliver(pipeline, BODY), 404, "not_found");
  });
  await t.step("a bad credential, though it needs none", async () => {
    const path = `/pipelines/hooks/${trigger.id}`;
    refused(await call("POST", path, { token: "garbage", rawBody: BODY }), 401, "invalid_token");
  });
  await t.step("bodies over the limit", async () => {
    refused(await deliver(trigger, JSON.stringify("x".repeat(2 ** 20))), 413, "body_too_large");
  });
  await t.step("a delivery whose run was deleted", async () => {
    const headers = { "webhook-id": "msg_deleted" };
    const run = expect(await deliver(trigger, BODY, headers), 202);
    await waitForRun(owner, run.id);
    await sql`delete from public.pipeline_runs where id = ${run.id}`;
    refused(await deliver(trigger, BODY, headers), 409, "conflict");
  });
  await t.step("long delivery ids", async () => {
    const answer = await deliver(trigger, BODY, { "webhook-id": "i".repeat(256) });
    assert.ok(answer.status >= 400 && answer.status < 500);
  });
  await t.step("a pipeline that can't run, and takes the delivery when it can", async () => {
    const headers = { "webhook-id": "msg_1" };
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { status: "draft" }), 200);
    refused(await deliver(trigger, BODY, headers), 409, "pipeline_not_active");
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { status: "active" }), 200);
    expect(await deliver(trigger, BODY, headers), 202);
    const empty = await createTrigger(owner, await createPipeline(owner), "none");
    refused(await deliver(empty, BODY), 409, "pipeline_empty");
  });
});
