import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { countRuns, createSmallPipeline } from "../harness/pipelines.ts";
import { createSchedule } from "../harness/schedules.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import {
  createTrigger,
  deliver,
  githubHeaders,
  hmacHeaders,
  standardHeaders,
  stripeHeaders,
} from "../harness/webhooks.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const BODY = '{"n": 1}';

Deno.test("rotate_trigger_secret", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const pipeline = await createSmallPipeline(owner);
  const rotate = async ({ id }: Body, body?: unknown): Promise<Body> =>
    expect(await owner.post(`/pipelines/triggers/${id}/rotate`, body), 200);
  const send = (trigger: Body, secret: string) =>
    deliver(trigger, BODY, standardHeaders({ secret }, BODY));
  const works = async (trigger: Body, secret: string) => expect(await send(trigger, secret), 202);
  const fails = async (trigger: Body, secret: string) =>
    refused(await send(trigger, secret), 401, "invalid_signature");

  await t.step("both secrets work until the grace ends", async () => {
    const trigger = await createTrigger(owner, pipeline);
    const admin = await tenant.user("admin");
    const answer = await admin.post(`/pipelines/triggers/${trigger.id}/rotate`, {
      grace_seconds: 3600,
    });
    const { secret, id, grace_seconds } = expect(answer, 200);
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.deepEqual([id, grace_seconds], [trigger.id, 3600]);
    assert.notEqual(secret, trigger.secret);
    await works(trigger, secret);
    await works(trigger, trigger.secret);
    const [row] = await sql`select extract(epoch from expires_at - now())::int as left
      from public.trigger_secrets where trigger_id = ${trigger.id} and expires_at is not null`;
    assert.ok(row?.left > 3500 && row?.left <= 3600);
    await sql`update public.trigger_secrets set expires_at = now()
      where trigger_id = ${trigger.id} and expires_at is not null`;
    await fails(trigger, trigger.secret);
    await works(trigger, secret);
  });
  await t.step("without a grace the old one ends at once", async () => {
    const trigger = await createTrigger(owner, pipeline);
    const { secret } = await rotate(trigger);
    await works(trigger, secret);
    await fails(trigger, trigger.secret);
  });
  await t.step("never more than two work", async () => {
    const first = await createTrigger(owner, pipeline);
    const second = await rotate(first, { grace_seconds: 60 });
    const third = await rotate(first, { grace_seconds: 60 });
    await fails(first, first.secret);
    await works(first, second.secret);
    await works(first, third.secret);
    const rotations = await Promise.all(
      [1, 2, 3, 4].map(() => rotate(first, { grace_seconds: 60 })),
    );
    const taken = await Promise.all(rotations.map(({ secret }) => send(first, secret)));
    assert.equal(taken.filter(({ status }) => status === 202).length, 2);
  });
  await t.step("takes the sender's own, by its scheme", async () => {
    const stripe = await createTrigger(owner, pipeline, "stripe");
    const secret = "whsec_5f9d1c2b3a4e5f6a7b8c9d0e";
    assert.equal((await rotate(stripe, { secret })).secret, secret);
    expect(await deliver(stripe, BODY, stripeHeaders({ secret }, BODY)), 202);
    const github = await createTrigger(owner, pipeline, "github");
    assert.match((await rotate(github)).secret, /^[0-9a-f]{64}$/);
  });
  await t.step("a second secret that can't be read keeps no other from working", async () => {
    const trigger = await createTrigger(owner, pipeline);
    const { secret } = await rotate(trigger, { grace_seconds: 60 });
    await sql`update public.trigger_secrets set ciphertext = 'broken'
      where trigger_id = ${trigger.id} and expires_at is not null`;
    await works(trigger, secret);
    await fails(trigger, trigger.secret);
    await sql`update public.trigger_secrets set ciphertext = 'broken' where trigger_id = ${trigger.id}`;
    const { detail } = await fails(trigger, secret);
    assert.match(detail, /can't be read/);
  });
  await t.step("shows no secret again, and logs none", async () => {
    const trigger = await createTrigger(owner, pipeline);
    const { secret } = await rotate(trigger);
    const shown = expect(await owner.get(`/pipelines/triggers/${trigger.id}`), 200);
    assert.ok(!JSON.stringify(shown).includes(secret));
    const logs = await sql`select details::text from public.audit_logs
      where organization_id = ${tenant.organizationId} and entity_type = 'trigger_secret'`;
    assert.ok(logs.length > 0);
    for (const { details } of logs) {
      assert.ok(!details.includes(secret) && !details.includes("ciphertext"), details);
    }
  });
  const trigger = await createTrigger(owner, pipeline);
  const path = `/pipelines/triggers/${trigger.id}/rotate`;
  await t.step("refuses", async () => {
    const wrong = async (body: unknown, ...paths: string[]) =>
      refused(await owner.post(path, body), 422, "validation_failed", paths);
    await wrong({ grace_seconds: -1 }, "grace_seconds");
    await wrong({ grace_seconds: 31 * 86_400 }, "grace_seconds");
    await wrong({ secret: "short" }, "secret");
    await wrong({ secret: "not a standard secret" }, "secret");
    await wrong({ scheme: "none" });
    const unknown = `/pipelines/triggers/${UNKNOWN}/rotate`;
    refused(await owner.post(unknown), 404, "not_found");
    for (
      const other of [
        await createTrigger(owner, pipeline, "none"),
        await createSchedule(owner, pipeline),
      ]
    ) {
      refused(await owner.post(`/pipelines/triggers/${other.id}/rotate`), 422, "validation_failed");
      const row = { trigger_id: other.id, ciphertext: "x", key_version: 1 };
      assert.ok((await owner.rest("POST", "/trigger_secrets", row)).status >= 400);
    }
    await works(trigger, trigger.secret);
  });
  await t.step(
    "is refused to",
    (t) =>
      attack(t, {
        tenant,
        method: "POST",
        path,
        body: { grace_seconds: 60 },
        minimumRole: "admin",
      }),
  );
});

Deno.test("receive_delivery, Stripe and HMAC", async (t) => {
  const { owner } = await createTenant();

  await t.step("Stripe's event starts one run, however often it is signed", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createTrigger(owner, pipeline, "stripe");
    const event = JSON.stringify({ id: "evt_1", object: "event" });
    const run = expect(await deliver(trigger, event, stripeHeaders(trigger, event)), 202);
    const later = new Date(Date.now() + 60_000);
    const again = await deliver(trigger, event, stripeHeaders(trigger, event, later));
    assert.equal(expect(again, 202).id, run.id);
    const old = stripeHeaders(trigger, event, new Date(Date.now() - 301_000));
    refused(await deliver(trigger, event, old), 401, "invalid_signature");
    refused(await deliver(trigger, event, githubHeaders(trigger, event)), 401, "invalid_signature");
    assert.equal(await countRuns(pipeline.id), 1);
  });
  await t.step("a plain HMAC's body starts one run, unless its deliveries have ids", async () => {
    const pipeline = await createSmallPipeline(owner);
    const trigger = await createTrigger(owner, pipeline, "hmac");
    const run = expect(await deliver(trigger, BODY, hmacHeaders(trigger, BODY)), 202);
    assert.equal(expect(await deliver(trigger, BODY, hmacHeaders(trigger, BODY)), 202).id, run.id);
    const named = expect(await deliver(trigger, BODY, hmacHeaders(trigger, BODY, "d-1")), 202);
    assert.notEqual(named.id, run.id);
    refused(
      await deliver(trigger, `${BODY} `, hmacHeaders(trigger, BODY)),
      401,
      "invalid_signature",
    );
    assert.equal(await countRuns(pipeline.id), 2);
  });
});

Deno.test("receive_delivery, bodies", async (t) => {
  const { owner } = await createTenant();
  const pipeline = await createSmallPipeline(owner);
  const trigger = await createTrigger(owner, pipeline, "hmac");
  const send = (body: string | Uint8Array<ArrayBuffer>) =>
    deliver(trigger, body, hmacHeaders(trigger, body));

  await t.step("of 1 MiB are taken, and not a byte more", async () => {
    const body = JSON.stringify("x".repeat(2 ** 20 - 2));
    assert.equal(body.length, 2 ** 20);
    expect(await send(body), 202);
    refused(await send(`${body} `), 413, "body_too_large");
    const stream = new Blob([`${body} `]).stream();
    const headers = hmacHeaders(trigger, `${body} `);
    const url = `${trigger.url}`;
    const answer = await fetch(url, { method: "POST", body: stream, headers });
    assert.equal(answer.status, 413, "also where nobody says how long it is");
    await answer.body?.cancel();
  });
  await t.step("arrive as they were sent", async () => {
    const input = { "Zürich": "☂ 雨 \u{1F327}", deep: [[[null]]] };
    const run = expect(await send(` ${JSON.stringify(input)}\n`), 202);
    assert.deepEqual(expect(await owner.get(`/pipelines/runs/${run.id}`), 200).input, input);
    const marked = new TextEncoder().encode('\ufeff{"bom": true}');
    expect(await send(marked), 202);
  });
  await t.step("that are no JSON are refused, signed or not", async () => {
    const before = await countRuns(pipeline.id);
    for (const body of ["", "rain", "{", Uint8Array.from([0x22, 0xff, 0x22])]) {
      refused(await send(body), 400, "invalid_json");
    }
    refused(await send("[".repeat(600) + "]".repeat(600)), 422, "validation_failed");
    assert.equal(await countRuns(pipeline.id), before);
  });
  await t.step("that the database can't hold are a bad input, not a failure", async () => {
    const { status } = await send('"a\\u0000b"');
    assert.ok(status >= 400 && status < 500, `answered ${status}`);
  });
});
