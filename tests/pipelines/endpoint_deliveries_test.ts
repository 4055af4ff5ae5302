import assert from "node:assert/strict";
import { Sender } from "../harness/endpoints.ts";
import { expect, refused } from "../harness/expect.ts";
import { keyRing } from "../harness/own_functions.ts";
import { Receiver, verifyWith } from "../harness/receiver.ts";
import { waitFor } from "../harness/wait.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

Deno.test("the end of a run is told, signed", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    const pipeline = await sender.createPipeline();
    const path = `/pipelines/${pipeline.id}/runs`;
    const run = expect(await sender.send("POST", path, { input: { city: "Seattle" } }), 202);
    const request = await sender.receiver.next();

    const event = verifyWith(endpoint.secret, request.headers, request.text);
    assert.equal(event.type, "run.succeeded");
    assert.ok(Date.parse(event.timestamp));
    const { started_at, finished_at, created_at, ...data } = event.data;
    assert.ok(Date.parse(created_at) <= Date.parse(started_at));
    assert.ok(Date.parse(started_at) <= Date.parse(finished_at));
    assert.deepEqual(data, {
      id: run.id,
      organization_id: pipeline.organization_id,
      pipeline_id: pipeline.id,
      status: "succeeded",
      trigger: "manual",
      error: null,
      output: { city: "Seattle" },
      output_omitted: false,
    });
    const { headers } = request;
    assert.equal(headers.get("content-type"), "application/json");
    assert.match(headers.get("user-agent") ?? "", /^Edgeloom/);
    const seconds = Number(headers.get("webhook-timestamp"));
    assert.ok(Math.abs(Date.now() / 1000 - seconds) < 60);

    const delivery = await waitFor(async () => {
      const found = await sender.delivery(endpoint);
      return found.status === "succeeded" && found;
    });
    assert.equal(delivery.id, request.id);
    assert.equal(delivery.run_id, run.id);
  }));

Deno.test("who is told what", () =>
  Sender.with(async (sender) => {
    const [mine, other] = [await sender.createPipeline(), await sender.createPipeline()];
    const all = await sender.createEndpoint({
      events: ["run.succeeded", "run.failed", "run.canceled"],
    });
    const failures = await sender.createEndpoint({ events: ["run.failed"] });
    const ofMine = await sender.createEndpoint({ pipeline_id: mine.id });
    const off = await sender.createEndpoint();
    expect(await sender.send("PATCH", `/pipelines/endpoints/${off.id}`, { is_active: false }), 200);

    await sender.endRun(mine, "succeeded");
    await sender.endRun(other, "failed", null);
    await sender.endRun(other, "canceled", null);
    await sender.work();
    const told = async (endpoint: { id: string }) =>
      (await sender.deliveries(endpoint)).map(({ event_type }) => event_type).toSorted();
    assert.deepEqual(await told(all), ["run.canceled", "run.failed", "run.succeeded"]);
    assert.deepEqual(await told(failures), ["run.failed"]);
    assert.deepEqual(await told(ofMine), ["run.succeeded"]);
    assert.deepEqual(await told(off), []);
    assert.equal(sender.receiver.accepted.size, 5);
  }));

Deno.test("a large output is left out", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    await sender.endRun(await sender.createPipeline(), "succeeded", "x".repeat(17_000));
    const { payload } = await sender.delivery(endpoint);
    assert.equal(payload.data.output, null);
    assert.equal(payload.data.output_omitted, true);
  }));

Deno.test("the end of a run and its messages are one transaction", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    const pipeline = await sender.createPipeline();
    const [run] = await sender.stack.query(
      `insert into public.pipeline_runs (organization_id, pipeline_id, definition, status)
       values ($1, $2, '{}', 'running') returning id`,
      [pipeline.organization_id, pipeline.id],
    );
    const end = `update public.pipeline_runs set status = 'succeeded', finished_at = now()
      where id = '${run?.id}'`;
    await sender.stack.script(`begin; ${end}; rollback;`);
    assert.deepEqual(await sender.deliveries(endpoint), []);
    await sender.stack.script(`begin; ${end}; ${end}; commit;`);
    assert.equal((await sender.delivery(endpoint)).run_id, run?.id);
  }));

Deno.test("the log shows what went out and what came back, and no secret", () =>
  Sender.with(async (sender) => {
    const { receiver } = sender;
    const endpoint = await sender.createEndpoint();
    receiver.misbehave = () =>
      new Response(`no: ${endpoint.secret} ${endpoint.secret.slice(6)} ${"ü".repeat(4000)}`, {
        status: 500,
        headers: { "x-echo": endpoint.secret, "x-kind": "test", "set-cookie": "session=1" },
      });
    await sender.endRun(await sender.createPipeline());
    assert.equal(await sender.work(), 1);

    const delivery = await sender.delivery(endpoint);
    const [attempt] = delivery.attempts;
    const [request] = receiver.requests;
    assert.equal(delivery.status, "pending");
    assert.equal(delivery.attempt, 1);
    assert.deepEqual(delivery.payload, JSON.parse(request?.text ?? ""));
    assert.equal(attempt.attempt, 1);
    assert.equal(attempt.url, receiver.url);
    assert.equal(attempt.request_headers["webhook-id"], delivery.id);
    assert.equal(
      attempt.request_headers["webhook-signature"],
      request?.headers.get("webhook-signature"),
    );
    assert.equal(attempt.response_status, 500);
    assert.equal(attempt.response_headers["x-kind"], "test");
    assert.ok(!("set-cookie" in attempt.response_headers));
    assert.equal(attempt.error.code, "http_status");
    assert.ok(attempt.duration_ms >= 0);
    assert.ok(attempt.response_body.startsWith("no: [secret] [secret] üü"));
    const bytes = new TextEncoder().encode(attempt.response_body).length;
    assert.ok(bytes > 4090 && bytes <= 4096, `${bytes} bytes`);
    const path = `/pipelines/endpoints/${endpoint.id}/deliveries`;
    const shown = [
      await sender.send("GET", path),
      await sender.send("GET", `${path}/${delivery.id}`),
      await sender.send("GET", `/pipelines/endpoints/${endpoint.id}`),
    ];
    assert.ok(!JSON.stringify(shown).includes(endpoint.secret.slice(6)));
    const [row] = await sender.stack.query(
      `select string_agg(t::text, '') as text from (
         select s::text as t from public.endpoint_secrets s union all select a::text from public.audit_logs a
         union all select d::text from public.endpoint_attempts d) t`,
    );
    assert.ok(!String(row?.text).includes(endpoint.secret.slice(6)));
    assert.ok(!JSON.stringify(shown).includes("ciphertext"));
  }));

Deno.test("a redirect is a failure, wherever it leads to", () =>
  Sender.with((sender) =>
    Receiver.with(async (inner) => {
      const { receiver } = sender;
      const pipeline = await sender.createPipeline();
      const endpoint = await sender.createEndpoint();
      for (const location of [inner.url, "http://169.254.169.254/latest/meta-data"]) {
        receiver.misbehave = () => new Response(null, { status: 307, headers: { location } });
        await sender.endRun(pipeline);
        await sender.passTime();
        await sender.work();
      }
      const deliveries = await sender.deliveries(endpoint);
      assert.equal(deliveries.length, 2);
      for (const { attempts } of deliveries) {
        assert.equal(attempts[0].error.code, "redirect_refused");
      }
      assert.equal(inner.requests.length, 0);
    })
  ));

Deno.test("a private address is refused when the message is sent", () =>
  Sender.with(async (sender) => {
    const { receiver, functions } = sender;
    const { port } = new URL(receiver.url);
    const endpoints = [
      await sender.createEndpoint(),
      await sender.createEndpoint({ url: `http://localhost:${port}/` }),
    ];
    await sender.endRun(await sender.createPipeline());
    functions.set({ EDGELOOM_ALLOW_PRIVATE_NETWORK: "" });
    await sender.work();
    assert.equal(receiver.requests.length, 0);
    for (const endpoint of endpoints) {
      const { attempts: [attempt] } = await sender.delivery(endpoint);
      assert.equal(attempt.error.code, "address_refused");
      assert.equal(attempt.response_status, null);
    }
  }));

Deno.test("an endless answer is broken off", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    const chunk = new Uint8Array(65_536);
    sender.receiver.misbehave = () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }));
    await sender.endRun(await sender.createPipeline());
    await sender.work();
    assert.equal((await sender.delivery(endpoint)).attempts[0].error.code, "too_large");
  }));

Deno.test("without its secret nothing is sent", () =>
  Sender.with(async (sender) => {
    const [endpoint, other] = [await sender.createEndpoint(), await sender.createEndpoint()];
    // A ciphertext of another row does not decrypt, even in the same organization.
    await sender.stack.query(
      `update public.endpoint_secrets s set ciphertext = o.ciphertext from public.endpoint_secrets o
       where s.endpoint_id = $1 and o.endpoint_id = $2`,
      [endpoint.id, other.id],
    );
    await sender.endRun(await sender.createPipeline());
    await sender.work();
    const { attempts: [attempt] } = await sender.delivery(endpoint);
    assert.equal(attempt.error.code, "secret_unreadable");
    assert.equal(attempt.request_headers, null);
    assert.equal((await sender.delivery(other)).status, "succeeded");
  }));

Deno.test("secrets are re-encrypted with all others", () =>
  Sender.with(async (sender) => {
    const { functions, stack, receiver } = sender;
    const endpoint = await sender.createEndpoint();
    functions.set({ EDGELOOM_ENCRYPTION_KEYS: keyRing(1, 2) });
    const options = { apikey: stack.secretKey, body: {} };
    const answer = await functions.call("POST", "/keys/providers/reencrypt", options);
    assert.equal(expect(answer, 200).reencrypted, 1);
    functions.set({ EDGELOOM_ENCRYPTION_KEYS: keyRing(2) });
    await sender.endRun(await sender.createPipeline());
    await sender.work();
    assert.equal(receiver.accepted.size, 1);
    assert.equal((await sender.delivery(endpoint)).status, "succeeded");
  }));

Deno.test("list_deliveries and get_delivery", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    const pipeline = await sender.createPipeline();
    for (const status of ["succeeded", "failed", "succeeded"]) {
      await sender.endRun(pipeline, status, null);
    }
    const path = `/pipelines/endpoints/${endpoint.id}/deliveries`;
    const page = expect(await sender.send("GET", `${path}?limit=2`), 200);
    assert.equal(page.data.length, 2);
    const rest = expect(
      await sender.send("GET", `${path}?limit=2&cursor=${page.next_cursor}`),
      200,
    );
    assert.equal(rest.data.length, 1);
    assert.equal(rest.next_cursor, null);
    const only = async (filter: string) =>
      expect(await sender.send("GET", `${path}?${filter}`), 200).data.length;
    assert.equal(await only("event_type=run.failed"), 1);
    assert.equal(await only("status=succeeded"), 0);
    await sender.work();
    assert.equal(await only("status=succeeded"), 3);
    refused(await sender.send("GET", `${path}?status=lost`), 422, "validation_failed", [
      "query.status",
    ]);
    refused(await sender.send("GET", `${path}?cursor=x`), 400, "invalid_cursor");
    refused(await sender.send("GET", `${path}/${UNKNOWN}`), 404, "not_found");
    const unknown = `/pipelines/endpoints/${UNKNOWN}/deliveries`;
    refused(await sender.send("GET", unknown), 404, "not_found");
    const other = await sender.createEndpoint();
    const [first] = page.data;
    const elsewhere = `/pipelines/endpoints/${other.id}/deliveries/${first.id}`;
    refused(await sender.send("GET", elsewhere), 404, "not_found");
  }));
