import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { createImage, UNKNOWN } from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, createEdge } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/images";

Deno.test("create_docker_image", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const of = (name: string, fields: Record<string, unknown> = {}) => ({
    entity_type: "block",
    entity_id: block.id,
    name,
    ...fields,
  });

  await t.step("links a block or an edge to its image", async () => {
    const member = await tenant.user("member");
    const answer = await member.post(PATH, of("acme/weather"));
    const image = expect(answer, 201);
    assert.deepEqual(
      [image.registry_url, image.image_tag, image.build_status, image.build_logs, image.digest],
      ["https://docker.io", "latest", "pending", "", null],
    );
    assert.equal(answer.headers.get("location"), `/functions/v1${PATH}/${image.id}`);
    const edge = await createEdge(owner);
    const fields = { entity_type: "edge", entity_id: edge.id, image_tag: "v1.0.0" };
    const registry_url = "https://ghcr.io:443/v2";
    const other = expect(await member.post(PATH, of("x", { ...fields, registry_url })), 201);
    assert.equal(other.entity_type, "edge");
  });
  await t.step("takes a tag once", async () => {
    expect(await owner.post(PATH, of("acme/twice")), 201);
    expect(await owner.post(PATH, of("acme/twice", { image_tag: "v2" })), 201);
    refused(await owner.post(PATH, of("acme/twice")), 409, "conflict");
  });
  await t.step("refuses", async () => {
    const wrong = async (body: unknown, path: string) =>
      refused(await owner.post(PATH, body), 422, "validation_failed", [path]);
    await wrong(of("Acme/Weather"), "name");
    await wrong(of("acme weather"), "name");
    await wrong(of("a", { image_tag: "-x" }), "image_tag");
    await wrong(of("a", { registry_url: "ghcr.io" }), "registry_url");
    await wrong(of("a", { registry_url: "https://--privileged" }), "registry_url");
    await wrong(of("a", { registry_url: "https://user:pass@ghcr.io" }), "registry_url");
    refused(await owner.post(PATH, of("a", { build_status: "success" })), 422, "validation_failed");
    refused(await owner.post(PATH, of("a", { entity_id: UNKNOWN })), 404, "not_found");
    const theirs = await createBlock((await createTenant()).owner);
    refused(await owner.post(PATH, of("a", { entity_id: theirs.id })), 404, "not_found");
  });
  const body = of("acme/attacked");
  await t.step("is refused to", (t) => attack(t, { tenant, method: "POST", path: PATH, body }));
});

Deno.test("list_docker_images, get_, update_ and delete_docker_image", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const image = await createImage(owner, block);
  await createImage(owner, await createBlock(owner));
  const path = `${PATH}/${image.id}`;

  await t.step("list without logs, get with them", async () => {
    const member = await tenant.user("member");
    const { data } = expect(await member.get(PATH), 200);
    assert.equal(data.length, 2);
    assert.ok(data.every((row: Body) => !("build_logs" in row)));
    const search = `${PATH}?entity_id=${block.id}&build_status=pending`;
    const found = expect(await member.get(search), 200).data.map(({ id }: Body) => id);
    assert.deepEqual(found, [image.id]);
    assert.deepEqual(expect(await member.get(`${PATH}?build_status=failed`), 200).data, []);
    assert.equal(expect(await member.get(path), 200).build_logs, "");
    refused(await member.get(`${PATH}/${UNKNOWN}`), 404, "not_found");
    refused(await member.get(`${PATH}?build_status=ok`), 422, "validation_failed", [
      "query.build_status",
    ]);
  });
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));

  const change = { image_tag: "v2" };
  await t.step(
    "update is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: change }),
  );
  await t.step("update", async () => {
    assert.equal(expect(await owner.patch(path, change), 200).image_tag, "v2");
    refused(await owner.patch(path, { image_tag: "" }), 422, "validation_failed", ["image_tag"]);
    refused(await owner.patch(path, { build_status: "success" }), 422, "validation_failed");
    refused(await owner.patch(`${PATH}/${UNKNOWN}`, change), 404, "not_found");
  });
  await t.step(
    "delete is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("delete", async () => {
    expect(await (await tenant.user("admin")).delete(path), 204);
    refused(await owner.delete(path), 404, "not_found");
  });
});
