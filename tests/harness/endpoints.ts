import assert from "node:assert/strict";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Answer, Body } from "./answer.ts";
import { rest } from "./client.ts";
import { expect } from "./expect.ts";
import { OwnFunctions } from "./own_functions.ts";
import { startOwnStack } from "./own_stack.ts";
import { Receiver } from "./receiver.ts";
import { mintToken } from "./tokens.ts";

type User = { id: string; token: string; organizationId: string };

/**
 * A database where nobody but the test moves the clock, functions over it that may reach loopback,
 * and a receiver: for what becomes of messages over days.
 */
export class Sender {
  readonly owner: User;

  private constructor(
    readonly stack: Stack,
    readonly functions: OwnFunctions,
    readonly receiver: Receiver,
    owner: User,
  ) {
    this.owner = owner;
  }

  /** Runs a test with all of it, gone afterwards. */
  static async with(
    test: (sender: Sender) => Promise<void>,
    start: () => Promise<Stack> = () => startOwnStack({ scheduler: false }),
  ): Promise<void> {
    const stack = await start();
    const env = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };
    try {
      const owner = await createUser(stack);
      await Receiver.with((receiver) =>
        OwnFunctions.with(
          env,
          (functions) => test(new Sender(stack, functions, receiver, owner)),
          stack,
        )
      );
    } finally {
      await stack.stop();
    }
  }

  send(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.functions.send(this.owner, method, path, body);
  }

  /** An endpoint at the receiver, which learns its secret. */
  async createEndpoint(fields: Record<string, unknown> = {}): Promise<Body> {
    const body = { url: this.receiver.url, events: ["run.succeeded", "run.failed"], ...fields };
    const endpoint = expect(await this.send("POST", "/pipelines/endpoints", body), 201);
    this.receiver.secrets.push(endpoint.secret);
    return endpoint;
  }

  async endpoint({ id }: Body): Promise<Body> {
    return expect(await this.send("GET", `/pipelines/endpoints/${id}`), 200);
  }

  /** A pipeline that hands its input on. */
  async createPipeline(): Promise<Body> {
    const name = () => crypto.randomUUID();
    const block = { name: name(), block_type: "dataset", spec: { kind: "trigger" } };
    const { id } = expect(await this.send("POST", "/pipelines/blocks", block), 201);
    const pipeline = { name: name(), status: "active", blocks: [{ block_id: id }], edges: [] };
    return expect(await this.send("POST", "/pipelines", pipeline), 201);
  }

  /** A run that is over: ended by the stroke of a pen, as the engine would. */
  async endRun(pipeline: Body, status = "succeeded", output: unknown = { n: 1 }): Promise<string> {
    const [run] = await this.stack.query(
      `insert into public.pipeline_runs (organization_id, pipeline_id, definition, status, started_at)
       values ($1, $2, '{}', 'running', now()) returning id`,
      [pipeline.organization_id, pipeline.id],
    );
    await this.stack.query(
      `update public.pipeline_runs set status = $2::public.run_status, finished_at = now(), output = $3 where id = $1`,
      [run?.id, status, JSON.stringify(output)],
    );
    return String(run?.id);
  }

  /** Calls the worker until nothing is due; returns how many messages went out. */
  async work(): Promise<number> {
    const options = { apikey: this.stack.secretKey };
    return expect(await this.functions.call("POST", "/pipelines/worker", options), 200).sent;
  }

  /** Calls a command as the service. */
  async rpc(command: string, body: unknown): Promise<Body> {
    const { stack } = this;
    const options = { on: stack, apikey: stack.secretKey, body };
    return expect(await rest("POST", `/rpc/${command}`, options), 200);
  }

  async deliveries({ id }: Body): Promise<Body[]> {
    const path = `/pipelines/endpoints/${id}/deliveries?limit=100`;
    return expect(await this.send("GET", path), 200).data;
  }

  /** The one delivery of an endpoint. */
  async delivery(endpoint: Body): Promise<Body> {
    const [delivery, ...more] = await this.deliveries(endpoint);
    assert.ok(delivery && more.length === 0, `there are ${more.length + 1} deliveries`);
    return delivery;
  }

  /** Seconds from now, on the database's clock, until a delivery is due. */
  async dueIn({ id }: Body): Promise<number> {
    const [row] = await this.stack.query(
      `select extract(epoch from next_attempt_at - clock_timestamp())::float8 as seconds
       from public.endpoint_deliveries where id = $1`,
      [id],
    );
    return Number(row?.seconds);
  }

  /** Lets the time pass until each retry, and each lease, is over. */
  async passTime(): Promise<void> {
    await this.stack.query(
      `update public.endpoint_deliveries set next_attempt_at = now() - interval '1 second'
       where next_attempt_at is not null`,
    );
  }
}

async function createUser(stack: Stack): Promise<User> {
  const id = crypto.randomUUID();
  await stack.query("insert into auth.users (id, email) values ($1, $2)", [
    id,
    `${id}@example.com`,
  ]);
  const [row] = await stack.query("select id from public.organizations where created_by = $1", [
    id,
  ]);
  const token = await mintToken(id, { secret: stack.jwtSecret });
  return { id, token, organizationId: String(row?.id) };
}
