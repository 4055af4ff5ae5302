import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import {
  createBlock,
  createPipeline,
  createSmallPipeline,
  runPair,
  runPipeline,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const identity = { kind: "identity" };

/**
 * Any member may edit a pipeline, and an owner may run it: what a step does must never be more than a
 * member could do, or the owner's rights would be everyone's.
 */
Deno.test("a step lends nobody the rights of whoever runs it", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const stranger = await tenant.stranger();

  await t.step("it writes no table of the platform", async () => {
    const source = await createBlock(member, {
      kind: "inline",
      rows: [{ user_id: stranger.id, role: "owner" }],
    });
    for (const mode of ["append", "replace", "upsert"]) {
      for (const table of ["memberships", "organizations", "pipelines", "audit_logs"]) {
        const target = await createBlock(member, { kind: "table", table, mode });
        const { status, error } = await runPair(owner, source, identity, target);
        assert.equal(status, "failed", `${mode} into ${table}`);
        assert.equal(error.code, "table_failed");
      }
    }
    const members = await sql`select user_id from public.memberships
      where organization_id = ${owner.organizationId} and user_id = ${stranger.id}`;
    assert.deepEqual([...members], []);
    assert.equal((await owner.get(`/organizations/${owner.organizationId}`)).status, 200);
  });

  await t.step("it reads nothing that is its user's own, nor as an admin", async () => {
    expect(await owner.post("/keys", { name: "Mine", scopes: ["pipelines:read"] }), 201);
    const tables = ["audit_logs", "api_keys", "provider_keys", "usage_events", "usage_counters"];
    for (const table of tables) {
      const block = await createBlock(member, { kind: "table", table, select: "id", limit: 1000 });
      const { output } = await runPipeline(owner, await createPipeline(member, [block]));
      assert.deepEqual(output, [], table);
    }
  });

  await t.step("it reads no answers kept for its user elsewhere", async () => {
    const kept = await createSmallPipeline(owner);
    const headers = { "idempotency-key": crypto.randomUUID() };
    expect(await owner.post(`/pipelines/${kept.id}/runs`, { input: "secret" }, { headers }), 202);
    const block = await createBlock(member, { kind: "table", table: "idempotency_keys" });
    const { output } = await runPipeline(owner, await createPipeline(member, [block]));
    assert.deepEqual(output, []);
  });
});
