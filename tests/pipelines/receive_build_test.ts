import assert from "node:assert/strict";
import {
  createImage,
  createRepo,
  openHook,
  sendHook,
  signed,
  UNKNOWN,
} from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

Deno.test("receive_build", async (t) => {
  const { owner } = await createTenant();
  const block = await createBlock(owner);
  const image = await createImage(owner, block);
  const path = `/pipelines/images/${image.id}`;
  const good = JSON.stringify({ status: "success", logs: "Built in 41 s", digest: DIGEST });
  refused(await sendHook(path, good, signed("x".repeat(64), good)), 401, "invalid_signature");
  const secret = await openHook(owner, path);
  const report = (body: unknown) => {
    const text = JSON.stringify(body);
    return sendHook(path, text, signed(secret, text));
  };
  const state = async () => {
    const row = expect(await owner.get(path), 200);
    return [row.build_status, row.build_logs, row.digest, row.last_built_at !== null];
  };

  await t.step("stores nothing that is not signed right", async () => {
    const repo = `/pipelines/repos/${(await createRepo(owner, block)).id}`;
    const others = await openHook(owner, repo);
    const wrong: Record<string, string>[] = [
      {},
      signed(others, good),
      signed(secret, good.replace("success", "failed")),
    ];
    for (const headers of wrong) {
      refused(await sendHook(path, good, headers), 401, "invalid_signature");
    }
    assert.deepEqual(await state(), ["pending", "", null, false]);
  });
  await t.step("takes a build's result", async () => {
    const answer = expect(await sendHook(path, good, signed(secret, good)), 200);
    assert.deepEqual(answer, { id: image.id, build_status: "success", digest: DIGEST });
    assert.deepEqual(await state(), ["success", "Built in 41 s", DIGEST, true]);
  });
  await t.step("keeps the last good digest while another build goes on, and fails", async () => {
    expect(await report({ status: "pending", logs: "Step 1" }), 200);
    assert.deepEqual(await state(), ["pending", "Step 1", DIGEST, true]);
    expect(await report({ status: "failed", logs: "no space left" }), 200);
    assert.deepEqual(await state(), ["failed", "no space left", DIGEST, true]);
  });
  await t.step("keeps the end of a long log, and what it holds storable", async () => {
    const logs = `start${"x".repeat(300_000)}the end`;
    expect(await report({ status: "failed", logs }), 200);
    const [, kept] = await state();
    assert.equal(kept.length, 200_000);
    assert.ok(kept.endsWith("the end"));
    expect(await report({ status: "failed", logs: "a\u0000b\ud800c 🌧️" }), 200);
    assert.equal((await state())[1], "a␀b�c 🌧️");
    expect(await report({ status: "failed", logs: "🌧".repeat(150_000) }), 200);
  });
  await t.step("forgets the build once the image is another", async () => {
    expect(await report({ status: "success", digest: DIGEST }), 200);
    expect(await owner.patch(path, { image_tag: "latest" }), 200);
    assert.deepEqual(await state(), ["success", "", DIGEST, true]);
    expect(await owner.patch(path, { image_tag: "v2" }), 200);
    assert.deepEqual(await state(), ["pending", "", null, false]);
  });
  await t.step("refuses", async () => {
    const before = await state();
    refused(await report({}), 422, "validation_failed", ["status"]);
    refused(await report({ status: "ok" }), 422, "validation_failed", ["status"]);
    refused(await report({ status: "success", digest: "latest" }), 422, "validation_failed", [
      "digest",
    ]);
    refused(await report({ status: "success", name: "acme/other" }), 422, "validation_failed");
    refused(await report(null), 422, "validation_failed");
    refused(await sendHook(path, "{", signed(secret, "{")), 400, "invalid_json");
    const large = JSON.stringify({ status: "failed", logs: "x".repeat(2 ** 20) });
    refused(await sendHook(path, large, signed(secret, large)), 413, "body_too_large");
    const unknown = `/pipelines/images/${UNKNOWN}`;
    refused(await sendHook(unknown, good, signed(secret, good)), 404, "not_found");
    assert.deepEqual(await state(), before);
  });
});
