import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, createPipeline } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "/pipelines/blocks/00000000-0000-4000-8000-000000000000";

Deno.test("get_block", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}`;

  await t.step("shows the block with its current version and an ETag", async () => {
    const answer = await owner.get(path);
    const { updated_at: _, ...shown } = expect(answer, 200);
    assert.equal(shown.name, block.name);
    assert.equal(shown.current_version.version_number, 1);
    assert.equal(answer.headers.get("etag"), `"${shown.revision}"`);
  });
  await t.step("knows no other ids", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get("/pipelines/blocks/not-a-uuid"), 404, "not_found");
    refused(await owner.get("/pipelines/blocks/%00"), 404, "not_found");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("update_block", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}`;

  await t.step("changes what the body names", async () => {
    const member = await tenant.user("member");
    const answer = await member.patch(path, { description: "Rain" });
    const changed = expect(answer, 200);
    assert.equal(changed.description, "Rain");
    assert.equal(changed.name, block.name);
    assert.ok(changed.revision > block.revision);
    assert.equal(answer.headers.get("etag"), `"${changed.revision}"`);
    assert.equal(expect(await owner.patch(path, { description: null }), 200).description, null);
  });
  await t.step("an empty change changes nothing", async () => {
    const before = expect(await owner.get(path), 200);
    assert.deepEqual(expect(await owner.patch(path, {}), 200), before);
  });
  await t.step("honours If-Match", async () => {
    const etag = (await owner.get(path)).headers.get("etag") ?? "";
    const change = (ifMatch: string, name: string) =>
      owner.patch(path, { name }, { headers: { "if-match": ifMatch } });
    expect(await change(etag, `${block.name} 2`), 200);
    refused(await change(etag, `${block.name} 3`), 412, "precondition_failed");
    refused(await change("nonsense", `${block.name} 3`), 412, "precondition_failed");
    expect(await change("*", `${block.name} 4`), 200);
    assert.equal((await owner.get(path)).body.name, `${block.name} 4`);
  });
  await t.step("refuses what is not its to change", async () => {
    refused(await owner.patch(path, { name: " " }), 422, "validation_failed", ["name"]);
    for (const field of ["block_type", "organization_id", "current_version_id", "revision", "id"]) {
      refused(await owner.patch(path, { [field]: "x" }), 422, "validation_failed");
    }
    refused(await owner.patch(UNKNOWN, { name: "x" }), 404, "not_found");
    const { name } = await createBlock(owner);
    refused(await owner.patch(path, { name }), 409, "conflict");
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: { description: "hacked" } }),
  );
});

Deno.test("delete_block", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}`;

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("is refused while a pipeline uses the block", async () => {
    const pipeline = await createPipeline(owner, [block]);
    refused(await owner.delete(path), 409, "in_use");
    expect(await owner.delete(`/pipelines/${pipeline.id}`), 204);
  });
  await t.step("removes the block with its versions", async () => {
    expect(await (await tenant.user("admin")).delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
    refused(await owner.get(`${path}/versions`), 404, "not_found");
    refused(await owner.delete(path), 404, "not_found");
  });
});
