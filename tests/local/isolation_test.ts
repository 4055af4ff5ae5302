import assert from "node:assert/strict";
import { signUp, withStack } from "./support.ts";

Deno.test("four users' 400 parallel calls never see another's row or claims", () =>
  withStack(async (stack) => {
    const users = await Promise.all(Array.from({ length: 4 }, () => signUp(stack)));
    for (const { client, id } of users) {
      const { error } = await client.from("notes").insert({ body: `of ${id}` });
      assert.equal(error, null);
    }
    let seen = 0;
    await Promise.all(Array.from({ length: 400 }, async (_, n) => {
      const { client, id } = users[n % users.length] ?? assert.fail();
      if (n % 3 === 0) {
        const { error, status } = await client.rpc("fail");
        assert.deepEqual([status, error?.code, error?.hint], [409, "PT409", "test_refused"]);
      } else if (n % 3 === 1) {
        const { data } = await client.rpc("whoami");
        assert.deepEqual(data, { uid: id, role: "authenticated", sub: id });
      } else {
        const { data } = await client.from("notes").select("owner, body");
        assert.deepEqual(data, [{ owner: id, body: `of ${id}` }]);
        seen += 1;
      }
    }));
    assert.equal(seen, 133);
  }));

Deno.test("a request without a key is refused, one with the publishable key is anonymous", () =>
  withStack(async (stack) => {
    const without = await fetch(`${stack.url}/rest/v1/notes`);
    assert.equal(without.status, 401);
    await without.body?.cancel();
    const anonymous = await fetch(`${stack.url}/rest/v1/rpc/whoami`, {
      method: "POST",
      headers: { apikey: stack.publishableKey },
    });
    assert.deepEqual(await anonymous.json(), { uid: null, role: "anon", sub: null });
  }));

Deno.test("a page of another origin may call the API", () =>
  withStack(async (stack) => {
    for (const path of ["rest/v1/notes", "auth/v1/signup", "storage/v1/bucket"]) {
      const preflight = await fetch(`${stack.url}/${path}`, {
        method: "OPTIONS",
        headers: {
          origin: "http://localhost:3000",
          "access-control-request-method": "POST",
          "access-control-request-headers": "apikey, x-own-header",
        },
      });
      await preflight.body?.cancel();
      assert.equal(preflight.ok, true, path);
      assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
      assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /x-own-header/);
      const refused = await fetch(`${stack.url}/${path}`, { headers: { apikey: "wrong" } });
      await refused.body?.cancel();
      assert.equal(refused.headers.get("access-control-allow-origin"), "*", path);
    }
  }));
