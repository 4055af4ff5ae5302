import assert from "node:assert/strict";
import { decrypt } from "@shared/envelope.ts";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { rowOf } from "../harness/hostile.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const put = (user: User, provider: string, body: unknown) =>
  user.send("PUT", `/keys/providers/${provider}`, { body });

async function keysOf({ organizationId }: { organizationId: string }): Promise<Body[]> {
  return await sql`select id, user_id, provider, ciphertext from public.provider_keys
    where organization_id = ${organizationId}`;
}

Deno.test("put_provider_key sets the caller's own key and, for an admin, the organization's", async () => {
  const tenant = await createTenant();
  const [admin, member] = await Promise.all([tenant.user("admin"), tenant.user("member")]);
  const key = newProviderKey();

  const own = expect(await put(member, "openai", { key }), 200);
  assert.equal(own.user_id, member.id);
  assert.equal(own.organization_id, tenant.organizationId);
  assert.equal(own.name, "openai", "the provider's name, unless told");
  assert.equal(own.base_url, null);
  assert.equal(own.last_four, key.slice(-4));
  assert.equal(own.verified, false);
  assert.equal(own.verified_at, null);
  assert.equal(own.is_active, true);
  const shared = expect(
    await put(admin, "openai", {
      key: `  ${newProviderKey()}\n`,
      scope: "organization",
      name: " Ours ",
      base_url: "https://proxy.example.com/v1",
    }),
    200,
  );
  assert.equal(shared.user_id, null);
  assert.equal(shared.name, "Ours");
  assert.equal(shared.base_url, "https://proxy.example.com/v1");
  assert.notEqual(shared.last_four, "\n", "spaces around a key are the clipboard's");

  for (const answer of [own, shared]) {
    assert.ok(!("ciphertext" in answer) && !("key" in answer));
    assert.ok(!JSON.stringify(answer).includes("sk-proj"));
  }
  assert.equal((await keysOf(tenant)).length, 2, "one beside the other");
});

Deno.test("put_provider_key replaces a key in its place, and the one before is gone", () =>
  OwnFunctions.with({}, async (functions) => {
    const tenant = await createTenant();
    const { owner } = tenant;
    const set = async (body: Record<string, unknown>) =>
      expect(await functions.send(owner, "PUT", "/keys/providers/mistral", body), 200);
    const first = await set({
      key: newProviderKey(),
      name: "First",
      base_url: "https://a.example/v1",
    });
    const before = await rowOf("provider_keys", first.id);
    await sql`update public.provider_keys set verified = true, verified_at = now(), is_active = false
      where id = ${first.id}`;

    const key = newProviderKey();
    const second = await set({ key });
    assert.equal(second.id, first.id);
    assert.equal(second.created_at, first.created_at);
    assert.equal(second.verified, false, "another key has yet to be verified");
    assert.equal(second.verified_at, null);
    assert.equal(second.is_active, true);
    assert.equal(second.name, "mistral");
    assert.equal(second.base_url, null, "a key is for the address that it was given with");
    assert.equal(second.last_four, key.slice(-4));
    const after = await rowOf("provider_keys", first.id);
    const owning = { organizationId: tenant.organizationId, rowId: first.id };
    assert.equal(await functions.run(() => decrypt(after, owning)), key);
    for (const half of before.ciphertext.split(".")) assert.ok(!after.ciphertext.includes(half));
    assert.equal((await keysOf(tenant)).length, 1);
  }));

Deno.test("put_provider_key, many at once: one row a provider, which holds one of the keys whole", () =>
  OwnFunctions.with({}, async (functions) => {
    const tenant = await createTenant();
    for (let round = 0; round < 5; round++) {
      const keys = Array.from({ length: 4 }, newProviderKey);
      const answers = await Promise.all(
        keys.map((key) => functions.send(tenant.owner, "PUT", "/keys/providers/groq", { key })),
      );
      const [row, ...others] = await keysOf(tenant);
      assert.deepEqual(others, []);
      const owning = { organizationId: tenant.organizationId, rowId: row.id };
      const kept = await functions.run(() => decrypt({ ...row, key_version: 1 }, owning));
      const accepted = keys.filter((_, index) => answers[index]?.status === 200);
      assert.ok(accepted.includes(kept), "what is stored was answered 200");
      for (const answer of answers) {
        if (answer.status !== 200) refused(answer, 409, "conflict");
        else assert.equal(answer.body.id, row.id);
      }
      if (round % 2 === 0) await sql`delete from public.provider_keys where id = ${row.id}`;
    }
  }));

Deno.test("put_provider_key, bad input", async (t) => {
  const { owner, organizationId } = await createTenant();
  const key = newProviderKey();
  const cases: [name: string, body: unknown, path: string, provider?: string][] = [
    ["no key", {}, "key"],
    ["a key of 7 characters", { key: "sk-1234" }, "key"],
    ["a key of 7 characters and spaces", { key: "  sk-1234  " }, "key"],
    ["a key of 4001 characters", { key: "k".repeat(4001) }, "key"],
    ["a key that no header can carry", { key: "sk-ключ-0123456789" }, "key"],
    ["a key of two lines", { key: "sk-0123456789\nsk-0123456789" }, "key"],
    ["a key with a NUL", { key: "sk-0123456789\u0000" }, "key"],
    ["a key that is no text", { key: 12345678 }, "key"],
    ["a blank name", { key, name: "   " }, "name"],
    ["a name of 201 characters", { key, name: "n".repeat(201) }, "name"],
    ["another scope", { key, scope: "everyone" }, "scope"],
    ["an unknown field", { key, verified: true }, ""],
    ["no URL", { key, base_url: "proxy" }, "base_url"],
    ["an empty URL", { key, base_url: "" }, "base_url"],
    ["a URL with credentials", { key, base_url: "https://ada:pass@a.example/v1" }, "base_url"],
    ["a URL with a user", { key, base_url: "https://ada@a.example/v1" }, "base_url"],
    ["ftp", { key, base_url: "ftp://a.example/v1" }, "base_url"],
    ["javascript", { key, base_url: "javascript:alert(1)" }, "base_url"],
    ["a file", { key, base_url: "file:///etc/passwd" }, "base_url"],
    ["a scheme in capitals", { key, base_url: "HTTPS://a.example/v1" }, "base_url"],
    ["a URL with a space", { key, base_url: "https://a.example/v 1" }, "base_url"],
    ["a URL with a query", { key, base_url: "https://a.example/v1?x=1" }, "base_url"],
    ["a URL with a fragment", { key, base_url: "https://a.example/v1#x" }, "base_url"],
    ["a URL without a host", { key, base_url: "https://" }, "base_url"],
    [
      "a URL of 1001 characters",
      { key, base_url: `https://a.example/${"x".repeat(983)}` },
      "base_url",
    ],
    ["an unknown provider without an address", { key }, "base_url", "ours"],
    ["a provider named as what objects inherit", { key }, "base_url", "constructor"],
  ];
  for (const [name, body, path, provider = "openai"] of cases) {
    await t.step(name, async () => {
      const problem = refused(await put(owner, provider, body), 422, "validation_failed", [path]);
      assert.ok(!JSON.stringify(problem).includes(key), "the answer repeats the key");
    });
  }
  for (
    const provider of [
      "__proto__",
      "toString",
      "hasOwnProperty",
      "OpenAI",
      "a.b",
      "-a",
      "a".repeat(51),
    ]
  ) {
    await t.step(`no provider can be called ${provider}`, async () => {
      refused(await put(owner, provider, { key }), 404, "not_found");
    });
  }
  await t.step("JSON that is none", async () => {
    const options = { rawBody: `{"key":"${key}"`, headers: { "content-type": "application/json" } };
    refused(await owner.send("PUT", "/keys/providers/openai", options), 400, "invalid_json");
  });
  assert.equal((await keysOf({ organizationId })).length, 0, "nothing was stored");

  await t.step("what is just within the limits", async () => {
    const within = [
      { key: "12345678" },
      { key: "k".repeat(4000) },
      { key, name: "n".repeat(200) },
      { key, base_url: `https://a.example/${"x".repeat(982)}` },
      { key, base_url: "http://127.0.0.1:11434/v1/" },
    ];
    for (const body of within) expect(await put(owner, "openai", body), 200);
    expect(await put(owner, "constructor", { key, base_url: "https://a.example" }), 200);
  });
});

Deno.test("the database's own rule for addresses is the contract's", async () => {
  const { owner } = await createTenant();
  const { id } = expect(await put(owner, "openai", { key: newProviderKey() }), 200);
  const addresses = [
    ...[
      "https://ada:pass@a.example",
      "ftp://a.example",
      "javascript:alert(1)",
      "https://a b.example",
    ],
    ...[
      "https://a.example/?q",
      "https://a.example/#f",
      "HTTPS://a.example",
      "https://",
      "",
      " https://a.example",
    ],
  ];
  for (const base_url of addresses) {
    const change = sql`update public.provider_keys set base_url = ${base_url} where id = ${id}`;
    await assert.rejects(change, { code: "23514" }, base_url);
  }
});

Deno.test("put_provider_key, security", async (t) => {
  const tenant = await createTenant();
  const path = "/keys/providers/openai";
  const body = { key: newProviderKey() };
  await t.step("own", (t) => attack(t, { tenant, method: "PUT", path, body, stranger: "own" }));
  await t.step("the organization's", (t) =>
    attack(t, {
      tenant,
      method: "PUT",
      path,
      body: { ...body, scope: "organization" },
      stranger: "own",
      minimumRole: "admin",
    }));
  await t.step("a member can't replace the organization's either", async () => {
    const shared = { key: newProviderKey(), scope: "organization" };
    const { id } = expect(await put(tenant.owner, "openai", shared), 200);
    const before = await rowOf("provider_keys", id);
    const member = await tenant.user("member");
    refused(await put(member, "openai", { ...body, scope: "organization" }), 403, "forbidden");
    assert.deepEqual(await rowOf("provider_keys", id), before);
  });
  await t.step("who has left sets none", async () => {
    const member = await tenant.join("member");
    await sql`delete from public.memberships where user_id = ${member.id}
      and organization_id = ${tenant.organizationId}`;
    assert.ok([403, 404].includes((await put(member, "openai", body)).status));
  });
});
