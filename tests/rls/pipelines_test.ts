import assert from "node:assert/strict";
import { rest } from "../harness/client.ts";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing } from "../harness/hostile.ts";
import {
  createBlock,
  createEdge,
  createPipeline,
  createSmallPipeline,
  runPipeline,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, personalOrganization } from "../harness/tenant.ts";
import { createTrigger } from "../harness/webhooks.ts";

Deno.test("a client that goes past the functions can't break a graph", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const stranger = await tenant.stranger();
  const [a, b] = [await createBlock(owner), await createBlock(owner)];
  const edge = await createEdge(owner);
  const pipeline = await createPipeline(owner, [a, b]);
  const pipeline_id = pipeline.id;
  const arrow = { pipeline_id, edge_id: edge.id, source_block_id: a.id, target_block_id: b.id };

  await t.step("another tenant's blocks and edges", async () => {
    const [block, foreign] = [await createBlock(stranger), await createEdge(stranger)];
    await addsNothing(
      "pipeline_blocks",
      { pipeline_id },
      () => owner.rest("POST", "/pipeline_blocks", { pipeline_id, block_id: block.id }),
    );
    await addsNothing(
      "pipeline_edges",
      { pipeline_id },
      () => owner.rest("POST", "/pipeline_edges", { ...arrow, edge_id: foreign.id }),
    );
    const [own] = expect(await owner.rest("POST", "/pipeline_edges", arrow), 201);
    await changesNothing(
      "pipeline_edges",
      own.id,
      () => owner.rest("PATCH", `/pipeline_edges?id=eq.${own.id}`, { edge_id: foreign.id }),
    );
    await changesNothing(
      "pipeline_edges",
      own.id,
      () => owner.rest("PATCH", `/pipeline_edges?id=eq.${own.id}`, { target_block_id: block.id }),
    );
    expect(await owner.rest("DELETE", `/pipeline_edges?id=eq.${own.id}`), 200);
    // One who belongs to both may not mix them either.
    const both = await tenant.join("admin");
    const theirs = await createBlock(both.in(await personalOrganization(both)));
    await addsNothing(
      "pipeline_blocks",
      { pipeline_id },
      () => both.rest("POST", "/pipeline_blocks", { pipeline_id, block_id: theirs.id }),
    );
  });

  await t.step("an edge between blocks that are not in it, and a loop", async () => {
    const outside = await createBlock(owner);
    await addsNothing(
      "pipeline_edges",
      { pipeline_id },
      () => owner.rest("POST", "/pipeline_edges", { ...arrow, target_block_id: outside.id }),
    );
    await addsNothing(
      "pipeline_edges",
      { pipeline_id },
      () => owner.rest("POST", "/pipeline_edges", { ...arrow, target_block_id: a.id }),
    );
  });

  await t.step("a cycle, in one statement or by halves at once", async () => {
    const back = { ...arrow, source_block_id: b.id, target_block_id: a.id };
    await addsNothing(
      "pipeline_edges",
      { pipeline_id },
      () => owner.rest("POST", "/pipeline_edges", [arrow, back]),
    );
    const answers = await Promise.all(
      [arrow, back].map((half) => owner.rest("POST", "/pipeline_edges", half)),
    );
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409]);
    const third = await createBlock(owner);
    expect(await owner.rest("POST", "/pipeline_blocks", { pipeline_id, block_id: third.id }), 201);
    const [kept] =
      await sql`select * from public.pipeline_edges where pipeline_id = ${pipeline_id}`;
    const onward = { ...arrow, source_block_id: kept?.target_block_id, target_block_id: third.id };
    const [last] = expect(await owner.rest("POST", "/pipeline_edges", onward), 201);
    const turned = { source_block_id: third.id, target_block_id: kept?.source_block_id };
    await addsNothing(
      "pipeline_edges",
      { pipeline_id },
      () => owner.rest("POST", "/pipeline_edges", { ...arrow, ...turned }),
    );
    await changesNothing(
      "pipeline_edges",
      last.id,
      () =>
        owner.rest("PATCH", `/pipeline_edges?id=eq.${last.id}`, {
          source_block_id: kept?.target_block_id,
          target_block_id: kept?.source_block_id,
        }),
    );
  });

  await t.step("counters, tenant and author of a pipeline", async () => {
    const changes = [
      { times_run: 99 },
      { average_runtime: 0.1 },
      { last_run_at: "2030-01-01" },
      { revision: 1 },
      { organization_id: stranger.organizationId },
      { created_by: stranger.id },
    ];
    for (const change of changes) {
      await changesNothing(
        "pipelines",
        pipeline_id,
        () => owner.rest("PATCH", `/pipelines?id=eq.${pipeline_id}`, change),
      );
    }
  });
});

Deno.test("a client that goes past the functions can't forge a run", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const stranger = await tenant.stranger();
  const pipeline = await createSmallPipeline(owner);
  const run = await runPipeline(owner, pipeline, { input: { n: 1 } });
  const [step] = run.steps;

  await t.step("the run, its steps and its events", async () => {
    const changes = [
      { status: "failed" },
      { output: 0 },
      { error: {} },
      { definition: {} },
      { priority: 100 },
      { parent_run_id: null, created_by: stranger.id },
    ];
    for (const change of changes) {
      await changesNothing(
        "pipeline_runs",
        run.id,
        () => owner.rest("PATCH", `/pipeline_runs?id=eq.${run.id}`, change),
      );
    }
    const stepChanges = [
      { output: 0 },
      { status: "ready" },
      { attempt: 0 },
      { failures: -9 },
      { priority: 100_000 },
      { lane: null, is_suspect: true },
      { continuation: { cursor: 0 } },
      { cache_key: "x".repeat(64), reused_step_id: run.id },
    ];
    for (const change of stepChanges) {
      await changesNothing(
        "run_steps",
        step.id,
        () => owner.rest("PATCH", `/run_steps?id=eq.${step.id}`, change),
      );
    }
    await changesNothing(
      "run_steps",
      step.id,
      () => owner.rest("DELETE", `/run_steps?id=eq.${step.id}`),
    );
    await addsNothing("run_events", { run_id: run.id }, () =>
      owner.rest("POST", "/run_events", {
        organization_id: owner.organizationId,
        run_id: run.id,
        event_type: "run.succeeded",
      }));
  });

  await t.step("a run that acts as somebody else, or of another tenant's pipeline", async () => {
    const start = (token: string, body: unknown) => rest("POST", "/rpc/start_run", { token, body });
    await addsNothing(
      "pipeline_runs",
      { pipeline_id: pipeline.id },
      () => start(stranger.token, { pipeline_id: pipeline.id }),
    );
    await addsNothing("pipeline_runs", { pipeline_id: pipeline.id }, () =>
      start(owner.token, {
        pipeline_id: pipeline.id,
        input: {},
        trigger: "webhook",
        created_by: stranger.id,
      }));
  });

  await t.step("the end or the retry of another tenant's run", async () => {
    for (const command of ["cancel_run", "retry_run"]) {
      await addsNothing(
        "run_events",
        { run_id: run.id },
        () => rest("POST", `/rpc/${command}`, { token: stranger.token, body: { run_id: run.id } }),
      );
    }
    const body = { run_id: run.id, start_at: "start", created_by: stranger.id };
    await addsNothing(
      "pipeline_runs",
      { pipeline_id: pipeline.id },
      () => rest("POST", "/rpc/retry_run", { token: owner.token, body }),
    );
  });

  await t.step("the effect of a step", async () => {
    await addsNothing("step_effects", { id: step.id }, () =>
      owner.rest("POST", "/step_effects", {
        id: step.id,
        organization_id: owner.organizationId,
        result: { rows_written: 0 },
      }));
  });

  await t.step(
    "a trigger of another tenant's pipeline, or that acts as somebody else",
    async () => {
      const values = { pipeline_id: pipeline.id, type: "webhook", scheme: "none" };
      await addsNothing(
        "pipeline_triggers",
        { pipeline_id: pipeline.id },
        () => stranger.rest("POST", "/pipeline_triggers", values),
      );
      await addsNothing(
        "pipeline_triggers",
        { pipeline_id: pipeline.id },
        () => owner.rest("POST", "/pipeline_triggers", { ...values, created_by: stranger.id }),
      );
      const trigger = await createTrigger(owner, pipeline, "none");
      for (
        const change of [{ created_by: stranger.id }, { pipeline_id: run.id }, { scheme: "github" }]
      ) {
        await changesNothing(
          "pipeline_triggers",
          trigger.id,
          () => owner.rest("PATCH", `/pipeline_triggers?id=eq.${trigger.id}`, change),
        );
      }
    },
  );

  await t.step("a webhook that would check signatures with no secret", async () => {
    for (const scheme of ["standard", "github", "stripe", "hmac"]) {
      const values = { pipeline_id: pipeline.id, type: "webhook", scheme };
      await addsNothing(
        "pipeline_triggers",
        { pipeline_id: pipeline.id },
        () => owner.rest("POST", "/pipeline_triggers", values),
      );
    }
  });

  await t.step("a webhook's secret is written and never read", async () => {
    const trigger = await createTrigger(owner, pipeline);
    const paths = [
      `/trigger_secrets?trigger_id=eq.${trigger.id}`,
      `/trigger_secrets?select=ciphertext&trigger_id=eq.${trigger.id}`,
      `/pipeline_triggers?select=id,trigger_secrets(*)&id=eq.${trigger.id}`,
    ];
    const [row] = await sql`
      select id, ciphertext from public.trigger_secrets where trigger_id = ${trigger.id}`;
    assert.ok(row?.ciphertext.length > 20);
    for (const path of paths) {
      const { body } = await owner.rest("GET", path);
      assert.ok(!JSON.stringify(body).includes(row?.ciphertext), path);
    }
    await changesNothing(
      "trigger_secrets",
      row?.id,
      () =>
        owner.rest("PATCH", `/trigger_secrets?trigger_id=eq.${trigger.id}`, { ciphertext: "mine" }),
    );
  });
});
