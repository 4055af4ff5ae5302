import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createSmallPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const PATH = "/pipelines/endpoints";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const BODY = { url: "https://example.com/hook", events: ["run.failed"] };

const create = async (user: User, fields: Record<string, unknown> = {}): Promise<Body> =>
  expect(await user.post(PATH, { ...BODY, ...fields }), 201);

/** A message that nobody sends: it has failed. */
async function addDelivery(endpoint: Body): Promise<string> {
  const [row] = await sql`insert into public.endpoint_deliveries
      (organization_id, endpoint_id, event_type, payload, status, next_attempt_at, finished_at)
    values (${endpoint.organization_id}, ${endpoint.id}, 'run.failed', '{}', 'failed', null, now())
    returning id`;
  return row?.id;
}

Deno.test("list_endpoints and get_endpoint", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const first = await create(owner);
  const second = await create(owner, { pipeline_id: pipeline.id });
  const path = `${PATH}/${first.id}`;

  await t.step("show members endpoints without their secrets", async () => {
    const member = await tenant.user("member");
    const { data } = expect(await member.get(PATH), 200);
    assert.deepEqual(data.map(({ id }: Body) => id), [second.id, first.id]);
    const { secret, ...shown } = first;
    assert.deepEqual(expect(await member.get(path), 200), shown);
    assert.ok(!JSON.stringify(data).includes(secret));
    const filtered = expect(await member.get(`${PATH}?pipeline_id=${pipeline.id}`), 200);
    assert.deepEqual(filtered.data.map(({ id }: Body) => id), [second.id]);
  });
  await t.step("know no other ids", async () => {
    refused(await owner.get(`${PATH}/${UNKNOWN}`), 404, "not_found");
    refused(await owner.get(`${PATH}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
  await t.step("get is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

Deno.test("update_endpoint and delete_endpoint", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const endpoint = await create(owner);
  const path = `${PATH}/${endpoint.id}`;

  await t.step("update is refused to", (t) =>
    attack(t, {
      tenant,
      method: "PATCH",
      path,
      body: { description: "Theirs" },
      minimumRole: "admin",
    }));
  await t.step("changes what the body names and leaves the rest", async () => {
    const admin = await tenant.user("admin");
    const changes = {
      url: "http://hooks.example.com/",
      events: ["run.canceled"],
      description: "For audits",
    };
    const changed = expect(await admin.patch(path, changes), 200);
    const { secret: _, updated_at: __, ...before } = endpoint;
    const { updated_at: ___, ...after } = changed;
    assert.deepEqual(after, { ...before, ...changes });
    assert.deepEqual(expect(await admin.patch(path, {}), 200), changed);
    const off = expect(await admin.patch(path, { is_active: false }), 200);
    assert.deepEqual([off.is_active, off.disabled_reason], [false, "manual"]);
    assert.ok(off.disabled_at);
    const on = expect(await admin.patch(path, { is_active: true }), 200);
    assert.deepEqual([on.is_active, on.disabled_reason, on.disabled_at], [true, null, null]);
  });
  await t.step("refuses", async () => {
    const before = expect(await owner.get(path), 200);
    const wrong = async (body: unknown, ...paths: string[]) =>
      refused(await owner.patch(path, body), 422, "validation_failed", paths);
    await wrong({ url: "ftp://example.com" }, "url");
    await wrong({ url: "https://u:p@example.com" }, "url");
    await wrong({ url: "http://192.168.0.1/" }, "url");
    await wrong({ events: [] }, "events");
    await wrong({ events: ["run.lost"] }, "events.0");
    await wrong({ is_active: "no" }, "is_active");
    await wrong({ secret: "whsec_AAAA" });
    await wrong({ disabled_reason: "gone" });
    assert.deepEqual(expect(await owner.get(path), 200), before);
    refused(await owner.patch(`${PATH}/${UNKNOWN}`, {}), 404, "not_found");
    refused(await owner.delete(`${PATH}/${UNKNOWN}`), 404, "not_found");
  });
  await t.step(
    "delete is refused to",
    (t) => attack(t, { tenant, method: "DELETE", path, minimumRole: "admin" }),
  );
  await t.step("delete takes the secret and the log along", async () => {
    await addDelivery(endpoint);
    expect(await owner.delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
    refused(await owner.get(`${path}/deliveries`), 404, "not_found");
    const [row] = await sql`select
      (select count(*)::int from public.endpoint_secrets where endpoint_id = ${endpoint.id}) as secrets,
      (select count(*)::int from public.endpoint_deliveries where endpoint_id = ${endpoint.id}) as deliveries`;
    assert.deepEqual({ ...row }, { secrets: 0, deliveries: 0 });
  });
});

Deno.test("what is sent to an endpoint is its organization's alone", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const endpoint = await create(owner);
  const path = `${PATH}/${endpoint.id}`;
  const deliveries = `${path}/deliveries`;
  const delivery = `${deliveries}/${await addDelivery(endpoint)}`;

  await t.step("members read the log", async () => {
    const member = await tenant.user("member");
    assert.equal(expect(await member.get(deliveries), 200).data.length, 1);
    expect(await member.get(delivery), 200);
  });
  await t.step(
    "list_deliveries is refused to",
    (t) => attack(t, { tenant, method: "GET", path: deliveries }),
  );
  await t.step(
    "get_delivery is refused to",
    (t) => attack(t, { tenant, method: "GET", path: delivery }),
  );
  const isAdmins = (name: string, path: string, body?: unknown) =>
    t.step(`${name} is refused to`, async (t) => {
      await attack(t, { tenant, method: "POST", path, body, minimumRole: "admin" });
      assert.equal(expect(await owner.get(deliveries), 200).data.length, 1);
      assert.equal(expect(await owner.get(delivery), 200).status, "failed");
    });
  await isAdmins("rotate_endpoint_secret", `${path}/rotate`, { grace_seconds: 60 });
  await isAdmins("redeliver", `${delivery}/redeliver`);
  await isAdmins("test_endpoint", `${path}/test`);

  await t.step("past the functions, too", async () => {
    const member = await tenant.user("member");
    const stranger = await tenant.stranger();
    const delivery_id = delivery.split("/").at(-1);
    const secret = { id: crypto.randomUUID(), ciphertext: "x", key_version: 1 };
    for (const user of [member, stranger]) {
      for (
        const [command, body] of [
          ["test_endpoint", { endpoint_id: endpoint.id }],
          ["redeliver", { endpoint_id: endpoint.id, delivery_id }],
          ["rotate_endpoint_secret", { endpoint_id: endpoint.id, secret }],
          ["claim_deliveries", { max_deliveries: 1 }],
          ["finish_delivery", { delivery_id, attempt: 0, outcome: {} }],
        ] as const
      ) {
        const { status } = await user.rest("POST", `/rpc/${command}`, body);
        assert.ok(status >= 400, `${command} answered ${status}`);
      }
    }
    assert.equal(expect(await owner.get(deliveries), 200).data.length, 1);
    assert.equal(expect(await owner.get(delivery), 200).status, "failed");
  });
});
