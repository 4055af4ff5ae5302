import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { Sender } from "../harness/endpoints.ts";
import { expect } from "../harness/expect.ts";

/** Seconds before each attempt but the first, by the Standard Webhooks; each up to a fifth later. */
const SCHEDULE = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

const down = () => new Response("down", { status: 502 });
const between = (seconds: number, least: number, most: number) =>
  assert.ok(seconds > least - 5 && seconds <= most, `${seconds} s, not ${least} to ${most}`);

/** A port of loopback where nobody listens. */
function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

/** A message that is due, at a receiver that answers so. */
async function prepare(sender: Sender, answer?: () => Response) {
  const endpoint = await sender.createEndpoint();
  const pipeline = await sender.createPipeline();
  if (answer) sender.receiver.misbehave = answer;
  await sender.endRun(pipeline);
  return { endpoint, pipeline };
}

Deno.test("a message is retried on the schedule, and then given up", () =>
  Sender.with(async (sender) => {
    const { endpoint } = await prepare(sender, down);
    for (const [index, seconds] of SCHEDULE.entries()) {
      assert.equal(await sender.work(), 1);
      const delivery = await sender.delivery(endpoint);
      assert.equal(delivery.status, "pending");
      assert.equal(delivery.attempt, index + 1);
      between(await sender.dueIn(delivery), seconds, seconds * 1.2);
      // Before its time nothing is sent.
      assert.equal(await sender.work(), 0);
      await sender.passTime();
    }
    assert.equal(await sender.work(), 1);
    const delivery = await sender.delivery(endpoint);
    assert.equal(delivery.status, "failed");
    assert.equal(delivery.next_attempt_at, null);
    assert.ok(delivery.finished_at);
    assert.deepEqual(
      delivery.attempts.map(({ attempt }: Body) => attempt),
      [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    );
    await sender.passTime();
    assert.equal(await sender.work(), 0);
    assert.deepEqual(new Set(sender.receiver.requests.map(({ id }) => id)), new Set([delivery.id]));
    assert.equal((await sender.endpoint(endpoint)).is_active, true);
  }));

Deno.test("a receiver that dies for a while takes everything exactly once", () =>
  Sender.with(async (sender) => {
    const { receiver } = sender;
    const { endpoint, pipeline } = await prepare(sender);
    // Down in every way that there is; once it takes a message and its answer is lost.
    const faults = [
      down,
      () => new Response(null, { status: 404 }),
      () => new Response("a".repeat(300_000)),
    ];
    let round = 0;
    receiver.misbehave = (request) => {
      if (round === 2) receiver.accepted.set(request.id, request.verified);
      return faults[round]?.();
    };
    const work = async () => {
      await sender.work();
      await sender.passTime();
    };
    const move = (url: string) =>
      sender.send("PATCH", `/pipelines/endpoints/${endpoint.id}`, { url });
    for (let count = 1; count < 6; count++) await sender.endRun(pipeline);
    expect(await move(`http://127.0.0.1:${closedPort()}/`), 200);
    await work();
    for (const { attempts: [attempt] } of await sender.deliveries(endpoint)) {
      assert.equal(attempt.error.code, "unreachable");
    }
    expect(await move(receiver.url), 200);
    for (; round < 4; round++) await work();
    const deliveries = await sender.deliveries(endpoint);
    assert.equal(deliveries.length, 6);
    for (const { id, status } of deliveries) {
      assert.equal(status, "succeeded");
      assert.equal(receiver.of(id).length, 4);
      assert.equal(new Set(receiver.of(id).map(({ text }) => text)).size, 1, "another body");
    }
    assert.deepEqual(
      [...receiver.accepted.keys()].toSorted(),
      deliveries.map(({ id }) => id).toSorted(),
    );
    assert.equal((await sender.endpoint(endpoint)).failing_since, null);
  }));

Deno.test("Retry-After is honoured, up to a day and never before the schedule", () =>
  Sender.with(async (sender) => {
    const { endpoint } = await prepare(sender);
    const busy = async (status: number, retryAfter: string) => {
      sender.receiver.misbehave = () =>
        new Response(null, { status, headers: { "retry-after": retryAfter } });
      await sender.stack.query("update public.endpoint_deliveries set tries = 0");
      await sender.passTime();
      assert.equal(await sender.work(), 1);
      return await sender.dueIn(await sender.delivery(endpoint));
    };
    between(await busy(429, "3600"), 3600, 3600);
    between(await busy(503, "120"), 120, 120);
    const at = new Date(Date.now() + 7_200_000).toUTCString();
    between(await busy(503, at), 7200, 7201);
    between(await busy(429, "999999999999"), 86_400, 86_400);
    between(await busy(429, "0"), 5, 6);
    between(await busy(429, "soon"), 5, 6);
    between(await busy(500, "3600"), 5, 6);
  }));

Deno.test("410 disables the endpoint at once", () =>
  Sender.with(async (sender) => {
    const { endpoint, pipeline } = await prepare(sender, () => new Response(null, { status: 410 }));
    await sender.work();
    const gone = await sender.endpoint(endpoint);
    assert.equal(gone.is_active, false);
    assert.equal(gone.disabled_reason, "gone");
    assert.ok(gone.disabled_at);
    assert.equal((await sender.delivery(endpoint)).status, "failed");
    await sender.endRun(pipeline);
    assert.equal((await sender.deliveries(endpoint)).length, 1, "it wants no more");
  }));

Deno.test("an endpoint that fails for days is disabled, and what it missed waits", () =>
  Sender.with(async (sender) => {
    const { endpoint, pipeline } = await prepare(sender, down);
    const path = `/pipelines/endpoints/${endpoint.id}`;
    await sender.work();
    assert.ok((await sender.endpoint(endpoint)).failing_since);
    await sender.stack.query(
      "update public.pipeline_endpoints set failing_since = now() - interval '4 days'",
    );
    await sender.passTime();
    await sender.work();
    // Not before a message has used up its schedule.
    assert.equal((await sender.endpoint(endpoint)).is_active, true);
    await sender.endRun(pipeline);
    await sender.stack.query("update public.endpoint_deliveries set tries = 9 where attempt > 0");
    await sender.stack.query(
      "update public.endpoint_deliveries set next_attempt_at = now() - interval '1 minute' where attempt > 0",
    );
    await sender.work();
    const off = await sender.endpoint(endpoint);
    assert.deepEqual([off.is_active, off.disabled_reason], [false, "failing"]);
    await sender.endRun(pipeline);
    const statuses = async () =>
      (await sender.deliveries(endpoint)).map(({ status }) => status).toSorted();
    assert.deepEqual(await statuses(), ["failed", "waiting", "waiting"]);
    await sender.passTime();
    assert.equal(await sender.work(), 0);

    sender.receiver.misbehave = () => undefined;
    const on = expect(await sender.send("PATCH", path, { is_active: true }), 200);
    assert.deepEqual([on.disabled_at, on.disabled_reason, on.failing_since], [null, null, null]);
    assert.equal(await sender.work(), 2);
    assert.deepEqual(await statuses(), ["failed", "succeeded", "succeeded"]);
    assert.equal(sender.receiver.accepted.size, 2);
  }));

Deno.test("what is due waits while an endpoint is switched off", () =>
  Sender.with(async (sender) => {
    const { endpoint, pipeline } = await prepare(sender);
    const path = `/pipelines/endpoints/${endpoint.id}`;
    const off = expect(await sender.send("PATCH", path, { is_active: false }), 200);
    assert.equal(off.disabled_reason, "manual");
    await sender.endRun(pipeline);
    assert.equal(await sender.work(), 0);
    assert.equal((await sender.delivery(endpoint)).status, "waiting");
    expect(await sender.send("PATCH", path, { is_active: true }), 200);
    assert.equal(await sender.work(), 1);
    assert.equal((await sender.delivery(endpoint)).status, "succeeded");
  }));

Deno.test("what is written while an endpoint is being switched off waits, too", () =>
  Sender.with(async (sender) => {
    const { endpoint } = await prepare(sender);
    const path = `/pipelines/endpoints/${endpoint.id}`;
    expect(await sender.send("PATCH", path, { is_active: false }), 200);
    // As if the run had ended in a transaction that did not see the switch.
    await sender.stack.query(
      "update public.endpoint_deliveries set status = 'pending', next_attempt_at = now()",
    );
    assert.equal(await sender.work(), 0);
    assert.equal((await sender.delivery(endpoint)).status, "waiting");
    assert.equal(sender.receiver.requests.length, 0);
  }));

Deno.test("a dead worker's message is sent again after its lease, and the zombie changes nothing", () =>
  Sender.with(async (sender) => {
    const { endpoint } = await prepare(sender);
    const [claimed] = await sender.rpc("claim_deliveries", { max_deliveries: 5 });
    assert.equal((await sender.delivery(endpoint)).status, "sending");
    assert.deepEqual(await sender.rpc("claim_deliveries", { max_deliveries: 5 }), []);
    assert.equal(await sender.work(), 0);
    await sender.passTime();
    sender.receiver.misbehave = down;
    assert.equal(await sender.work(), 1);

    const { delivery_id, attempt } = claimed;
    const outcome = { response_status: 200, error: null, duration_ms: 1 };
    const finish = () => sender.rpc("finish_delivery", { delivery_id, attempt, outcome });
    assert.equal(await finish(), false);
    const delivery = await sender.delivery(endpoint);
    assert.equal(delivery.status, "pending");
    assert.deepEqual(
      delivery.attempts.map(({ error }: Body) => error.code),
      ["http_status", "lease_expired"],
    );
    assert.equal(delivery.attempts[1].response_status, null);
    sender.receiver.misbehave = () => undefined;
    await sender.passTime();
    assert.equal(await sender.work(), 1);
    assert.deepEqual([...sender.receiver.accepted.keys()], [delivery_id]);
  }));

Deno.test("a message whose workers keep dying is given up, too", () =>
  Sender.with(async (sender) => {
    const { endpoint } = await prepare(sender);
    for (let attempt = 1; attempt <= 10; attempt++) {
      const [claimed] = await sender.rpc("claim_deliveries", { max_deliveries: 1 });
      assert.equal(claimed.attempt, attempt);
      await sender.passTime();
    }
    assert.deepEqual(await sender.rpc("claim_deliveries", { max_deliveries: 1 }), []);
    assert.equal((await sender.delivery(endpoint)).status, "failed");
  }));

Deno.test("a dead endpoint holds no other up", () =>
  Sender.with(async (sender) => {
    const dead = await sender.createEndpoint({ url: `${sender.receiver.url}?dead` });
    const pipeline = await sender.createPipeline();
    for (let count = 0; count < 20; count++) await sender.endRun(pipeline);
    await sender.stack.query(
      "update public.endpoint_deliveries set next_attempt_at = now() - interval '1 day'",
    );
    const alive = await sender.createEndpoint();
    await sender.endRun(pipeline);
    const claim = async (): Promise<Body[]> =>
      await sender.rpc("claim_deliveries", { max_deliveries: 16 });
    const of = (endpoint: Body, claimed: Body[]) =>
      claimed.filter(({ url }) => url === endpoint.url).length;
    const first = await claim();
    assert.deepEqual([of(dead, first), of(alive, first)], [8, 1]);
    assert.deepEqual(await claim(), []);
    await sender.stack.query("update public.pipeline_endpoints set failing_since = now()");
    await sender.passTime();
    assert.equal(of(dead, await claim()), 1);
  }));
