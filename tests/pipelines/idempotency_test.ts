import assert from "node:assert/strict";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createBlock,
  createPipeline,
  createSmallPipeline,
} from "../harness/pipelines.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

/** Starts a run with an Idempotency-Key. */
const start = (user: User, pipeline: { id: string }, key: string, body: unknown = {}) =>
  user.post(`/pipelines/${pipeline.id}/runs`, body, { headers: { "idempotency-key": key } });

Deno.test("Idempotency-Key", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("the same key and body gets the first answer again", async () => {
    const pipeline = await createSmallPipeline(owner);
    const first = await start(owner, pipeline, "k1", { input: 1 });
    const again = await start(owner, pipeline, "k1", { input: 1 });
    assert.deepEqual(expect(again, 202), expect(first, 202));
    assert.equal(first.headers.get("idempotent-replayed"), null);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    assert.equal(await countRuns(pipeline.id), 1);
  });

  await t.step("an answer of several MiB is kept, too", async () => {
    const rows = [Array.from({ length: 20_000 }, () => crypto.randomUUID()).join("")];
    const blocks = [];
    for (let count = 0; count < 6; count++) {
      blocks.push(await createBlock(owner, { kind: "inline", rows }));
    }
    const pipeline = await createPipeline(owner, blocks);
    const { id } = expect(await start(owner, pipeline, "large"), 202);
    assert.equal(expect(await start(owner, pipeline, "large"), 202).id, id);
    assert.equal(await countRuns(pipeline.id), 1);
  });

  await t.step("another body is refused", async () => {
    const pipeline = await createSmallPipeline(owner);
    expect(await start(owner, pipeline, "k2", { input: 1 }), 202);
    refused(await start(owner, pipeline, "k2", { input: 2 }), 422, "idempotency_key_reused");
    assert.equal(await countRuns(pipeline.id), 1);
  });

  await t.step("ten requests at once start exactly one run", async () => {
    const pipeline = await createSmallPipeline(owner);
    const send = () => start(owner, pipeline, "k3", { input: 3 });
    const answers = await Promise.all(Array.from({ length: 10 }, send));
    for (const answer of answers) {
      if (answer.status !== 202) refused(answer, 409, "request_in_flight");
    }
    const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.id));
    assert.equal(ids.size, 1);
    assert.equal(await countRuns(pipeline.id), 1);
    const replayed = await waitFor(async () => {
      const answer = await send();
      return answer.status === 202 && answer;
    });
    assert.ok(ids.has(replayed.body.id));
  });

  await t.step("a refused request leaves the key free", async () => {
    const pipeline = await createSmallPipeline(owner);
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { status: "draft" }), 200);
    refused(await start(owner, pipeline, "k4"), 409, "pipeline_not_active");
    expect(await owner.patch(`/pipelines/${pipeline.id}`, { status: "active" }), 200);
    expect(await start(owner, pipeline, "k4"), 202);
  });

  await t.step("a key means something within one pipeline and for one user", async () => {
    const [one, other] = [await createSmallPipeline(owner), await createSmallPipeline(owner)];
    const first = expect(await start(owner, one, "k5"), 202);
    assert.notEqual(expect(await start(owner, other, "k5"), 202).id, first.id);
    const stranger = await tenant.stranger();
    const theirs = await createSmallPipeline(stranger);
    assert.notEqual(expect(await start(stranger, theirs, "k5"), 202).id, first.id);
  });

  await t.step("a colleague's key does not hide one's own run", async () => {
    const pipeline = await createSmallPipeline(owner);
    const first = expect(await start(owner, pipeline, "k6", { input: ["mine"] }), 202);
    const member = await tenant.user("member");
    const second = expect(await start(member, pipeline, "k6", { input: ["yours"] }), 202);
    assert.notEqual(second.id, first.id);
    assert.deepEqual(second.input, ["yours"]);
  });

  await t.step("a key of more than 255 characters is refused", async () => {
    const pipeline = await createSmallPipeline(owner);
    refused(await start(owner, pipeline, "k".repeat(256)), 400, "invalid_request");
    expect(await start(owner, pipeline, "k".repeat(255)), 202);
  });
});
