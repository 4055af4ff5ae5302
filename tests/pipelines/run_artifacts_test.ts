import assert from "node:assert/strict";
import {
  createBlock,
  createPipeline,
  createVerifiedEdge,
  runPipeline,
} from "../harness/pipelines.ts";
import { download, upload } from "../harness/storage.ts";
import { createTenant } from "../harness/tenant.ts";

const KIBIBYTES = 300;

Deno.test("an output over 256 KiB goes to Storage and flows on", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const source = `return Array.from({ length: ${KIBIBYTES} }, () => "x".repeat(1021));`;
  const large = await createBlock(owner, { kind: "code", source });
  const count = await createBlock(owner, { kind: "code", source: "return input.length;" });
  const edge = await createVerifiedEdge(owner);
  const pipeline = await createPipeline(owner, [large, count], [[large, count, edge]]);
  const run = await runPipeline(owner, pipeline);
  const { artifact } = run.step[large.name].output;

  await t.step("what follows gets the whole output", () => {
    assert.equal(run.status, "succeeded", JSON.stringify(run.error));
    assert.equal(run.output, KIBIBYTES);
  });
  await t.step("the step shows where it is kept, for members to read", async () => {
    assert.equal(artifact.bucket, "artifacts");
    assert.ok(artifact.path.startsWith(`${owner.organizationId}/${run.id}/`));
    assert.ok(artifact.bytes > 256 * 1024);
    const { status, body } = await download(
      await tenant.user("member"),
      "artifacts",
      artifact.path,
    );
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).length, KIBIBYTES);
  });
  await t.step("nobody else reads it, and no client writes it", async () => {
    const { status } = await download(await tenant.stranger(), "artifacts", artifact.path);
    assert.ok(status >= 400, `answered ${status}`);
    assert.ok((await upload(owner, "artifacts", artifact.path, "[]")).status >= 400);
    const { body } = await download(owner, "artifacts", artifact.path);
    assert.equal(JSON.parse(body).length, KIBIBYTES);
  });
  await t.step("as a run's output it is told by its address", async () => {
    const alone = await runPipeline(owner, await createPipeline(owner, [large]));
    assert.equal(alone.output.artifact.bucket, "artifacts");
  });
});
