import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { createSmallPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";
import { createTrigger, deliver, standardHeaders } from "../harness/webhooks.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

Deno.test("create_trigger", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const path = `/pipelines/${pipeline.id}/triggers`;

  await t.step("answers with the address to send to and, this once, the secret", async () => {
    const admin = await tenant.user("admin");
    const answer = await admin.post(path, { type: "webhook" });
    const trigger = expect(answer, 201);
    assert.equal(trigger.scheme, "standard");
    assert.equal(trigger.is_active, true);
    assert.equal(trigger.created_by, admin.id);
    assert.equal(trigger.url, `${stack.url}/functions/v1/pipelines/hooks/${trigger.id}`);
    assert.match(trigger.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/triggers/${trigger.id}`);
    assert.match((await createTrigger(owner, pipeline, "github")).secret, /^[0-9a-f]{64}$/);
    assert.equal((await createTrigger(owner, pipeline, "none")).secret, null);
  });

  await t.step("takes the sender's own secret", async () => {
    const secret = `whsec_${btoa("twenty-four random bytes")}`;
    const trigger = expect(await owner.post(path, { type: "webhook", secret }), 201);
    assert.equal(trigger.secret, secret);
    expect(await deliver(trigger, "{}", standardHeaders(trigger, "{}")), 202);
  });

  await t.step("stores the secret encrypted and logs it nowhere", async () => {
    const trigger = await createTrigger(owner, pipeline);
    const [row] = await sql`select ciphertext from public.trigger_secrets
      where trigger_id = ${trigger.id}`;
    assert.ok(!row?.ciphertext.includes(trigger.secret));
    const logs = await sql`select details::text from public.audit_logs
      where organization_id = ${tenant.organizationId} and entity_type = 'trigger_secret'`;
    assert.ok(logs.length > 0);
    for (const { details } of logs) {
      assert.ok(!details.includes(trigger.secret) && !details.includes("ciphertext"), details);
    }
  });

  await t.step("refuses", async () => {
    const wrong = async (body: unknown, ...paths: string[]) =>
      refused(await owner.post(path, body), 422, "validation_failed", paths);
    await wrong({}, "type");
    await wrong({ type: "cron" }, "expression");
    await wrong({ type: "webhook", scheme: "basic" }, "scheme");
    await wrong({ type: "webhook", secret: "short" }, "secret");
    await wrong({ type: "webhook", secret: "not a standard secret" }, "secret");
    await wrong({ type: "webhook", scheme: "none", secret: "x".repeat(16) }, "secret");
    const unknown = `/pipelines/${UNKNOWN}/triggers`;
    refused(await owner.post(unknown, { type: "webhook" }), 404, "not_found");
  });

  await t.step(
    "is refused to",
    (t) =>
      attack(t, { tenant, method: "POST", path, body: { type: "webhook" }, minimumRole: "admin" }),
  );
});

Deno.test("list_triggers and get_trigger", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const list = `/pipelines/${pipeline.id}/triggers`;
  const first = await createTrigger(owner, pipeline);
  const second = await createTrigger(owner, pipeline, "none");
  const path = `/pipelines/triggers/${first.id}`;

  await t.step("show triggers without their secrets", async () => {
    const member = await tenant.user("member");
    const { data } = expect(await member.get(list), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [second.id, first.id]);
    assert.ok(!JSON.stringify(data).includes(first.secret));
    const shown = expect(await member.get(path), 200);
    assert.equal(shown.scheme, "standard");
    assert.ok(!("secret" in shown));
  });
  await t.step("know no other ids", async () => {
    refused(await owner.get(`/pipelines/triggers/${UNKNOWN}`), 404, "not_found");
    refused(await owner.get(`/pipelines/${UNKNOWN}/triggers`), 404, "not_found");
    refused(await owner.get(`${list}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("list is refused to", (t) => attack(t, { tenant, method: "GET", path: list }));
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("update_trigger and delete_trigger", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const trigger = await createTrigger(owner, pipeline, "none");
  const path = `/pipelines/triggers/${trigger.id}`;
  const off = { is_active: false };

  await t.step(
    "update is refused to",
    (t) => attack(t, { tenant, method: "PATCH", path, body: off, minimumRole: "admin" }),
  );
  await t.step("switch a webhook off and on", async () => {
    const admin = await tenant.user("admin");
    assert.equal(expect(await admin.patch(path, off), 200).is_active, false);
    refused(await deliver(trigger, "{}"), 404, "not_found");
    assert.equal(expect(await admin.patch(path, { is_active: true }), 200).is_active, true);
    expect(await deliver(trigger, "{}"), 202);
    assert.ok((await owner.get(path)).body.last_triggered_at);
  });
  await t.step("refuse", async () => {
    refused(await owner.patch(path, { is_active: "no" }), 422, "validation_failed", ["is_active"]);
    refused(await owner.patch(path, { scheme: "standard" }), 422, "validation_failed");
    refused(await owner.patch(`/pipelines/triggers/${UNKNOWN}`, off), 404, "not_found");
    refused(await owner.delete(`/pipelines/triggers/${UNKNOWN}`), 404, "not_found");
  });
  await t.step(
    "delete is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("delete ends it, and its runs stay", async () => {
    const run = expect(await deliver(trigger, "{}"), 202);
    expect(await owner.delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
    refused(await deliver(trigger, "{}"), 404, "not_found");
    assert.equal(expect(await owner.get(`/pipelines/runs/${run.id}`), 200).trigger_id, null);
  });
});
