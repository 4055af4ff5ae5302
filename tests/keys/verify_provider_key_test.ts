import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { changesNothing } from "../harness/hostile.ts";
import { newProviderKey, Provider, withRawServer } from "../harness/provider.ts";
import { Setting } from "../harness/provider_keys.ts";
import { sql } from "../harness/sql.ts";

Deno.test("verify_provider_key notes what the provider says", () =>
  Setting.with(async (setting) => {
    const { provider, tenant } = setting;
    const key = provider.issue();
    const put = await setting.put({ key });
    const began = Date.now();
    const verified = expect(await setting.verify(put), 200);
    assert.equal(verified.verified, true);
    assert.ok(Date.parse(verified.verified_at) >= began - 1000);
    assert.deepEqual(provider.requests.map(({ path }) => path), ["/v1/models"]);
    assert.equal(provider.requests[0]?.headers.get("authorization"), `Bearer ${key}`);
    assert.ok(!("ciphertext" in verified) && !JSON.stringify(verified).includes(key));

    const [read] =
      await sql`select action_type, actor_id, actor_type, organization_id, details, request_id
      from public.audit_logs where entity_type = 'provider_key' and entity_id = ${put.id}
        and action_type = 'READ'`;
    assert.equal(read?.actor_id, tenant.owner.id);
    assert.equal(read?.actor_type, "user");
    assert.equal(read?.organization_id, tenant.organizationId);
    assert.ok(!JSON.stringify(read).includes(key));

    for (const status of [401, 403]) {
      provider.misbehave = () => Response.json({ error: `${status}` }, { status });
      const refusedKey = expect(await setting.verify(put), 200);
      assert.equal(refusedKey.verified, false, String(status));
      assert.equal(refusedKey.verified_at, null);
    }
  }));

Deno.test("verify_provider_key is for whoever may use the key", async (t) => {
  await Setting.with(async (setting) => {
    const { tenant } = setting;
    const [admin, member] = await Promise.all([tenant.user("admin"), tenant.user("member")]);
    const shared = await setting.put({ scope: "organization" });
    const own = await setting.put({}, member);
    await t.step("a member, of the organization's key", async () => {
      assert.equal(expect(await setting.verify(shared, member), 200).verified, true);
    });
    await t.step("a member, of their own", async () => {
      assert.equal(expect(await setting.verify(own, member), 200).verified, true);
    });
    await t.step("nobody, of another's own key, and it is not even asked about", async () => {
      const { requests } = setting.provider;
      const asked = requests.length;
      for (const user of [admin, tenant.owner, await tenant.stranger()]) {
        refused(await setting.verify(own, user), 404, "not_found");
      }
      assert.equal(requests.length, asked);
      const reads = await sql`select id from public.audit_logs where action_type = 'READ'
        and entity_id = ${own.id} and actor_id <> ${member.id}`;
      assert.deepEqual([...reads], [], "a refused read is none");
    });
    await t.step(
      "security",
      (t) => attack(t, { tenant, method: "POST", path: `/keys/providers/${own.id}/verify` }),
    );
  });
});

Deno.test("verify_provider_key: whatever the provider does is an answer, and the key stays as it was", async (t) => {
  await Setting.with(async (setting) => {
    const { provider } = setting;
    const key = provider.issue();
    const put = await setting.put({ key });
    expect(await setting.verify(put), 200);
    const fails = (name: string, misbehave: Provider["misbehave"], detail: RegExp) =>
      t.step(name, async () => {
        provider.misbehave = misbehave;
        const answer = await changesNothing("provider_keys", put.id, () => setting.verify(put));
        const { detail: text } = refused(answer, 502, "provider_error");
        assert.match(text, detail);
        assert.ok(!JSON.stringify(answer.body).includes(key), "the answer has the key");
      });
    for (const status of [400, 404, 429, 500, 503, 304]) {
      const body = status === 304 ? null : `${status} for ${key}`;
      const answer = () => new Response(body, { status });
      await fails(`status ${status}`, answer, new RegExp(`^The provider answered ${status}$`));
    }
    const garbage = /^The provider's answer is not a list of models/;
    await fails("a page", () => new Response(`<html>Welcome, ${key}</html>`), garbage);
    await fails("an empty answer", () => new Response(""), garbage);
    await fails("JSON that is no list", () => Response.json(key), garbage);
    await fails("an answer without end", () => {
      const chunk = new Uint8Array(1_000_000).fill(32);
      return new Response(new ReadableStream({ pull: (stream) => stream.enqueue(chunk) }));
    }, /^The provider could not be asked: .* more than 5000000 bytes/);
    await fails("silence", () => provider.silence(), /^The provider could not be asked: .*15 s/);
  });
});

Deno.test("verify_provider_key: what is no HTTP server, and what is not there", async (t) => {
  await Setting.with(async (setting) => {
    const fails = async (base_url: string, detail: RegExp) => {
      const key = newProviderKey();
      const put = await setting.put({ key, base_url });
      const answer = await changesNothing("provider_keys", put.id, () => setting.verify(put));
      assert.match(refused(answer, 502, "provider_error").detail, detail);
      assert.ok(!JSON.stringify(answer.body).includes(key));
    };
    const failed = /^The provider could not be asked: the connection to .* failed$/;
    await t.step(
      "garbage",
      () => withRawServer("220 mail.example.com ESMTP\r\n", (origin) => fails(origin, failed)),
    );
    await t.step(
      "a head without a body",
      () =>
        withRawServer(
          "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
          (origin) => fails(origin, failed),
        ),
    );
    await t.step("a closed port", async () => {
      const origin = await withRawServer("", (origin) => Promise.resolve(origin));
      await fails(origin, failed);
    });
    await t.step(
      "a name that nobody has",
      () => fails("https://nowhere.invalid/v1", /nowhere.invalid has no address$/),
    );
  });
});

Deno.test("verify_provider_key follows no redirect: the key is for its address", () =>
  Setting.with(({ functions, provider, tenant }) =>
    Provider.with(async (elsewhere) => {
      const setting = { key: provider.issue(), base_url: provider.baseUrl };
      elsewhere.keys.add(setting.key);
      const put = expect(
        await functions.send(tenant.owner, "PUT", "/keys/providers/ours", setting),
        200,
      );
      for (const status of [301, 302, 303, 307, 308]) {
        for (
          const to of [`${elsewhere.baseUrl}/models`, `${provider.baseUrl}/other`, "/v1/other"]
        ) {
          provider.misbehave = ({ url }) =>
            url.endsWith("/models")
              ? new Response(null, { status, headers: { location: to } })
              : undefined;
          const path = `/keys/providers/${put.id}/verify`;
          const answer = await functions.send(tenant.owner, "POST", path);
          const { detail } = refused(answer, 502, "provider_error");
          assert.match(detail, /redirect/);
          assert.ok(!detail.includes(setting.key));
        }
      }
      assert.deepEqual(elsewhere.requests, []);
      assert.ok(provider.requests.every(({ path }) => path === "/v1/models"));
    })
  ));

Deno.test("verify_provider_key reaches no private address where that is not allowed", () =>
  Setting.with(async (setting) => {
    const { functions, provider } = setting;
    const { port } = new URL(provider.origin);
    for (const host of ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"]) {
      const put = await setting.put({ base_url: `http://${host}:${port}/v1` });
      functions.set({ EDGELOOM_ALLOW_PRIVATE_NETWORK: "" });
      const { detail } = refused(await setting.verify(put), 502, "provider_error");
      assert.match(detail, /is not a public address$/);
    }
    assert.deepEqual(provider.requests, []);
  }));
