import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, createEdge, createPipeline } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/edges";
const UNKNOWN = `${PATH}/00000000-0000-4000-8000-000000000000`;

Deno.test("list_edges", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const first = await createEdge(owner);
  const second = await createEdge(owner, { kind: "jsonata", expression: "input" });

  await t.step("shows the organization's edges, newest first, with their versions", async () => {
    const { data } = expect(await owner.get(PATH), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [second.id, first.id]);
    assert.equal(data[0].current_version.spec.kind, "jsonata");
    const named = expect(await owner.get(`${PATH}?name=${encodeURIComponent(first.name)}`), 200);
    assert.deepEqual(named.data.map(({ id }: Body) => id), [first.id]);
  });
  await t.step("refuses", async () => {
    refused(await owner.get(`${PATH}?cursor=x`), 400, "invalid_cursor");
    refused(await owner.get(`${PATH}?limit=0`), 422, "validation_failed", ["query.limit"]);
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
});

Deno.test("get_edge and update_edge", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const edge = await createEdge(owner);
  const path = `${PATH}/${edge.id}`;

  await t.step("change what the body names and show it", async () => {
    const member = await tenant.user("member");
    const changed = expect(await member.patch(path, { name: `${edge.name} 2` }), 200);
    const answer = await owner.get(path);
    assert.deepEqual(expect(answer, 200), changed);
    assert.equal(changed.name, `${edge.name} 2`);
    assert.equal(answer.headers.get("etag"), `"${changed.revision}"`);
  });
  await t.step("honour If-Match", async () => {
    const change = (ifMatch: string) =>
      owner.patch(path, { description: "d" }, { headers: { "if-match": ifMatch } });
    refused(await change('"999"'), 412, "precondition_failed");
    expect(await change((await owner.get(path)).headers.get("etag") ?? ""), 200);
  });
  await t.step("refuse", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.patch(UNKNOWN, { name: "x" }), 404, "not_found");
    refused(await owner.patch(path, { name: 1 }), 422, "validation_failed", ["name"]);
    refused(await owner.patch(path, { spec: {} }), 422, "validation_failed");
    const { name } = await createEdge(owner);
    refused(await owner.patch(path, { name }), 409, "conflict");
  });
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));
  await t.step(
    "update is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: { description: "hacked" } }),
  );
});

Deno.test("delete_edge", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const edge = await createEdge(owner);
  const path = `${PATH}/${edge.id}`;

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("is refused while a pipeline uses the edge", async () => {
    const [source, target] = [await createBlock(owner), await createBlock(owner)];
    const pipeline = await createPipeline(owner, [source, target], [[source, target, edge]]);
    refused(await owner.delete(path), 409, "in_use");
    expect(await owner.delete(`/pipelines/${pipeline.id}`), 204);
  });
  await t.step("removes the edge with its versions", async () => {
    expect(await (await tenant.user("admin")).delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
    refused(await owner.get(`${path}/versions`), 404, "not_found");
    refused(await owner.delete(path), 404, "not_found");
  });
});
