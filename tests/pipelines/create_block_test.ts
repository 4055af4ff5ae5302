import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, uniqueName } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/blocks";
const spec = { kind: "inline", rows: [{ city: "Seattle" }] };

Deno.test("create_block", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("adds a block with its version 1", async () => {
    const name = uniqueName("weather");
    const answer = await owner.post(PATH, {
      name: `  ${name} `,
      block_type: "dataset",
      description: "Daily weather",
      metadata: { source: "noaa" },
      spec,
    });
    const block = expect(answer, 201);
    assert.equal(block.name, name);
    assert.equal(block.organization_id, tenant.organizationId);
    assert.equal(block.created_by, owner.id);
    assert.equal(block.description, "Daily weather");
    assert.equal(block.current_version.id, block.current_version_id);
    assert.equal(block.current_version.version_number, 1);
    assert.equal(block.current_version.is_active, true);
    assert.deepEqual(block.current_version.spec, spec);
    assert.deepEqual(block.current_version.metadata, { source: "noaa" });
    assert.equal(answer.headers.get("etag"), `"${block.revision}"`);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/blocks/${block.id}`);
  });

  await t.step("takes every kind of model and dataset", async () => {
    const url = "https://example.com/data.csv";
    await createBlock(owner, {
      kind: "storage",
      bucket: "datasets",
      path: "a/b.csv",
      format: "csv",
    });
    await createBlock(owner, { kind: "table", table: "weather", mode: "upsert" });
    await createBlock(owner, { kind: "trigger" });
    await createBlock(owner, { kind: "http", url, format: "csv" }, { block_type: "dataset" });
    await createBlock(owner, { kind: "http", url });
    await createBlock(owner, { kind: "jsonata", expression: "input" });
    await createBlock(owner, { kind: "code", source: "return input;" });
    await createBlock(owner, { kind: "llm", model: "gpt", prompt: "Hello" });
    await createBlock(owner, { kind: "embedding", model: "ada", field: "text" });
  });

  await t.step("names what is wrong with the body", async () => {
    const wrong = (body: unknown, ...paths: string[]) => async () =>
      refused(await owner.post(PATH, body), 422, "validation_failed", paths);
    const block = { name: uniqueName("b"), block_type: "dataset", spec };
    await wrong({ ...block, name: "" }, "name")();
    await wrong({ ...block, name: "n".repeat(201) }, "name")();
    await wrong({ ...block, name: 7, description: [] }, "name", "description")();
    await wrong({ ...block, block_type: "table" }, "block_type")();
    await wrong({ ...block, spec: { kind: "jsonata", expression: "1" } }, "spec.kind")();
    await wrong({ ...block, spec: { kind: "inline" } }, "spec.rows")();
    const llm = { kind: "llm", model: "m", prompt: "p", output_schema: { type: "text" } };
    await wrong({ ...block, block_type: "model", spec: llm }, "spec.output_schema.type")();
    await wrong({ ...block, surprise: true }, "")();
    await wrong([], "")();
    await wrong(undefined, "block_type")();
  });

  await t.step("a name is taken once in an organization", async () => {
    const { name } = await createBlock(owner, spec);
    const again = { name, block_type: "dataset", spec };
    refused(await owner.post(PATH, again), 409, "conflict");
    expect(await (await tenant.stranger()).post(PATH, again), 201);
    const { body } = await owner.get(`${PATH}?name=${encodeURIComponent(name)}`);
    assert.equal(body.data.length, 1, "nothing half-written stays behind");
  });

  await t.step("is refused to", async (t) => {
    const body = { name: uniqueName("b"), block_type: "dataset", spec };
    await attack(t, { tenant, method: "POST", path: PATH, body, stranger: "own" });
  });
});
