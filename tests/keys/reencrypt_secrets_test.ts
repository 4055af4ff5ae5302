import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { type Options, rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { keyRing } from "../harness/own_functions.ts";
import { newProviderKey, Provider } from "../harness/provider.ts";
import { Vault } from "../harness/vault.ts";

const BOTH = { EDGELOOM_ENCRYPTION_KEYS: keyRing(1, 2) };
const NEW = { EDGELOOM_ENCRYPTION_KEYS: keyRing(2) };

Deno.test("reencrypt_secrets wraps all secrets of all organizations anew, while they are in use", () =>
  Vault.with((vault) =>
    Provider.with(async (provider) => {
      const { functions } = vault;
      const [ada, bob] = await Promise.all([vault.createUser(), vault.createUser()]);
      const keys = new Map([...await vault.fill(ada, 160), ...await vault.fill(bob, 90)]);
      const webhooks = [await vault.createWebhook(ada), await vault.createWebhook(bob)];
      const inUse = await Promise.all([ada, bob].map(async (user) => {
        const body = { key: provider.issue(), base_url: provider.baseUrl };
        const { id } = expect(await functions.send(user, "PUT", "/keys/providers/ours", body), 200);
        return { user, id };
      }));
      const before = await vault.secrets();
      assert.equal(before.length, 254);

      functions.set(BOTH);
      let isOver = false;
      let reads = 0;
      const readOn = async () => {
        while (!isOver) {
          for (const { user, id } of inUse) {
            const answer = await functions.send(user, "POST", `/keys/providers/${id}/verify`);
            assert.equal(expect(answer, 200).verified, true);
          }
          for (const webhook of webhooks) expect(await vault.deliver(webhook), 202);
          reads++;
        }
      };
      const reading = [readOn(), readOn()];
      const done = await vault.reencrypt().finally(() => isOver = true);
      await Promise.all(reading);
      assert.ok(reads > 0, "it was read meanwhile");
      assert.deepEqual(done, {
        key_version: 2,
        reencrypted: 254,
        failed: [],
        is_complete: true,
        next_after: null,
      });

      functions.set(NEW);
      const after = await vault.secrets();
      assert.deepEqual([...new Set(after.map(({ key_version }) => key_version))], [2]);
      for (const secret of after) {
        const earlier = before.find(({ id }) => id === secret.id);
        assert.notEqual(secret.ciphertext, earlier.ciphertext);
        assert.equal(secret.ciphertext.split(".")[1], earlier.ciphertext.split(".")[1]);
      }
      await vault.isDecrypted(keys);
      for (const { user, id } of inUse) {
        const answer = await functions.send(user, "POST", `/keys/providers/${id}/verify`);
        assert.equal(expect(answer, 200).verified, true);
      }
      for (const webhook of webhooks) expect(await vault.deliver(webhook), 202);

      const again = await vault.reencrypt();
      assert.deepEqual({ ...again, failed: again.failed.length }, {
        key_version: 2,
        reencrypted: 0,
        failed: 0,
        is_complete: true,
        next_after: null,
      });
      assert.deepEqual(await vault.secrets(), after, "the second time changes nothing");
      const logged = await vault.stack.query(
        "select details::text as details from public.audit_logs where entity_type in ('provider_key', 'trigger_secret')",
      );
      for (const { ciphertext } of [...before, ...after]) {
        for (const { details } of logged) assert.ok(!String(details).includes(ciphertext));
      }
    })
  ));

Deno.test("reencrypt_secrets several times at once wraps each secret once", () =>
  Vault.with(async (vault) => {
    const keys = await vault.fill(await vault.createUser(), 230);
    vault.functions.set(BOTH);
    const answers = await Promise.all([vault.reencrypt(), vault.reencrypt(), vault.reencrypt()]);
    assert.equal(answers.reduce((sum, { reencrypted }) => sum + reencrypted, 0), 230);
    for (const { failed, is_complete } of answers) {
      assert.deepEqual(failed, []);
      assert.ok(is_complete);
    }
    vault.functions.set(NEW);
    await vault.isDecrypted(keys);
  }));

Deno.test("reencrypt_secrets leaves a secret that is set meanwhile as it was set", () =>
  Vault.with(async (vault) => {
    const { functions } = vault;
    const user = await vault.createUser();
    const keys = await vault.fill(user, 5);
    const put = async (key: string) =>
      expect(await functions.send(user, "PUT", "/keys/providers/openai", { key }), 200).id;
    const id = await put(newProviderKey());
    const gone = [...keys.keys()][0] ?? "";
    keys.delete(gone);
    functions.set(BOTH);
    const key = newProviderKey();
    keys.set(id, key);
    // It has been read and wrapped anew; now it would be written.
    functions.before = async ({ url }) => {
      if (!url.endsWith("/rpc/replace_secrets")) return;
      functions.before = () => {};
      assert.equal(await put(key), id);
      await vault.stack.query("delete from public.provider_keys where id = $1", [gone]);
    };
    const { reencrypted, failed, is_complete } = await vault.reencrypt();
    assert.deepEqual({ reencrypted, failed, is_complete }, {
      reencrypted: 4,
      failed: [],
      is_complete: true,
    });
    functions.set(NEW);
    await vault.isDecrypted(keys);
    assert.equal((await vault.secrets()).length, 5);
  }));

Deno.test("reencrypt_secrets names what does not decrypt, and it stops no other", () =>
  Vault.with(async (vault) => {
    const user = await vault.createUser();
    const keys = await vault.fill(user, 150);
    const webhook = await vault.createWebhook(user);
    const [tampered = "", moved = "", other = "", lost = ""] = keys.keys();
    for (const id of [tampered, moved, other, lost]) keys.delete(id);
    await vault.stack.script(`
      update public.provider_keys set ciphertext = 'garbage' where id = '${tampered}';
      update public.provider_keys p set ciphertext = q.ciphertext from public.provider_keys q
        where (p.id, q.id) in (('${moved}', '${other}'), ('${other}', '${moved}'));
      update public.provider_keys set key_version = 7 where id = '${lost}';
      update public.trigger_secrets set ciphertext = reverse(ciphertext);`);
    const [secret] = await vault.stack.query("select id from public.trigger_secrets");
    const broken = (await vault.secrets()).filter(({ id }) => !keys.has(id));
    vault.functions.set(BOTH);
    for (const reencrypted of [146, 0]) {
      const done = await vault.reencrypt();
      assert.equal(done.reencrypted, reencrypted);
      assert.equal(done.is_complete, true);
      assert.deepEqual(
        new Set(done.failed.map(({ table_name, id }: Body) => `${table_name} ${id}`)),
        new Set([
          ...[tampered, moved, other, lost].map((id) => `provider_keys ${id}`),
          `trigger_secrets ${secret?.id}`,
        ]),
      );
      const still = (await vault.secrets()).filter(({ id }) => !keys.has(id));
      const byId = (one: Body, two: Body) => one.id < two.id ? -1 : 1;
      assert.deepEqual(still.sort(byId), broken.sort(byId), "what it can't read it leaves alone");
    }
    refused(await vault.deliver(webhook), 401, "invalid_signature");
    vault.functions.set(NEW);
    await vault.isDecrypted(keys);
  }));

Deno.test("reencrypt_secrets gets past more broken secrets than one call looks at", () =>
  Vault.with(async (vault) => {
    const user = await vault.createUser();
    const keys = await vault.fill(user, 20);
    // Whoever may add a key may choose its id, too: these come before all others.
    await vault.stack.query(
      `insert into public.provider_keys (id, organization_id, user_id, provider, name, last_four, ciphertext, key_version)
       select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, $2, 'p' || n, 'Broken', '0000', 'broken', 1
       from generate_series(1, 2300) n`,
      [user.organizationId, user.id],
    );
    vault.functions.set(BOTH);
    let done = await vault.reencrypt();
    assert.equal(done.is_complete, false);
    assert.equal(done.reencrypted, 0);
    let [calls, reencrypted, failed] = [1, 0, done.failed.length];
    while (!done.is_complete && calls < 10) {
      done = await vault.reencrypt({ after: done.next_after });
      calls++;
      reencrypted += done.reencrypted;
      failed += done.failed.length;
    }
    assert.deepEqual({ calls, reencrypted, failed }, { calls: 2, reencrypted: 20, failed: 2300 });
    vault.functions.set(NEW);
    await vault.isDecrypted(keys);
  }));

Deno.test("reencrypt_secrets and the commands behind it are the service's alone", () =>
  Vault.with(async (vault) => {
    const { functions, stack } = vault;
    const user = await vault.createUser();
    await vault.fill(user, 1);
    const before = await vault.secrets();
    functions.set(BOTH);
    const name = { name: "All", scopes: ["keys:*"] };
    const { key } = expect(await functions.send(user, "POST", "/keys", name), 201);
    const send = (options: Options) => functions.call("POST", "/keys/providers/reencrypt", options);
    refused(await send({ apikey: "" }), 401, "unauthorized");
    refused(await send({}), 401, "unauthorized");
    refused(await send({ token: user.token }), 403, "forbidden");
    refused(await send({ token: key }), 403, "forbidden");
    refused(await send({ apikey: "sb_secret_unknown" }), 401, "invalid_api_key");

    const [secret] = before;
    const replacement = { ...secret, table_name: "provider_keys", replacement: "x" };
    const commands = {
      stale_secrets: { newest: 9 },
      replace_secrets: { secrets: [replacement] },
      note_provider_verdict: { key_id: secret.id, ciphertext: secret.ciphertext, verified: true },
      verify_api_key: { hash: "0".repeat(64) },
    };
    for (const [command, body] of Object.entries(commands)) {
      for (const token of [user.token, undefined]) {
        const { status } = await rest("POST", `/rpc/${command}`, { on: stack, token, body });
        assert.ok([401, 403, 404].includes(status), `${command} answered ${status}`);
      }
    }
    assert.deepEqual(await vault.secrets(), before);
  }));

Deno.test("reencrypt_secrets, bad input", () =>
  Vault.with(async ({ functions, stack: { secretKey: apikey } }) => {
    const send = (body: unknown) =>
      functions.call("POST", "/keys/providers/reencrypt", { apikey, body });
    refused(await send({ after: "x" }), 422, "validation_failed", ["after"]);
    refused(await send({ after: 1 }), 422, "validation_failed", ["after"]);
    refused(await send({ newest: 9 }), 422, "validation_failed");
  }));
