import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing, rowOf } from "../harness/hostile.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

async function put(
  user: User,
  provider: string,
  body: Record<string, unknown> = {},
): Promise<Body> {
  const defaults = { key: newProviderKey(), base_url: "https://models.example.com/v1" };
  const answer = await user.send("PUT", `/keys/providers/${provider}`, {
    body: { ...defaults, ...body },
  });
  return expect(answer, 200);
}

Deno.test("past the functions, no client gets at a provider key", async (t) => {
  const tenant = await createTenant();
  const [admin, member] = await Promise.all([tenant.user("admin"), tenant.user("member")]);
  const own = await put(member, "openai");
  const shared = await put(admin, "openai", { scope: "organization" });
  const stranger = await tenant.stranger();
  const everyone: [string, User][] = [
    ["member", member],
    ["admin", admin],
    ["owner", tenant.owner],
    ["stranger", stranger],
  ];
  const { ciphertext } = await rowOf("provider_keys", own.id);
  const row = {
    organization_id: tenant.organizationId,
    provider: "hostile",
    name: "Hostile",
    ciphertext,
    key_version: 1,
    last_four: "0000",
  };

  for (const [name, user] of everyone) {
    await t.step(
      `${name}: the ciphertext is not read, filtered, sorted by or returned`,
      async () => {
        const queries = [
          "select=ciphertext",
          "select=*",
          "select=id&ciphertext=like.*",
          `select=id&ciphertext=eq.${encodeURIComponent(ciphertext)}`,
          "select=id&order=ciphertext",
          "select=id,c:ciphertext",
          "select=id&or=(ciphertext.like.A*,id.not.is.null)",
        ];
        for (const query of queries) {
          const { status, body } = await user.rest("GET", `/provider_keys?${query}`);
          assert.ok(status >= 400, `${query} answered ${status}: ${JSON.stringify(body)}`);
        }
        const named = { name: "Mine" };
        for (const { id } of [own, shared]) {
          const path = `/provider_keys?id=eq.${id}&select=id,ciphertext`;
          const answer = await changesNothing(
            "provider_keys",
            id,
            () => user.rest("PATCH", path, named),
          );
          assert.ok(answer.status >= 400);
          assert.ok(!JSON.stringify(answer.body).includes(ciphertext));
        }
      },
    );

    await t.step(
      `${name}: nobody marks a key as verified, moves it or gives it another address`,
      async () => {
        const changes = [
          { verified: true },
          { verified_at: new Date().toISOString() },
          { base_url: "https://evil.example.com" },
          { base_url: null },
          { key_version: 2 },
          { base_url: "https://evil.example.com", key_version: 1, last_four: "0000" },
          { organization_id: stranger.organizationId },
          { user_id: stranger.id },
          { user_id: null },
          { provider: "groq" },
          { id: crypto.randomUUID() },
          { created_at: "2020-01-01T00:00:00Z" },
          { ciphertext: null },
        ];
        for (const change of changes) {
          for (const { id } of [own, shared]) {
            await changesNothing(
              "provider_keys",
              id,
              () => user.rest("PATCH", `/provider_keys?id=eq.${id}&select=id`, change),
            );
          }
        }
      },
    );

    await t.step(`${name}: nobody adds a key for somebody else, or a verified one`, async () => {
      const other = name === "member" ? admin : member;
      const attempts: Record<string, string | number | boolean>[] = [
        { ...row, user_id: other.id },
        { ...row, user_id: user.id, verified: true },
        { ...row, user_id: user.id, verified_at: new Date().toISOString() },
        { ...row, user_id: user.id, is_active: false },
      ];
      if (name !== "stranger") {
        attempts.push({ ...row, user_id: user.id, organization_id: stranger.organizationId });
      } else attempts.push({ ...row, user_id: user.id });
      for (const attempt of attempts) {
        const { provider, organization_id } = attempt;
        await addsNothing("provider_keys", {
          provider: provider ?? "",
          organization_id: organization_id ?? "",
        }, () => user.rest("POST", "/provider_keys?select=id", attempt));
      }
    });

    await t.step(`${name}: an upsert is no way around`, async () => {
      for (const { id } of [own, shared]) {
        for (const on of ["id", "organization_id,user_id,provider"]) {
          await changesNothing("provider_keys", id, () =>
            user.rest(
              "POST",
              `/provider_keys?on_conflict=${on}&select=id`,
              {
                ...row,
                id,
                user_id: user.id,
                provider: "openai",
                base_url: "https://evil.example.com",
              },
              { prefer: "resolution=merge-duplicates,return=representation" },
            ));
        }
      }
    });
  }

  await t.step("a member does nothing to the organization's key", async () => {
    const path = `/provider_keys?id=eq.${shared.id}&select=id`;
    const base_url = "https://evil.example.com";
    for (const change of [{ is_active: false }, { name: "Mine" }, { ciphertext, base_url }]) {
      await changesNothing("provider_keys", shared.id, () => member.rest("PATCH", path, change));
    }
    await changesNothing("provider_keys", shared.id, () => member.rest("DELETE", path));
    const key = { ...row, provider: "openai" };
    await changesNothing(
      "provider_keys",
      shared.id,
      () =>
        member.rest("POST", "/rpc/put_provider_key", {
          key_id: shared.id,
          organization_id: tenant.organizationId,
          is_own: false,
          key,
        }),
    );
  });

  await t.step("nobody reaches another's own key through the commands", async () => {
    for (const user of [admin, tenant.owner, stranger]) {
      await changesNothing(
        "provider_keys",
        own.id,
        () =>
          user.rest("POST", "/rpc/put_provider_key", {
            key_id: own.id,
            organization_id: tenant.organizationId,
            is_own: true,
            key: { ...row, provider: "openai" },
          }),
      );
      const read = await user.rest("POST", "/rpc/log_provider_key_read", { key_id: own.id });
      assert.equal(read.status, 404);
      await changesNothing(
        "provider_keys",
        own.id,
        () => user.rest("DELETE", `/provider_keys?id=eq.${own.id}&select=id`),
      );
    }
  });

  await t.step("another ciphertext is another key: it has yet to be verified", async () => {
    await sql`update public.provider_keys set verified = true, verified_at = now() where id = ${own.id}`;
    const base_url = "https://other.example.com";
    const change = { ciphertext: "AAAA.AAAA", base_url, last_four: "0000" };
    const path = `/provider_keys?id=eq.${own.id}&select=id`;
    expect(await member.rest("PATCH", path, change), 200);
    const { verified, verified_at, base_url: address } = await rowOf("provider_keys", own.id);
    assert.deepEqual({ verified, verified_at, address }, {
      verified: false,
      verified_at: null,
      address: base_url,
    });
  });
});
