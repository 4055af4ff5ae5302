import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { changesNothing } from "../harness/hostile.ts";
import { keyRing } from "../harness/own_functions.ts";
import { newProviderKey, Provider } from "../harness/provider.ts";
import { Setting } from "../harness/provider_keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const storedState = async (id: string) => {
  const [row] = await sql`select verified, verified_at, ciphertext from public.provider_keys
    where id = ${id}`;
  return row;
};

Deno.test("verify_provider_key: a key that is replaced or removed meanwhile is not the one that was asked about", async (t) => {
  await Setting.with(async (setting) => {
    const { functions, provider, tenant } = setting;
    await t.step("replaced while the provider is asked", async () => {
      const put = await setting.put();
      provider.misbehave = async () => {
        provider.misbehave = () => undefined;
        await setting.put({ key: newProviderKey() });
        return Response.json({ object: "list", data: [] });
      };
      assert.equal(expect(await setting.verify(put), 200).verified, false);
      assert.equal((await storedState(put.id))?.verified, false);
    });
    await t.step("removed while the provider is asked", async () => {
      const put = await setting.put();
      provider.misbehave = async () => {
        await functions.send(tenant.owner, "DELETE", `/keys/providers/${put.id}`);
        return Response.json({ object: "list", data: [] });
      };
      refused(await setting.verify(put), 404, "not_found");
      provider.misbehave = () => undefined;
    });
    await t.step("re-encrypted while the provider is asked: it is the same key", async () => {
      const put = await setting.put();
      const before = await storedState(put.id);
      functions.set({ EDGELOOM_ENCRYPTION_KEYS: keyRing(1, 2) });
      provider.misbehave = async () => {
        expect(
          await functions.call("POST", "/keys/providers/reencrypt", {
            apikey: functions.project.secretKey,
          }),
          200,
        );
        return Response.json({ object: "list", data: [] });
      };
      assert.equal(expect(await setting.verify(put), 200).verified, true);
      assert.notEqual((await storedState(put.id))?.ciphertext, before?.ciphertext);
      provider.misbehave = () => undefined;
    });
    await t.step("a new key never goes to the address of the one before", async () => {
      await Provider.with(async (next) => {
        const put = await setting.put();
        const key = next.issue();
        let replaced = false;
        // Between the look at who may use it and the look at the key itself.
        functions.before = async ({ method, url }) => {
          if (replaced || method !== "GET" || !url.includes("ciphertext")) return;
          replaced = true;
          await setting.put({ key, base_url: next.baseUrl });
        };
        assert.equal(expect(await setting.verify(put), 200).verified, true);
        assert.ok(replaced);
        assert.ok(!provider.hasSeen(key), "the new key went to the old address");
        assert.ok(next.hasSeen(key));
      });
    });
  });
});

Deno.test("a ciphertext in another row is refused, clearly, and comes back where it belongs", async (t) => {
  await Setting.with(async (setting) => {
    const { provider, tenant } = setting;
    const swap = (one: string, other: string) =>
      sql`update public.provider_keys p set ciphertext = q.ciphertext from public.provider_keys q
        where (p.id, q.id) in ((${one}, ${other}), (${other}, ${one}))`;
    const isUnreadable = async (id: string, user: User) => {
      const asked = provider.requests.length;
      const answer = await changesNothing("provider_keys", id, () => setting.verify({ id }, user));
      assert.match(refused(answer, 409, "conflict").detail, /can't be decrypted.*set it again/);
      assert.equal(provider.requests.length, asked);
    };
    const member = await tenant.user("member");
    const own = await setting.put({}, member);
    const shared = await setting.put({ scope: "organization" });
    const other = await createTenant();
    const theirs = await setting.put({}, other.owner);
    const pairs: [string, [Body, User], [Body, User]][] = [
      ["of one organization", [own, member], [shared, tenant.owner]],
      ["of two organizations", [shared, tenant.owner], [theirs, other.owner]],
    ];
    for (const [name, [one, its], [two, their]] of pairs) {
      await t.step(`keys ${name}`, async () => {
        await swap(one.id, two.id);
        await isUnreadable(one.id, its);
        await isUnreadable(two.id, their);
        await swap(one.id, two.id);
        assert.equal(expect(await setting.verify(one, its), 200).verified, true);
        assert.equal(expect(await setting.verify(two, their), 200).verified, true);
      });
    }
    await t.step("what was never encrypted", async () => {
      const put = await setting.put();
      for (const ciphertext of ["", "x", "sk-0123456789", "a.b", "AAAA.AAAA", "….…"]) {
        await sql`update public.provider_keys set ciphertext = ${ciphertext} where id = ${put.id}`;
        await isUnreadable(put.id, tenant.owner);
      }
    });
    await t.step("it can be set again", async () => {
      assert.equal(expect(await setting.verify(await setting.put()), 200).verified, true);
    });
  });
});

Deno.test("a key that a client wrote past the functions is an answer, too", () =>
  Setting.with(async (setting) => {
    const { functions, tenant } = setting;
    const id = crypto.randomUUID();
    const { status } = await tenant.owner.rest("POST", "/provider_keys?select=id", {
      id,
      organization_id: tenant.organizationId,
      user_id: tenant.owner.id,
      provider: "constructor",
      name: "Mine",
      ciphertext: "AAAA.AAAA",
      key_version: 1,
      last_four: "AAAA",
    });
    assert.equal(status, 201);
    refused(await setting.verify({ id }), 409, "conflict");
    const put = await setting.put();
    await sql`update public.provider_keys set base_url = null where id = ${put.id}`;
    assert.match(refused(await setting.verify(put), 502, "provider_error").detail, /where ours is/);
    await sql`update public.provider_keys set key_version = 999 where id = ${put.id}`;
    refused(await setting.verify(put), 503, "encryption_not_configured");
    functions.set({ EDGELOOM_ENCRYPTION_KEYS: keyRing(1) });
  }));
