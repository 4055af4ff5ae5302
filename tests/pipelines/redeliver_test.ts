import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { Sender } from "../harness/endpoints.ts";
import { expect, refused } from "../harness/expect.ts";
import { verifyWith } from "../harness/receiver.ts";
import { waitFor } from "../harness/wait.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

/** The delivery, once it has this status. */
const becomes = (sender: Sender, endpoint: Body, status: string): Promise<Body> =>
  waitFor(async () => {
    const delivery = await sender.delivery(endpoint);
    return delivery.status === status && delivery;
  }, { what: `a delivery that has ${status}` });

Deno.test("redeliver sends a message again, by its webhook-id", () =>
  Sender.with(async (sender) => {
    const { receiver } = sender;
    const endpoint = await sender.createEndpoint();
    await sender.endRun(await sender.createPipeline());
    receiver.misbehave = () => new Response(null, { status: 500 });
    await sender.stack.query("update public.endpoint_deliveries set tries = 9");
    await sender.work();
    const failed = await becomes(sender, endpoint, "failed");

    receiver.misbehave = () => undefined;
    const path = `/pipelines/endpoints/${endpoint.id}/deliveries/${failed.id}/redeliver`;
    const again = expect(await sender.send("POST", path), 202);
    assert.equal(again.id, failed.id);
    const { attempts } = await becomes(sender, endpoint, "succeeded");
    assert.deepEqual(attempts.map(({ response_status }: Body) => response_status), [200, 500]);
    // Once it was taken, too; then the receiver has it twice, and takes it once.
    expect(await sender.send("POST", path), 202);
    await waitFor(() => receiver.of(failed.id).length === 3);
    assert.deepEqual([...receiver.accepted.keys()], [failed.id]);
    assert.equal(new Set(receiver.requests.map(({ text }) => text)).size, 1);

    await becomes(sender, endpoint, "succeeded");
    const unknown = path.replace(failed.id, UNKNOWN);
    refused(await sender.send("POST", unknown), 404, "not_found");
    const other = await sender.createEndpoint();
    const elsewhere = path.replace(endpoint.id, other.id);
    refused(await sender.send("POST", elsewhere), 404, "not_found");
  }));

Deno.test("redeliver begins the schedule anew", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    await sender.endRun(await sender.createPipeline());
    await sender.work();
    sender.receiver.misbehave = () => new Response(null, { status: 500 });
    const { id } = await becomes(sender, endpoint, "succeeded");
    await sender.stack.query("update public.endpoint_deliveries set tries = 8");
    const path = `/pipelines/endpoints/${endpoint.id}/deliveries/${id}/redeliver`;
    expect(await sender.send("POST", path), 202);
    const delivery = await waitFor(async () => {
      const found = await sender.delivery(endpoint);
      return found.attempt === 2 && found.status === "pending" && found;
    });
    const seconds = await sender.dueIn(delivery);
    assert.ok(seconds > 0 && seconds <= 6, `${seconds} s`);
  }));

Deno.test("redeliver and test_endpoint wait for what is under way, and for the switch", () =>
  Sender.with(async (sender) => {
    const endpoint = await sender.createEndpoint();
    await sender.endRun(await sender.createPipeline());
    await sender.rpc("claim_deliveries", { max_deliveries: 1 });
    const { id } = await sender.delivery(endpoint);
    const path = `/pipelines/endpoints/${endpoint.id}`;
    const redeliver = `${path}/deliveries/${id}/redeliver`;
    refused(await sender.send("POST", redeliver), 409, "conflict");
    expect(await sender.send("PATCH", path, { is_active: false }), 200);
    refused(await sender.send("POST", redeliver), 409, "conflict");
    refused(await sender.send("POST", `${path}/test`), 409, "conflict");
    assert.equal((await sender.deliveries(endpoint)).length, 1);
    assert.equal(sender.receiver.requests.length, 0);
  }));

Deno.test("test_endpoint sends a ping, once", () =>
  Sender.with(async (sender) => {
    const { receiver } = sender;
    const endpoint = await sender.createEndpoint({ events: ["run.canceled"] });
    const path = `/pipelines/endpoints/${endpoint.id}/test`;
    const answer = await sender.send("POST", path);
    const ping = expect(answer, 202);
    assert.ok(answer.headers.get("location")?.endsWith(`/deliveries/${ping.id}`));
    const request = await receiver.next();
    const event = verifyWith(endpoint.secret, request.headers, request.text);
    assert.equal(event.type, "test.ping");
    assert.equal(event.data.endpoint_id, endpoint.id);
    assert.equal(request.id, ping.id);
    await becomes(sender, endpoint, "succeeded");

    receiver.misbehave = () => new Response(null, { status: 500 });
    const { id } = expect(await sender.send("POST", path), 202);
    await waitFor(async () =>
      (await sender.deliveries(endpoint)).some((one) => one.id === id && one.status === "failed")
    );
    const unknown = `/pipelines/endpoints/${UNKNOWN}/test`;
    refused(await sender.send("POST", unknown), 404, "not_found");
  }));

Deno.test("rotate_endpoint_secret", () =>
  Sender.with(async (sender) => {
    const { receiver } = sender;
    const endpoint = await sender.createEndpoint();
    const pipeline = await sender.createPipeline();
    const path = `/pipelines/endpoints/${endpoint.id}/rotate`;
    const rotate = async (body?: unknown) => expect(await sender.send("POST", path, body), 201);
    const signedBy = async (...secrets: string[]) => {
      receiver.requests.length = 0;
      await sender.endRun(pipeline);
      await sender.work();
      const { headers, text } = await receiver.next();
      return secrets.map((secret) => {
        try {
          return verifyWith(secret, headers, text).type;
        } catch {
          return "refused";
        }
      });
    };
    const next = await rotate({ grace_seconds: 3600 });
    assert.equal(next.id, endpoint.id);
    assert.match(next.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const both = await signedBy(endpoint.secret, next.secret);
    assert.deepEqual(both, ["run.succeeded", "run.succeeded"]);
    const [request] = receiver.requests;
    assert.equal(request?.headers.get("webhook-signature")?.split(" ").length, 2);

    await sender.stack.query(
      "update public.endpoint_secrets set expires_at = now() - interval '1 second' where expires_at is not null",
    );
    assert.deepEqual(await signedBy(endpoint.secret, next.secret), ["refused", "run.succeeded"]);
    // Without a grace the one before is void at once, and so is one whose grace still lasts.
    const third = await rotate({ grace_seconds: 3600 });
    const last = await rotate();
    assert.deepEqual(await signedBy(next.secret, third.secret, last.secret), [
      "refused",
      "refused",
      "run.succeeded",
    ]);
    const wrong = await sender.send("POST", path, { grace_seconds: -1 });
    refused(wrong, 422, "validation_failed", ["grace_seconds"]);
    const long = await sender.send("POST", path, { grace_seconds: 31 * 86_400 });
    refused(long, 422, "validation_failed", ["grace_seconds"]);
    const unknown = `/pipelines/endpoints/${UNKNOWN}/rotate`;
    refused(await sender.send("POST", unknown, {}), 404, "not_found");
    for (let count = 0; count < 5; count++) await rotate({ grace_seconds: 60 });
    const many = await sender.send("POST", path, { grace_seconds: 60 });
    refused(many, 409, "conflict");
    const [row] = await sender.stack.query(
      "select count(*)::int as secrets from public.endpoint_secrets where expires_at is null",
    );
    assert.equal(row?.secrets, 1);
  }));
