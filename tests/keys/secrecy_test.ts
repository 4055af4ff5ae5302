import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { newProviderKey, Provider } from "../harness/provider.ts";
import { spellings } from "../harness/spellings.ts";
import { WatchedStack } from "../harness/watched_stack.ts";
import { standardHeaders } from "../harness/webhooks.ts";
import { HAS_SERVER, startPostgres } from "../local/postgres_server.ts";

const ENV = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1", EDGELOOM_LOG: "on" };

/** Does with secrets what clients do, right and wrong, and collects them on the way. */
class Clients {
  /** What must be found nowhere. */
  readonly secrets: string[] = [];
  readonly #authorization: Promise<string>;

  constructor(readonly stack: WatchedStack, readonly provider: Provider) {
    this.#authorization = this.#signUp();
  }

  async #signUp(): Promise<string> {
    const body = { email: `${crypto.randomUUID()}@example.com`, password: "Aa1-password" };
    const session = expect(await this.stack.send("POST", "/auth/v1/signup", { body }), 200);
    return `Bearer ${session.access_token}`;
  }

  /** A secret that somebody chose. */
  #choose(): string {
    const key = newProviderKey();
    this.secrets.push(key);
    return key;
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const authorization = await this.#authorization;
    return await this.stack.send(method, `/functions/v1${path}`, {
      authorization,
      body,
      ...headers,
    });
  }

  async useProviderKeys(): Promise<void> {
    const { provider } = this;
    const put = async (body: unknown) =>
      expect(await this.send("PUT", "/keys/providers/ours", body), 200);
    for (const scope of ["user", "organization", "user"]) {
      const key = this.#choose();
      provider.keys.add(key);
      const { id } = await put({ key, scope, base_url: provider.baseUrl });
      expect(await this.send("POST", `/keys/providers/${id}/verify`), 200);
      // A provider that repeats the key wherever it can.
      const answers = [
        () => Response.json({ error: `bad key ${key}` }, { status: 401, statusText: key }),
        () => Response.json({ error: `bad key ${key}` }, { status: 500, statusText: key }),
        () => new Response(`<html>${key}</html>`, { headers: { "x-key": key, "set-cookie": key } }),
        () => new Response(null, { status: 302, headers: { location: `/v1/models?key=${key}` } }),
        () => Response.json({ data: [{ id: key }] }),
      ];
      for (const answer of answers) {
        provider.misbehave = answer;
        await this.send("POST", `/keys/providers/${id}/verify`);
      }
      provider.misbehave = () => undefined;
      await this.stack
        .sql`update public.provider_keys set ciphertext = reverse(ciphertext) where id = ${id}`;
      expect(await this.send("POST", `/keys/providers/${id}/verify`), 409);
      await this.stack.send("POST", "/functions/v1/keys/providers/reencrypt", {
        apikey: this.stack.secretKey,
      });
    }
    await put({ key: this.#choose(), base_url: provider.baseUrl });
    expect(
      await this.send(
        "DELETE",
        `/keys/providers/${(await put({ key: this.#choose(), base_url: provider.baseUrl })).id}`,
      ),
      204,
    );
  }

  async sendBadBodies(): Promise<void> {
    const path = "/keys/providers/openai";
    const key = this.#choose();
    const bodies = [
      `{"key":"${key}"`,
      `{"key":${key}}`,
      key,
      JSON.stringify(key),
      [key],
      { key, [key]: key },
      { key, name: "" },
      { key, name: key.repeat(10) },
      { key: [key] },
      { key: key.repeat(60) },
      { key, scope: key },
      { key, base_url: key },
      { key, base_url: `https://${key}@a.example/v1` },
      { key: `${key}\u0000` },
      `${JSON.stringify({ key })}${" ".repeat(1_100_000)}`,
    ];
    for (const body of bodies) {
      const { status } = await this.send("PUT", path, body);
      assert.ok(
        status >= 400 && status < 500,
        `${JSON.stringify(body).slice(0, 200)} answered ${status}`,
      );
    }
    expect(await this.send("PUT", "/keys/providers/nobody-knows", { key }), 422);
    expect(
      await this.send("PUT", path, { key }, { "x-organization-id": crypto.randomUUID() }),
      404,
    );
    expect(await this.send("PUT", path, { key }, { authorization: "Bearer garbage" }), 401);
  }

  async useWebhooks(): Promise<void> {
    const spec = { kind: "trigger" };
    const block = expect(
      await this.send("POST", "/pipelines/blocks", { name: "In", block_type: "dataset", spec }),
      201,
    );
    const graph = { name: "P", blocks: [{ block_id: block.id }], edges: [] };
    const pipeline = expect(await this.send("POST", "/pipelines", graph), 201);
    const create = async (body: Record<string, unknown>): Promise<Body> => {
      const path = `/pipelines/${pipeline.id}/triggers`;
      return expect(await this.send("POST", path, { type: "webhook", ...body }), 201);
    };
    const deliver = (id: string, headers: Record<string, string>) =>
      this.stack.send("POST", `/functions/v1/pipelines/hooks/${id}`, { body: "{}", ...headers });

    const made = [await create({}), await create({ secret: `whsec_${btoa(this.#choose())}` })];
    for (const webhook of made) {
      this.secrets.push(webhook.secret, webhook.secret.replace("whsec_", ""));
      expect(await deliver(webhook.id, standardHeaders(webhook, "{}")), 202);
      expect(await deliver(webhook.id, standardHeaders(webhook, "{ }")), 401);
      expect(await deliver(webhook.id, {}), 401);
    }
    const secret = this.#choose();
    const { id } = await create({ scheme: "github", secret });
    const signature = createHmac("sha256", secret).update("{}").digest("hex");
    const headers = { "x-github-delivery": "1", "x-hub-signature-256": `sha256=${signature}` };
    expect(await deliver(id, headers), 202);
    await this.stack.sql`update public.trigger_secrets set ciphertext = reverse(ciphertext)`;
    expect(await deliver(id, headers), 401);
  }

  async useIssuedKeys(): Promise<void> {
    const scopes = ["keys:read", "keys:write", "pipelines:read"];
    const issued = expect(await this.send("POST", "/keys", { name: "Probe", scopes }), 201);
    const bearer = { authorization: `Bearer ${issued.key}` };
    expect(await this.send("GET", "/keys", undefined, bearer), 200);
    expect(
      await this.stack.send("GET", "/functions/v1/pipelines/blocks", { "x-api-key": issued.key }),
      200,
    );
    const rotated = expect(
      await this.send("POST", `/keys/${issued.id}/rotate`, { grace_seconds: 60 }, bearer),
      201,
    );
    for (const { key } of [issued, rotated]) {
      // The part that is shown is no secret: el_<env>_<8 characters>.
      this.secrets.push(key, key.split("_")[2].slice(8));
      const service = { apikey: this.stack.secretKey };
      for (
        const body of [{ key }, { key, scope: "audit:read" }, { key, cost: key }, {
          key: `${key}x`,
        }]
      ) {
        await this.stack.send("POST", "/functions/v1/keys/verify", { ...service, body });
      }
      await this.send("GET", "/audit/logs", undefined, { authorization: `Bearer ${key}` });
      await this.send("GET", "/keys", undefined, { authorization: `Bearer ${key.slice(0, -1)}` });
    }
    expect(await this.send("DELETE", `/keys/${rotated.id}`), 204);
    const dead = { authorization: `Bearer ${rotated.key}` };
    expect(await this.send("GET", "/keys", undefined, dead), 401);
    expect(await this.send("GET", "/audit/export?format=ndjson"), 200);
  }
}

/** Where a text holds a secret in any spelling; no more of it is told than its beginning. */
function findIn(text: string, secrets: readonly string[]): string[] {
  return secrets.flatMap((secret) =>
    spellings(secret).filter((spelling) => text.includes(spelling)).map((spelling) => {
      const at = text.indexOf(spelling);
      return `${secret.slice(0, 12)}… at ${
        text.slice(Math.max(0, at - 200), at + spelling.length + 50)
      }`;
    })
  );
}

/** A dump as administrators make it; nothing where the program is not there. */
async function pgDump(url: string): Promise<string> {
  const command = new Deno.Command("pg_dump", { args: ["--dbname", url], stdout: "piped" });
  const { stdout, success } = await command.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { stdout: new Uint8Array(), success: true };
  });
  assert.ok(success);
  return new TextDecoder().decode(stdout);
}

async function leavesNoTrace(stack: WatchedStack, further: () => Promise<string>) {
  await Provider.with(async (provider) => {
    const clients = new Clients(stack, provider);
    await clients.useProviderKeys();
    await clients.sendBadBodies();
    await clients.useWebhooks();
    await clients.useIssuedKeys();
    assert.ok(clients.secrets.length >= 14);

    // The search finds what is there, however it is written.
    const canary = newProviderKey();
    for (const spelling of spellings(canary)) {
      assert.equal(findIn(`…${spelling}…`, [canary]).length > 0, true);
    }
    await stack.sql`create table public.canary as
      select ${canary} as text, convert_to(${`x${canary}`}, 'UTF8') as bytes,
        translate(encode(convert_to(${`x${canary}`}, 'UTF8'), 'base64'), E'\\n', '') as base64`;
    const dump = await stack.dump();
    assert.equal(findIn(dump, [canary]).length, 3, "the dump has what was put into a table");
    assert.ok(dump.includes(clients.secrets[0]?.slice(-4) ?? ""));
    assert.deepEqual(findIn(dump, clients.secrets), []);

    assert.deepEqual(findIn(await further(), clients.secrets), []);

    const said = stack.said();
    assert.match(said, /"route":"\/keys\/providers\/\{id\}\/verify","status":409/);
    assert.match(said, /"level":"error"/);
    assert.deepEqual(findIn(said, clients.secrets), []);
  });
}

Deno.test("no secret is in the built-in database or in what the stack says", () =>
  WatchedStack.with({ env: ENV }, (stack) => leavesNoTrace(stack, () => Promise.resolve(""))));

Deno.test("no secret is in a server's dump, and none in its log of every statement", {
  ignore: !HAS_SERVER,
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_secrecy_" });
  const server = await startPostgres(folder, { log_statement: "all", log_min_messages: "debug1" });
  try {
    await WatchedStack.with({ db: server.url, env: ENV }, async (stack) => {
      await leavesNoTrace(stack, async () => `${await pgDump(server.url)}${server.log()}`);
    });
    assert.match(server.log(), /execute .*provider_keys|parameters: .*/);
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
