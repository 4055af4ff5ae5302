import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { changesNothing } from "../harness/hostile.ts";
import { createBlock, createPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("settings of blocks and limits, past the functions", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const pipeline = await createPipeline(owner, [block]);
  const [node] =
    await sql`select id from public.pipeline_blocks where pipeline_id = ${pipeline.id}`;
  const path = `/pipeline_blocks?id=eq.${node?.id}`;

  await t.step("a member changes a block's, and that is a change of the pipeline", async () => {
    const member = await tenant.user("member");
    const settings = { max_attempts: 1, timeout_seconds: 5, priority: -9, cache: true };
    expect(await member.rest("PATCH", path, settings), 200);
    const { blocks: [shown], revision } = expect(await owner.get(`/pipelines/${pipeline.id}`), 200);
    assert.deepEqual({ ...shown, ...settings }, shown);
    assert.ok(revision > pipeline.revision);
  });
  await t.step("not out of bounds, not to another block, and no stranger", async () => {
    const stranger = await tenant.stranger();
    const other = await createBlock(owner);
    const wrong = [
      { max_attempts: 0 },
      { timeout_seconds: 0 },
      { priority: 101 },
      { cache: null },
      { block_id: other.id },
    ];
    for (const change of wrong) {
      await changesNothing("pipeline_blocks", node?.id, () => owner.rest("PATCH", path, change));
    }
    await changesNothing(
      "pipeline_blocks",
      node?.id,
      () => stranger.rest("PATCH", path, { priority: 1 }),
    );
  });
  await t.step(
    "a pipeline's limit is not 0, and the organization's is not its own to set",
    async () => {
      await changesNothing(
        "pipelines",
        pipeline.id,
        () => owner.rest("PATCH", `/pipelines?id=eq.${pipeline.id}`, { max_concurrent_steps: 0 }),
      );
      const { organizationId } = tenant;
      await changesNothing(
        "organizations",
        organizationId,
        () =>
          owner.rest("PATCH", `/organizations?id=eq.${organizationId}`, {
            max_concurrent_steps: 99,
          }),
      );
    },
  );
});
