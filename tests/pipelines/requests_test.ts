import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  createBlock,
  createPipeline,
  createSmallPipeline,
  uniqueName,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { addMember, createTenant, createUser, signUp } from "../harness/tenant.ts";

const BLOCKS = "/pipelines/blocks";
const MEBIBYTE = 2 ** 20;
const json = { "content-type": "application/json" };
const block = (fields: Record<string, unknown> = {}) => ({
  name: uniqueName("b"),
  block_type: "dataset",
  spec: { kind: "inline", rows: [] },
  ...fields,
});

Deno.test("bodies", async (t) => {
  const user = await createUser();
  const send = (rawBody: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>) =>
    user.post(BLOCKS, undefined, { rawBody, headers: json });

  await t.step("malformed JSON", async () => {
    for (const text of ["{", "{'a': 1}", '{"a": }', "[1,]", "nul", "\u0000", '"\u0001"']) {
      refused(await send(text), 400, "invalid_json");
    }
    refused(await send(new Uint8Array([0xff, 0xfe])), 400, "invalid_json");
    const { body } = await send('{"key": sk-live-secret}');
    assert.ok(!JSON.stringify(body).includes("sk-l"), "what does not parse is not quoted");
  });
  await t.step("over the limit, as its length says", async () => {
    const text = JSON.stringify(block({ description: "x".repeat(MEBIBYTE) }));
    refused(await send(text), 413, "body_too_large");
  });
  await t.step("over the limit, without a length", async () => {
    const chunk = new TextEncoder().encode(" ".repeat(65_536));
    let chunks = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++chunks > 64) controller.close();
        else controller.enqueue(chunk);
      },
    });
    refused(await send(endless), 413, "body_too_large");
  });
  await t.step("just below the limit", async () => {
    const rows = ["x".repeat(MEBIBYTE - 1000)];
    expect(await user.post(BLOCKS, block({ spec: { kind: "inline", rows } })), 201);
  });
  await t.step("JSON that nests too deeply", async () => {
    const pipeline = await createSmallPipeline(user);
    // Past `call`: walking such an answer would overflow the stack here too.
    const status = async (path: string, body: string) => {
      const headers = { ...json, authorization: `Bearer ${user.token}` };
      const url = `${stack.url}/functions/v1${path}`;
      const response = await fetch(url, { method: "POST", headers, body });
      await response.body?.cancel();
      return response.status;
    };
    for (const depth of [100, 400, 2_000, 5_000, 100_000]) {
      const deep = "[".repeat(depth) + "]".repeat(depth);
      const nested = JSON.stringify(block()).replace('"rows":[]', `"rows":[${deep}]`);
      const statuses = [
        await status(BLOCKS, deep),
        await status(BLOCKS, nested),
        await status(`/pipelines/${pipeline.id}/runs`, `{"input": ${deep}}`),
      ];
      assert.ok(Math.max(...statuses) < 500, `answered ${statuses} at ${depth} levels`);
      if (depth === 100) assert.deepEqual(statuses, [422, 201, 202]);
      if (depth > 500) assert.deepEqual(statuses, [422, 422, 422]);
    }
  });
  await t.step("NUL characters, which PostgreSQL can't store", async () => {
    const nul = "a\u0000b";
    refused(await user.post(BLOCKS, block({ name: nul })), 422, "validation_failed");
    refused(await user.post(BLOCKS, block({ description: nul })), 422, "validation_failed");
    const rows = [{ text: nul }];
    refused(
      await user.post(BLOCKS, block({ spec: { kind: "inline", rows } })),
      422,
      "validation_failed",
    );
    const keyed = [{ [nul]: 1 }];
    const inKey = await user.post(BLOCKS, block({ spec: { kind: "inline", rows: keyed } }));
    refused(inKey, 422, "validation_failed");
    const pipeline = await createSmallPipeline(user);
    const run = await user.post(`/pipelines/${pipeline.id}/runs`, { input: { text: nul } });
    refused(run, 422, "validation_failed");
    const { status } = await user.get(`${BLOCKS}?name=%00`);
    assert.ok(status === 200 || status === 422, `answered ${status}`);
  });
  await t.step("text of every kind is kept as it is", async () => {
    const name = `${uniqueName("Ω")} "quoted" 'n' \\ %_ 🌧️ ‮`;
    const created = expect(await user.post(BLOCKS, block({ name })), 201);
    assert.equal(created.name, name);
    const { data } = expect(await user.get(`${BLOCKS}?name=${encodeURIComponent(name)}`), 200);
    assert.equal(data[0]?.id, created.id);
    const lone = JSON.stringify(block({ name: uniqueName("b") })).replace(
      '"rows":[]',
      '"rows":["\\ud800"]',
    );
    const { status } = await send(lone);
    assert.ok(status === 201 || status === 422, `answered ${status}`);
  });
  await t.step("keys and numbers at the edge are kept as they are", async () => {
    const rows = [{ constructor: 1, "": 2, "a.b": 3, n: 1e308, small: 5e-324, whole: 2 ** 53 }];
    const created = expect(await user.post(BLOCKS, block({ spec: { kind: "inline", rows } })), 201);
    assert.deepEqual(created.current_version.spec.rows, rows);
  });
});

Deno.test("the organization that a request works in", async (t) => {
  const tenant = await createTenant();
  const stranger = await tenant.stranger();
  const send = (user: { token: string }, headers: Record<string, string> = {}) =>
    call("GET", BLOCKS, { token: user.token, headers });

  await t.step("is the caller's only one", async () => {
    const { id } = await createBlock(stranger);
    assert.equal(expect(await send(stranger), 200).data[0].id, id);
  });
  await t.step("must be named by who belongs to several", async () => {
    refused(await send(tenant.owner), 400, "organization_required");
    const answer = await call("POST", BLOCKS, { token: tenant.owner.token, body: block() });
    refused(answer, 400, "organization_required");
    for (const path of ["/pipelines", "/pipelines/edges", "/audit/logs"]) {
      refused(await call("GET", path, { token: tenant.owner.token }), 400, "organization_required");
    }
  });
  await t.step("must be an id", async () => {
    for (
      const id of ["x", "null", "1 or 1=1", `${tenant.organizationId},${tenant.organizationId}`]
    ) {
      refused(await send(tenant.owner, { "x-organization-id": id }), 400, "invalid_request");
    }
  });
  await t.step("must be one of the caller's", async () => {
    for (const id of [tenant.organizationId, "00000000-0000-4000-8000-000000000000"]) {
      refused(await send(stranger, { "x-organization-id": id }), 404, "not_found");
    }
  });
  await t.step("counts at once for who has just joined, and no more for who has left", async () => {
    const user = await createUser();
    expect(await send(user), 200);
    const id = await addMember(tenant.organizationId, user, "member");
    const named = { "x-organization-id": tenant.organizationId };
    expect(await send(user, named), 200);
    const { id: secret } = await createBlock(tenant.owner);
    await sql`delete from public.memberships where id = ${id}`;
    const { status, body } = await send(user, named);
    assert.ok(status === 404 || body.data.length === 0);
    assert.ok(!JSON.stringify(body).includes(secret));
  });
  await t.step("an invitation is no membership, nor is a suspended one", async () => {
    const user = await createUser();
    const id = await addMember(tenant.organizationId, user, "admin", "invited");
    const named = { "x-organization-id": tenant.organizationId };
    refused(await send(user, named), 404, "not_found");
    await sql`update public.memberships set status = 'suspended' where id = ${id}`;
    refused(await send(user, named), 404, "not_found");
  });
});

Deno.test("CORS lets any page call, and read what it needs", async () => {
  const url = `${stack.url}/functions/v1${BLOCKS}`;
  const origin = "https://app.example.com";
  const needed = [
    "authorization",
    "apikey",
    "content-type",
    "x-client-info",
    "idempotency-key",
    "if-match",
    "last-event-id",
    "x-organization-id",
    "x-request-id",
  ];
  const preflight = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "PATCH",
      "access-control-request-headers": needed.join(","),
    },
  });
  await preflight.body?.cancel();
  assert.ok(preflight.ok);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
  assert.match(preflight.headers.get("access-control-allow-methods") ?? "", /PATCH/);
  const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
  for (const header of needed) assert.ok(allowed.includes(header), `${header} is not allowed`);

  const user = await createUser();
  const answer = await user.get(BLOCKS, { headers: { origin } });
  const denied = await call("GET", BLOCKS, { headers: { origin } });
  for (const { headers } of [answer, denied]) {
    assert.equal(headers.get("access-control-allow-origin"), "*");
    const exposed = headers.get("access-control-expose-headers")?.toLowerCase() ?? "";
    for (const header of ["etag", "location", "x-request-id", "idempotent-replayed"]) {
      assert.ok(exposed.includes(header), `${header} is not exposed`);
    }
  }
});

Deno.test("x-request-id is echoed, made where it is missing, and stands in the audit log", async () => {
  const user = await createUser();
  const id = `test.${crypto.randomUUID()}`;
  const answer = await user.post(BLOCKS, block(), { headers: { "x-request-id": id } });
  expect(answer, 201);
  assert.equal(answer.headers.get("x-request-id"), id);
  const { data } = expect(await user.get(`/audit/logs?request_id=${id}&action_type=CREATE`), 200);
  const types = data.map(({ entity_type }: { entity_type: string }) => entity_type).toSorted();
  assert.deepEqual(types, ["block", "block_version"]);

  const made = (await user.get(BLOCKS)).headers.get("x-request-id") ?? "";
  assert.match(made, /^[0-9a-f-]{36}$/);
  const bad = await user.get(BLOCKS, { headers: { "x-request-id": "a b\t<c>" } });
  assert.match(bad.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
});

Deno.test("what is not there", async () => {
  const user = await createUser();
  refused(await user.get("/pipelines/blocks/a/b/c/d"), 404, "not_found");
  const answer = await user.send("PUT", `${BLOCKS}/${crypto.randomUUID()}`);
  refused(answer, 405, "method_not_allowed");
  assert.deepEqual(answer.headers.get("allow")?.split(", ").toSorted(), ["DELETE", "GET", "PATCH"]);
});

Deno.test("a user who signed up works with the token that the auth server gave", async () => {
  const user = await signUp();
  const pipeline = await createPipeline(user, [await createBlock(user)]);
  expect(await call("GET", `/pipelines/${pipeline.id}`, { token: user.token }), 200);
});
