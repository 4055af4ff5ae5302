import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { createEdge } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const UNKNOWN = "/pipelines/edges/00000000-0000-4000-8000-000000000000/versions";
const doubled = { spec: { kind: "code", source: "return input * 2;" } };

Deno.test("create_edge_version and list_edge_versions", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const edge = await createEdge(owner);
  const path = `/pipelines/edges/${edge.id}/versions`;

  await t.step("add the current version and show all", async () => {
    const version = expect(await owner.post(path, doubled), 201);
    assert.equal(version.version_number, 2);
    assert.equal(version.is_active, true);
    const { data } = expect(await owner.get(path), 200);
    assert.deepEqual(data.map(({ version_number }: Body) => version_number), [2, 1]);
    assert.deepEqual(data.map(({ is_active }: Body) => is_active), [true, false]);
  });
  await t.step("refuse", async () => {
    const unusable = { kind: "identity", input_schema: { allOf: [{ $ref: "#" }] } };
    refused(await owner.post(path, { spec: unusable }), 422, "validation_failed", [
      "spec.input_schema.allOf.0.$ref",
    ]);
    refused(await owner.post(path, { spec: { kind: "llm" } }), 422, "validation_failed", [
      "spec.kind",
    ]);
    refused(await owner.post(UNKNOWN, doubled), 404, "not_found");
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step(
    "create is refused to",
    (t) => attack(t, { tenant, method: "POST", path, body: doubled }),
  );
  await t.step("list is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("activate_edge_version", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const edge = await createEdge(owner);
  const versions = `/pipelines/edges/${edge.id}/versions`;
  expect(await owner.post(versions, doubled), 201);
  const path = `${versions}/1/activate`;

  await t.step("is refused to", (t) => attack(t, { tenant, method: "POST", path }));
  await t.step("makes an earlier version the current one", async () => {
    const answer = await owner.post(path);
    assert.equal(expect(answer, 200).current_version.version_number, 1);
    assert.equal(answer.headers.get("etag"), `"${answer.body.revision}"`);
  });
  await t.step("knows no other versions", async () => {
    refused(await owner.post(`${versions}/9/activate`), 404, "not_found");
    refused(await owner.post(`${versions}/x/activate`), 404, "not_found");
    refused(await owner.post(`${UNKNOWN}/1/activate`), 404, "not_found");
  });
});
