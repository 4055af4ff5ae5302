import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createBlock } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "/pipelines/blocks/00000000-0000-4000-8000-000000000000/versions";
const rows = (n: number) => ({ spec: { kind: "inline", rows: [{ n }] } });

Deno.test("create_block_version", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}/versions`;

  await t.step("is the block's current version from now on", async () => {
    const member = await tenant.user("member");
    const version = expect(await member.post(path, { ...rows(2), metadata: { why: "more" } }), 201);
    assert.equal(version.version_number, 2);
    assert.equal(version.is_active, true);
    assert.equal(version.created_by, member.id);
    assert.deepEqual(version.metadata, { why: "more" });
    const shown = expect(await owner.get(`/pipelines/blocks/${block.id}`), 200);
    assert.equal(shown.current_version_id, version.id);
    assert.ok(shown.revision > block.revision, "the block's ETag moves");
  });

  await t.step("numbers have no gap under parallel writes", async () => {
    const answers = await Promise.all([3, 4, 5, 6].map((n) => owner.post(path, rows(n))));
    const numbers = answers.map((answer) => expect(answer, 201).version_number);
    assert.deepEqual(numbers.toSorted(), [3, 4, 5, 6]);
    const [versions = []] = await collectPages(owner, `${path}?limit=100`);
    const active = versions.filter((version) => version.is_active);
    assert.deepEqual(active.map(({ version_number }) => version_number), [6]);
  });

  await t.step("the spec fits the block's type", async () => {
    const model = { spec: { kind: "jsonata", expression: "input" } };
    refused(await owner.post(path, model), 422, "validation_failed", ["spec.kind"]);
    refused(await owner.post(path, { spec: { kind: "inline" } }), 422, "validation_failed");
    refused(await owner.post(path, {}), 422, "validation_failed", ["spec"]);
    refused(await owner.post(UNKNOWN, rows(1)), 404, "not_found");
  });

  await t.step("is refused to", (t) => attack(t, { tenant, method: "POST", path, body: rows(9) }));
});

Deno.test("list_block_versions", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}/versions`;
  expect(await owner.post(path, rows(2)), 201);

  await t.step("shows all of them, newest first", async () => {
    const { data } = expect(await owner.get(path), 200);
    assert.deepEqual(data.map(({ version_number }: Body) => version_number), [2, 1]);
    assert.deepEqual(data.map(({ is_active }: Body) => is_active), [true, false]);
    const pages = await collectPages(owner, `${path}?limit=1`);
    assert.deepEqual(pages.flat().map(({ version_number }) => version_number), [2, 1]);
  });
  await t.step("refuses", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
    refused(await owner.get(`${path}?limit=1000`), 422, "validation_failed", ["query.limit"]);
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("activate_block_version", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const versions = `/pipelines/blocks/${block.id}/versions`;
  expect(await owner.post(versions, rows(2)), 201);
  const path = `${versions}/1/activate`;

  await t.step("is refused to", (t) => attack(t, { tenant, method: "POST", path }));
  await t.step("makes an earlier version the current one", async () => {
    const answer = await (await tenant.user("member")).post(path);
    const active = expect(answer, 200);
    assert.equal(active.current_version.version_number, 1);
    assert.equal(active.current_version.is_active, true);
    assert.equal(answer.headers.get("etag"), `"${active.revision}"`);
    const { data } = expect(await owner.get(versions), 200);
    assert.deepEqual(data.map(({ is_active }: Body) => is_active), [false, true]);
  });
  await t.step("knows no other versions", async () => {
    for (const number of ["3", "0", "-1", "1.5", "one", "99999999999"]) {
      refused(await owner.post(`${versions}/${number}/activate`), 404, "not_found");
    }
    refused(await owner.post(`${UNKNOWN}/1/activate`), 404, "not_found");
  });
});
