import assert from "node:assert/strict";
import { logs } from "../harness/audit.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("get_audit_log", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const [row] = await logs(owner, `entity_id=${block.id}`);
  const path = `/audit/logs/${row.id}`;

  await t.step("shows one row", async () => {
    assert.deepEqual(expect(await owner.get(path), 200), row);
  });
  await t.step("reading it is logged", async () => {
    const reads = await logs(owner, "action_type=READ");
    assert.ok(reads.some(({ details }) => details.filters?.id === row.id));
  });
  await t.step("a member sees no colleague's action", async () => {
    refused(await (await tenant.user("member")).get(path), 404, "not_found");
    expect(await (await tenant.user("admin")).get(path), 200);
  });
  await t.step("knows no other ids", async () => {
    refused(await owner.get("/audit/logs/00000000-0000-4000-8000-000000000000"), 404, "not_found");
    refused(await owner.get("/audit/logs/x"), 404, "not_found");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});
