import assert from "node:assert/strict";
import { logs } from "../harness/audit.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { appendLogs, seal, SealedLog, verifyLog } from "../harness/seals.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("verify_audit_logs", async (t) => {
  const log = await SealedLog.make();
  const { tenant } = log;

  await t.step("finds nothing in a log that nobody touched", async () => {
    const found = await log.verify();
    assert.equal(found.valid, true, JSON.stringify(found));
    assert.equal(found.first_broken, null);
    assert.ok(found.rows_checked >= 12 && found.seals_checked >= 3, JSON.stringify(found));
    assert.equal(found.rows_expired, 0);
    const last = log.seals[2];
    assert.ok(Date.parse(found.sealed_until) > last.last_at.getTime());
  });

  await t.step("and in one that has nothing yet", async () => {
    const other = await createTenant();
    assert.equal((await verifyLog(other.owner)).valid, true);
  });

  await t.step("rows that are still to be sealed are no harm", async () => {
    await appendLogs(log.organizationId, 3);
    assert.equal((await log.verify()).valid, true);
  });

  await t.step("an admin may, and it is logged", async () => {
    const admin = await tenant.user("admin");
    assert.equal((await verifyLog(admin)).valid, true);
    const [read] = await logs(tenant.owner, `action_type=READ&actor_id=${admin.id}`);
    assert.equal(read.entity_type, "audit_log");
    assert.deepEqual(read.details.filters, { seals: "all" });
  });

  await t.step("refuses what is no anchor", async () => {
    const wrong = async (body: unknown, path: string) =>
      refused(await tenant.owner.post("/audit/verify", body), 422, "validation_failed", [path]);
    await wrong({ anchor: 1 }, "anchor");
    await wrong({ anchor: "" }, "anchor");
    await wrong({ anchor: "x".repeat(5000) }, "anchor");
    await wrong({ anchor: tenant.owner.token }, "anchor");
    await wrong({ organization: "x" }, "");
  });

  await t.step("is refused to", (t) =>
    attack(t, {
      tenant,
      method: "POST",
      path: "/audit/verify",
      body: {},
      minimumRole: "admin",
      stranger: "empty",
    }));
});

Deno.test("a part of the chain, by the Data API", async (t) => {
  const log = await SealedLog.make();
  const { tenant: { owner }, organizationId: organization_id } = log;
  const part = (user: typeof owner, body: object) =>
    user.rest("POST", "/rpc/verify_audit_seals", { organization_id, ...body });
  await t.step("of as many rows as are asked for, a seal at least", async () => {
    const first = expect(await part(owner, { max_rows: 0 }), 200);
    assert.equal(first.seals_checked, 1);
    assert.equal(first.is_complete, false);
    const second = expect(
      await part(owner, { max_rows: 0, after_sequence: first.last_sequence }),
      200,
    );
    assert.equal(second.last_sequence, first.last_sequence + 1);
    const all = expect(await part(owner, {}), 200);
    assert.equal(all.is_complete, true);
    assert.equal(all.first_broken, null);
  });
  await t.step("for admins alone", async () => {
    const member = await log.tenant.user("member");
    assert.equal((await part(member, {})).status, 403);
    assert.equal((await part(await log.tenant.stranger(), {})).status, 404);
  });
  await t.step("and nobody reads hashes or writes seals", async () => {
    for (
      const [method, path] of [
        ["GET", "/audit_seal_rows"],
        ["PATCH", "/audit_seals?sequence=eq.1"],
        ["DELETE", "/audit_seals?sequence=eq.1"],
        ["POST", "/audit_seals"],
        ["POST", "/rpc/seal_audit_logs"],
      ] as const
    ) {
      const body = method === "GET" || method === "DELETE" ? undefined : { row_count: 1 };
      const { status } = await owner.rest(method, path, body);
      assert.ok(status >= 400, `${method} ${path} answered ${status}`);
    }
    assert.equal((await log.verify()).valid, true);
    await seal();
  });
});
