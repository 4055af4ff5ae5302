import assert from "node:assert/strict";
import { trail } from "../harness/audit.ts";
import { rest } from "../harness/client.ts";
import { changesNothing } from "../harness/hostile.ts";
import { createBlock } from "../harness/pipelines.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("what is private can't be reached through /rest/v1", async (t) => {
  const { owner } = await createTenant();

  for (const schema of ["private", "auth", "storage", "pg_catalog", "information_schema"]) {
    await t.step(`the schema ${schema}`, async () => {
      for (const path of ["/users", "/audit_logs_default", "/objects", "/pg_roles", "/tables"]) {
        const { status } = await owner.rest("GET", path, undefined, { "accept-profile": schema });
        assert.ok([401, 403, 404, 406].includes(status), `${path} answered ${status}`);
      }
      const headers = { "content-profile": schema };
      const answer = await owner.rest("POST", "/rpc/organization_ids", {}, headers);
      assert.ok([401, 403, 404, 406].includes(answer.status), `answered ${answer.status}`);
    });
  }

  await t.step("private functions", async () => {
    const commands = {
      organization_ids: { minimum_role: "member" },
      create_organization: { name: "x", slug: "xx-yy", kind: "personal", owner_id: owner.id },
      append_audit_log: { action_type: "CREATE", entity_type: "x", details: {} },
      log_read: { organization_id: owner.organizationId, entity_type: "forged" },
      write_graph: {},
      set_updated_at: {},
      ensure_audit_partitions: { months_ahead: 1000 },
    };
    for (const [command, body] of Object.entries(commands)) {
      const { status } = await rest("POST", `/rpc/${command}`, { token: owner.token, body });
      assert.ok([401, 403, 404, 406].includes(status), `${command} answered ${status}`);
    }
  });
});

Deno.test("the audit log is append-only, for everyone", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  await createBlock(owner);
  const [row] = await trail(owner.organizationId);

  await t.step("its rows are neither changed nor removed", async () => {
    const path = `/audit_logs?id=eq.${row.id}`;
    await changesNothing(
      "audit_logs",
      row.id,
      () => owner.rest("PATCH", path, { actor_id: crypto.randomUUID() }),
    );
    await changesNothing("audit_logs", row.id, () => owner.rest("DELETE", path));
  });
  await t.step("not by the service either", async () => {
    const options = { apikey: stack.secretKey };
    const path = `/audit_logs?id=eq.${row.id}`;
    await changesNothing(
      "audit_logs",
      row.id,
      () => rest("PATCH", path, { ...options, body: { user_agent: "forged" } }),
    );
    await changesNothing("audit_logs", row.id, () => rest("DELETE", path, options));
    const before = (await trail(owner.organizationId)).length;
    const forged = {
      organization_id: owner.organizationId,
      actor_type: "user",
      action_type: "CREATE",
      entity_type: "forged",
    };
    const { status } = await rest("POST", "/audit_logs", { ...options, body: forged });
    assert.ok(status >= 400, `answered ${status}`);
    assert.equal((await trail(owner.organizationId)).length, before);
  });
  await t.step("a stranger leaves no read in it", async () => {
    const stranger = await tenant.stranger();
    const { status } = await stranger.rest("POST", "/rpc/log_audit_read", {
      filters: {},
      organization_id: owner.organizationId,
    });
    assert.equal(status, 404);
  });
});
