import assert from "node:assert/strict";
import { trail, trailOf } from "../harness/audit.ts";
import type { Body } from "../harness/answer.ts";
import { rest } from "../harness/client.ts";
import { expect } from "../harness/expect.ts";
import {
  createBlock,
  createEdge,
  createPipeline,
  createSmallPipeline,
  graphOf,
  runPipeline,
  verify,
} from "../harness/pipelines.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, createUser } from "../harness/tenant.ts";
import { createTrigger } from "../harness/webhooks.ts";

const summary = (rows: Body[]) =>
  rows.map(({ action_type, entity_type }) => `${action_type} ${entity_type}`).toSorted();

Deno.test("every write leaves its row", async (t) => {
  const { owner } = await createTenant();
  const leaves = async (work: () => Promise<unknown>, expected: string[]) => {
    const rows = await trailOf(owner, work);
    assert.deepEqual(summary(rows), expected);
    for (const row of rows) {
      assert.equal(row.organization_id, owner.organizationId);
      assert.ok(row.entity_id && row.occurred_at);
    }
    return rows;
  };

  await t.step("of a block and its versions", async () => {
    let block: Body;
    await leaves(async () => block = await createBlock(owner), [
      "CREATE block",
      "CREATE block_version",
      // The pointer to the first version.
      "UPDATE block",
    ]);
    const path = `/pipelines/blocks/${block.id}`;
    const [changed] = await leaves(() => owner.patch(path, { description: "Rain" }), [
      "UPDATE block",
    ]);
    assert.deepEqual(changed.details.changed, ["description"]);
    assert.equal(changed.details.old.description, null);
    assert.equal(changed.details.new.description, "Rain");
    assert.equal(changed.actor_id, owner.id);
    assert.equal(changed.actor_type, "user");
    const version = { spec: { kind: "inline", rows: [2] } };
    await leaves(() => owner.post(`${path}/versions`, version), [
      "CREATE block_version",
      "UPDATE block",
    ]);
    await leaves(() => owner.post(`${path}/versions/1/activate`), ["UPDATE block"]);
    const gone = await leaves(() => owner.delete(path), [
      "DELETE block",
      "DELETE block_version",
      "DELETE block_version",
    ]);
    const [deleted] = gone.filter(({ entity_type }) => entity_type === "block");
    assert.equal(deleted.entity_id, block.id);
    assert.equal(deleted.details.old.description, "Rain");
    assert.equal(deleted.actor_id, owner.id);
  });

  await t.step("of an edge and its verification", async () => {
    const edge = await createEdge(owner);
    const rows = await leaves(() => verify(owner, edge), [
      "CREATE edge_verification",
      "UPDATE edge_verification",
    ]);
    assert.deepEqual(rows.map(({ actor_type }) => actor_type), ["user", "service"]);
  });

  await t.step("of a pipeline, its graph and its runs", async () => {
    const [a, b] = [await createBlock(owner), await createBlock(owner)];
    const edge = await createEdge(owner);
    let pipeline: Body;
    await leaves(async () => pipeline = await createPipeline(owner, [a, b], [[a, b, edge]]), [
      "CREATE pipeline",
      "CREATE pipeline_block",
      "CREATE pipeline_block",
      "CREATE pipeline_edge",
    ]);
    const path = `/pipelines/${pipeline.id}`;
    await leaves(() => owner.patch(path, graphOf([a])), [
      "DELETE pipeline_block",
      "DELETE pipeline_edge",
    ]);
    await leaves(() => owner.patch(path, { status: "archived" }), ["UPDATE pipeline"]);

    const small = await createSmallPipeline(owner);
    const rows = await trailOf(owner, () => runPipeline(owner, small, { input: ["secret input"] }));
    const runs = rows.filter(({ entity_type }) => entity_type === "pipeline_run");
    assert.deepEqual(summary(runs), [
      "CREATE pipeline_run",
      "UPDATE pipeline_run",
      "UPDATE pipeline_run",
    ]);
    assert.equal(runs.at(-1)?.details.new.status, "succeeded");
    assert.ok(!JSON.stringify(rows).includes("secret input"), "what flows is not in the log");
    assert.equal(runs.length, rows.length, "the pipeline's counters are no change of it");
  });

  await t.step("of a trigger, without its secret", async () => {
    const pipeline = await createSmallPipeline(owner);
    let trigger: Body;
    const rows = await leaves(async () => trigger = await createTrigger(owner, pipeline), [
      "CREATE pipeline_trigger",
      "CREATE trigger_secret",
    ]);
    const text = JSON.stringify(rows);
    assert.ok(!text.includes(trigger.secret) && !text.includes("ciphertext"), text);
  });

  await t.step("of an organization and its members", async () => {
    const invited = await createUser();
    const path = `/organizations/${owner.organizationId}`;
    const [changed] = await leaves(() => owner.patch(path, { name: "Renamed" }), [
      "UPDATE organization",
    ]);
    assert.deepEqual(changed.details.changed, ["name"]);
    let member: Body;
    await leaves(
      async () => member = (await owner.post(`${path}/members`, { user_id: invited.id })).body,
      ["CREATE membership"],
    );
    const [accepted] = await leaves(
      () => invited.patch(`${path}/members/${member.id}`, { status: "active" }),
      ["UPDATE membership"],
    );
    assert.equal(accepted.actor_id, invited.id);
    await leaves(() => owner.delete(`${path}/members/${member.id}`), ["DELETE membership"]);
  });
});

Deno.test("a write past the functions is logged as well", async () => {
  const { owner } = await createTenant();
  const values = { organization_id: owner.organizationId, name: "bare", block_type: "dataset" };
  const rows = await trailOf(owner, async () => {
    expect(await owner.rest("POST", "/blocks", values), 201);
  });
  assert.deepEqual(summary(rows), ["CREATE block"]);
  assert.equal(rows[0].actor_id, owner.id);

  const byService = await trailOf(owner, async () => {
    const body = { ...values, name: "by service" };
    expect(await rest("POST", "/blocks", { apikey: stack.secretKey, body }), 201);
  });
  assert.equal(byService[0].actor_type, "service");
  assert.equal(byService[0].actor_id, null);
});

Deno.test("what changes nothing is not logged", async () => {
  const { owner } = await createTenant();
  const block = await createBlock(owner);
  const rows = await trailOf(owner, async () => {
    expect(await owner.patch(`/pipelines/blocks/${block.id}`, { name: block.name }), 200);
    expect(await owner.patch(`/pipelines/blocks/${block.id}`, {}), 200);
    expect(await owner.rest("PATCH", `/blocks?id=eq.${block.id}`, { name: block.name }), 200);
    await owner.post("/pipelines/blocks", { name: block.name });
  });
  assert.deepEqual(rows, []);
});

Deno.test("a new user's trail starts with their organization", async () => {
  const user = await createUser();
  assert.deepEqual(summary(await trail(user.organizationId)), [
    "CREATE membership",
    "CREATE organization",
  ]);
});
