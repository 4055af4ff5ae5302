import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createSmallPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, createUser } from "../harness/tenant.ts";

const PATH = "/pipelines/endpoints";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const BODY = { url: "https://example.com/hooks?team=7", events: ["run.succeeded", "run.failed"] };

Deno.test("create_endpoint", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const stored = async () => {
    const [row] = await sql`
      select (select count(*)::int from public.pipeline_endpoints where organization_id = ${organizationId}) as endpoints,
        (select count(*)::int from public.endpoint_secrets where organization_id = ${organizationId}) as secrets`;
    return row;
  };

  await t.step("answers with the endpoint and, this once, its secret", async () => {
    const admin = await tenant.user("admin");
    const answer = await admin.post(PATH, {
      ...BODY,
      description: "Billing",
      pipeline_id: pipeline.id,
    });
    const endpoint = expect(answer, 201);
    const location = `/functions/v1${PATH}/${endpoint.id}`;
    assert.equal(answer.headers.get("location"), location);
    const { id: _, created_at: __, updated_at: ___, secret, ...fields } = endpoint;
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.deepEqual(fields, {
      ...BODY,
      organization_id: organizationId,
      pipeline_id: pipeline.id,
      description: "Billing",
      is_active: true,
      disabled_at: null,
      disabled_reason: null,
      failing_since: null,
      created_by: admin.id,
    });
    const another = expect(await admin.post(PATH, BODY), 201);
    assert.notEqual(another.secret, secret);
    assert.equal(another.pipeline_id, null);
  });

  await t.step("stores the secret encrypted for its row, and logs it nowhere", async () => {
    const endpoint = expect(await owner.post(PATH, BODY), 201);
    const [row] = await sql`select ciphertext, organization_id, expires_at
      from public.endpoint_secrets where endpoint_id = ${endpoint.id}`;
    assert.ok(row?.ciphertext && !row.ciphertext.includes(endpoint.secret.slice(6)));
    assert.equal(row.organization_id, organizationId);
    assert.equal(row.expires_at, null);
    const logs = await sql`select entity_type, actor_id, details::text from public.audit_logs
      where organization_id = ${organizationId}
        and entity_type in ('pipeline_endpoint', 'endpoint_secret')`;
    assert.equal(new Set(logs.map(({ entity_type }) => entity_type)).size, 2);
    for (const { details } of logs) {
      assert.ok(!details.includes(endpoint.secret.slice(6)) && !details.includes("ciphertext"));
    }
    assert.ok(logs.some(({ actor_id }) => actor_id === owner.id));
  });

  await t.step("refuses, and stores nothing", async () => {
    const before = await stored();
    const wrong = async (change: Record<string, unknown>, path: string) =>
      refused(await owner.post(PATH, { ...BODY, ...change }), 422, "validation_failed", [path]);
    const urls = ["ftp://example.com/", "example.com", "", "https://", "http:example.com", 7, null];
    for (const url of urls) await wrong({ url }, "url");
    await wrong({ url: "https://user:password@example.com/" }, "url");
    await wrong({ url: "https://user@example.com/" }, "url");
    await wrong({ url: "https:\\\\user@example.com/" }, "url");
    const spaced = ["a b", "a\nb", "a\u0000b", "a\ud800b"];
    for (const path of spaced) await wrong({ url: `https://example.com/${path}` }, "url");
    refused(
      await owner.post(PATH, { ...BODY, description: "a\u0000b" }),
      422,
      "validation_failed",
    );
    await wrong({ url: `https://example.com/${"x".repeat(2000)}` }, "url");
    const hosts = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"];
    const spelled = ["localhost", "2130706433", "0x7f.1", "api.localhost", "0.0.0.0", "127.0.0.1."];
    for (const host of [...hosts, ...spelled]) await wrong({ url: `http://${host}:8080/` }, "url");
    await wrong({ events: [] }, "events");
    await wrong({ events: ["run.started"] }, "events.0");
    await wrong({ events: ["run.failed", "*"] }, "events.1");
    await wrong({ events: "run.failed" }, "events");
    await wrong({ events: undefined }, "events");
    await wrong({ description: 7 }, "description");
    await wrong({ pipeline_id: "mine" }, "pipeline_id");
    refused(await owner.post(PATH, { ...BODY, secret: "whsec_AAAA" }), 422, "validation_failed");
    refused(await owner.post(PATH, { ...BODY, pipeline_id: UNKNOWN }), 404, "not_found");
    const theirs = await createSmallPipeline(await tenant.stranger());
    refused(await owner.post(PATH, { ...BODY, pipeline_id: theirs.id }), 404, "not_found");
    const personal = owner.in((await createUser()).organizationId);
    refused(await personal.post(PATH, BODY), 404, "not_found");
    assert.deepEqual(await stored(), before);
  });

  await t.step("past the functions there is no way to one without a secret", async () => {
    const before = await stored();
    const values = { organization_id: organizationId, ...BODY };
    refusedByRest(await owner.rest("POST", "/pipeline_endpoints", values));
    const member = await tenant.user("member");
    const command = {
      endpoint_id: crypto.randomUUID(),
      organization_id: organizationId,
      endpoint: BODY,
      secret: { id: crypto.randomUUID(), ciphertext: "x", key_version: 1 },
    };
    refusedByRest(await member.rest("POST", "/rpc/create_endpoint", command));
    refusedByRest(await owner.rest("POST", "/rpc/create_endpoint", { ...command, secret: {} }));
    const withUser = { ...command, endpoint: { ...BODY, url: "https://user@example.com/" } };
    refusedByRest(await owner.rest("POST", "/rpc/create_endpoint", withUser));
    assert.deepEqual(await stored(), before);
  });

  await t.step("is refused to", (t) =>
    attack(t, {
      tenant,
      method: "POST",
      path: PATH,
      body: BODY,
      minimumRole: "admin",
      stranger: "own",
    }));
});

function refusedByRest({ status, body }: { status: number; body: unknown }): void {
  assert.ok(status >= 400, `answered ${status}: ${JSON.stringify(body)}`);
}
