import assert from "node:assert/strict";
import { startStack } from "../../supabase/local/stack.ts";
import type { Body } from "../harness/answer.ts";
import { Sender } from "../harness/endpoints.ts";
import { startFunction } from "../harness/function_process.ts";
import { keyRing } from "../harness/own_functions.ts";
import { waitFor } from "../harness/wait.ts";
import { HAS_SERVER, startPostgres } from "../local/postgres_server.ts";

/** What only happens between real sessions and real processes. */
const options = { ignore: !HAS_SERVER };

/** Runs a test over a PostgreSQL server of its own. */
async function withServer(test: (sender: Sender) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_endpoints_" });
  const server = await startPostgres(folder);
  try {
    await Sender.with(test, () => startStack({ db: server.url, scheduler: false }));
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("parallel workers send each attempt once", options, () =>
  withServer(async (sender) => {
    const { receiver } = sender;
    const pipeline = await sender.createPipeline();
    const endpoints: Body[] = [];
    for (let count = 0; count < 5; count++) endpoints.push(await sender.createEndpoint());
    for (let count = 0; count < 12; count++) await sender.endRun(pipeline);
    // Every third message fails the first time: its retry is an attempt of its own.
    const isFailing = (id: string) => parseInt(id.slice(0, 2), 16) % 3 === 0;
    receiver.misbehave = ({ id }) =>
      isFailing(id) && receiver.of(id).length === 1
        ? new Response(null, { status: 500 })
        : undefined;
    const sent = { first: 0, second: 0 };
    for (const round of ["first", "second"] as const) {
      // An endpoint that is failing is tried by one message at a time: until nothing is left.
      for (let more = 1; more > 0; sent[round] += more) {
        const workers = await Promise.all([1, 2, 3, 4].map(() => sender.work()));
        more = workers.reduce((sum, count) => sum + count);
      }
      await sender.passTime();
    }
    const ids = new Set(receiver.requests.map(({ id }) => id));
    const failing = [...ids].filter(isFailing).length;
    assert.deepEqual(sent, { first: 60, second: failing });
    assert.equal(ids.size, 60);
    for (const id of ids) assert.equal(receiver.of(id).length, isFailing(id) ? 2 : 1);
    assert.equal(receiver.accepted.size, 60);
    for (const endpoint of endpoints) {
      for (const delivery of await sender.deliveries(endpoint)) {
        assert.equal(delivery.status, "succeeded");
        assert.equal(delivery.attempts.length, isFailing(delivery.id) ? 2 : 1);
      }
    }
  }));

Deno.test(
  "a worker killed in the middle of a message costs a lease, and loses nothing",
  options,
  () =>
    withServer(async (sender) => {
      const { receiver, stack } = sender;
      const endpoint = await sender.createEndpoint();
      await sender.endRun(await sender.createPipeline());
      const worker = await startFunction("pipelines", stack, {
        EDGELOOM_ENCRYPTION_KEYS: keyRing(1),
        EDGELOOM_ALLOW_PRIVATE_NETWORK: "1",
      });
      receiver.misbehave = () => receiver.silence();
      const call = fetch(`${worker.url}/pipelines/worker`, {
        method: "POST",
        headers: { apikey: stack.secretKey },
      }).then(() => "answered", () => "broken off");
      const { id } = await receiver.next();
      await worker.stop("SIGKILL");
      assert.equal(await call, "broken off");

      receiver.misbehave = () => undefined;
      assert.equal((await sender.delivery(endpoint)).status, "sending");
      assert.equal(await sender.work(), 0);
      await sender.passTime();
      assert.equal(await sender.work(), 1);
      const delivery = await sender.delivery(endpoint);
      assert.equal(delivery.status, "succeeded");
      assert.deepEqual(delivery.attempts.map(({ error }: Body) => error?.code), [
        undefined,
        "lease_expired",
      ]);
      assert.equal(receiver.of(id).length, 2);
      assert.deepEqual([...receiver.accepted.keys()], [id]);
    }),
);

Deno.test(
  "ends of runs, switches and workers don't wait for each other in a circle",
  options,
  () =>
    withServer(async (sender) => {
      const pipeline = await sender.createPipeline();
      const endpoint = await sender.createEndpoint();
      const path = `/pipelines/endpoints/${endpoint.id}`;
      const failing = () => new Response(null, { status: 500 });
      sender.receiver.misbehave = ({ id }) =>
        parseInt(id.slice(0, 2), 16) % 2 ? failing() : undefined;
      let isOver = false;
      const ending = async () => {
        for (let count = 0; count < 15; count++) await sender.endRun(pipeline);
      };
      const until = async (work: () => Promise<unknown>) => {
        while (!isOver) await work();
      };
      let isActive = true;
      const switching = () =>
        sender.send("PATCH", path, { is_active: isActive = !isActive }).then(({ status }) =>
          assert.equal(status, 200)
        );
      const others = [
        until(() => sender.work()),
        until(() => sender.work().then(() => sender.passTime())),
        until(switching),
      ];
      await Promise.all([ending(), ending()]).finally(() => isOver = true);
      await Promise.all(others);
      sender.receiver.misbehave = () => undefined;
      await sender.send("PATCH", path, { is_active: true });
      await waitFor(async () => {
        await sender.passTime();
        await sender.work();
        return (await sender.deliveries(endpoint)).every(({ status }) => status === "succeeded");
      });
      const ids = (await sender.deliveries(endpoint)).map(({ id }) => id).toSorted();
      assert.deepEqual([...sender.receiver.accepted.keys()].toSorted(), ids);
    }),
);
