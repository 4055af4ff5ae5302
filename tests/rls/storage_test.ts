import assert from "node:assert/strict";
import { stack } from "../harness/stack.ts";
import { download, removeObject, upload, uploadDataset } from "../harness/storage.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("objects belong to the organization whose folder they are in", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const stranger = await tenant.stranger();
  const path = await uploadDataset(owner, "weather.csv", "a\n1\n");
  const refuses = (status: number) =>
    assert.ok(status >= 400 && status < 500, `answered ${status}`);
  const isUntouched = async () =>
    assert.equal((await download(owner, "datasets", path)).body, "a\n1\n");

  await t.step("a member reads, writes and removes them", async () => {
    const member = await tenant.user("member");
    assert.equal((await download(member, "datasets", path)).body, "a\n1\n");
    const own = await uploadDataset(member, "mine.csv", "b\n");
    await removeObject(member, "datasets", own);
    refuses((await download(member, "datasets", own)).status);
  });
  await t.step("another tenant does none of it", async () => {
    refuses((await download(stranger, "datasets", path)).status);
    refuses((await upload(stranger, "datasets", path, "forged")).status);
    refuses((await upload(stranger, "datasets", `${owner.organizationId}/new.csv`, "x")).status);
    await removeObject(stranger, "datasets", path);
    await isUntouched();
  });
  await t.step("nobody writes outside an organization's folder", async () => {
    for (
      const name of ["weather.csv", `${crypto.randomUUID()}/a.csv`, `x/${owner.organizationId}/a`]
    ) {
      refuses((await upload(owner, "datasets", name, "x")).status);
    }
    const climbing = `${stranger.organizationId}/../${owner.organizationId}/climbed.csv`;
    refuses((await upload(stranger, "datasets", climbing, "x")).status);
  });
  await t.step("no client writes artifacts", async () => {
    refuses((await upload(owner, "artifacts", `${owner.organizationId}/forged.json`, "1")).status);
  });
  await t.step("without a token nothing is there", async () => {
    for (const kind of ["object", "object/public", "object/authenticated"]) {
      const response = await fetch(`${stack.url}/storage/v1/${kind}/datasets/${path}`, {
        headers: { apikey: stack.publishableKey },
      });
      const text = await response.text();
      refuses(response.status);
      assert.ok(!text.includes("a\n1"));
    }
  });
});
