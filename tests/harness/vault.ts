import assert from "node:assert/strict";
import { decrypt, encrypt } from "@shared/envelope.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Answer, Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { keyRing, OwnFunctions } from "./own_functions.ts";
import { startOwnStack } from "./own_stack.ts";
import { newProviderKey } from "./provider.ts";
import { mintToken } from "./tokens.ts";
import { standardHeaders } from "./webhooks.ts";

const OLD = { EDGELOOM_ENCRYPTION_KEYS: keyRing(1), EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };

type User = { id: string; token: string; organizationId: string };

/** A database whose secrets are nobody else's, and functions over it that know the old key alone. */
export class Vault {
  private constructor(readonly stack: Stack, readonly functions: OwnFunctions) {}

  static async with(test: (vault: Vault) => Promise<void>): Promise<void> {
    const stack = await startOwnStack({ scheduler: false });
    try {
      await OwnFunctions.with(OLD, (functions) => test(new Vault(stack, functions)), stack);
    } finally {
      await stack.stop();
    }
  }

  async createUser(): Promise<User> {
    const id = crypto.randomUUID();
    await this.stack.query("insert into auth.users (id, email) values ($1, $2)", [
      id,
      `${id}@example.com`,
    ]);
    const [row] = await this.stack.query(
      "select id from public.organizations where created_by = $1",
      [id],
    );
    const token = await mintToken(id, { secret: this.stack.jwtSecret });
    return { id, token, organizationId: String(row?.id) };
  }

  /** Keys at once, past the API: returns what they are by their id. */
  async fill({ id, organizationId }: User, count: number): Promise<Map<string, string>> {
    const keys = new Map(
      Array.from({ length: count }, () => [crypto.randomUUID(), newProviderKey()]),
    );
    const rows = await Promise.all([...keys].map(async ([rowId, key], index) => ({
      id: rowId,
      organization_id: organizationId,
      user_id: index % 2 ? id : null,
      provider: `p${rowId.slice(0, 8)}`,
      name: "Filled",
      last_four: key.slice(-4),
      ...await this.functions.run(() => encrypt(key, { organizationId, rowId })),
    })));
    await this.stack.query(
      `insert into public.provider_keys (id, organization_id, user_id, provider, name, last_four, ciphertext, key_version)
       select id, organization_id, user_id, provider, name, last_four, ciphertext, key_version
       from jsonb_populate_recordset(null::public.provider_keys, $1)`,
      [JSON.stringify(rows)],
    );
    return keys;
  }

  async createWebhook(user: User): Promise<Body> {
    const block = { name: "In", block_type: "dataset", spec: { kind: "trigger" } };
    const { id } = expect(await this.functions.send(user, "POST", "/pipelines/blocks", block), 201);
    const pipeline = { name: "P", blocks: [{ block_id: id }], edges: [] };
    const created = expect(await this.functions.send(user, "POST", "/pipelines", pipeline), 201);
    const path = `/pipelines/${created.id}/triggers`;
    return expect(await this.functions.send(user, "POST", path, { type: "webhook" }), 201);
  }

  deliver(trigger: Body): Promise<Answer> {
    const rawBody = JSON.stringify({ at: Date.now() });
    const options = { apikey: "", rawBody, headers: standardHeaders(trigger, rawBody) };
    return this.functions.call("POST", `/pipelines/hooks/${trigger.id}`, options);
  }

  async reencrypt(body?: unknown): Promise<Body> {
    const options = { apikey: this.stack.secretKey, body };
    return expect(await this.functions.call("POST", "/keys/providers/reencrypt", options), 200);
  }

  /** All secrets there are, of each table. */
  async secrets(): Promise<Body[]> {
    return await this.stack.query(`
      select id, organization_id, ciphertext, key_version from public.provider_keys
      union all select id, organization_id, ciphertext, key_version from public.trigger_secrets order by id`);
  }

  async isDecrypted(keys: Map<string, string>): Promise<void> {
    const secrets = await this.secrets();
    for (const [id, key] of keys) {
      const found = secrets.find((secret) => secret.id === id);
      const owner = { organizationId: found.organization_id, rowId: id };
      assert.equal(await this.functions.run(() => decrypt(found, owner)), key);
    }
  }
}
