import assert from "node:assert/strict";
import { SignJWT } from "jose";
import type { Stack } from "../../supabase/local/stack.ts";
import { signUp, withFolder, withStack } from "./support.ts";

const url = (stack: Stack, path: string) => `${stack.url}/functions/v1/${path}`;

Deno.test("a function sees the path that it has on the platform, and its caller's address", () =>
  withStack(async (stack) => {
    const answer = await fetch(url(stack, "hello"));
    assert.deepEqual(await answer.json(), { path: "/hello" });
    const forwarded = await fetch(url(stack, "hello/forwarded"));
    assert.deepEqual(await forwarded.json(), { ip: "127.0.0.1" });
  }));

Deno.test("functions of stacks side by side each have their own stack's environment", () =>
  withStack((first) =>
    withStack(async (second) => {
      for (const stack of [first, second]) {
        const answer = await fetch(url(stack, "hello/environment"));
        const environment = await answer.json();
        assert.equal(environment.url, stack.url);
        assert.deepEqual(environment.publishable, { default: stack.publishableKey });
        assert.deepEqual(environment.secret, { default: stack.secretKey });
        assert.equal(environment.jwtKey, stack.jwtSecret);
        assert.equal(Uint8Array.fromBase64(environment.encryptionKeys["1"]).length, 32);
      }
    })
  ));

Deno.test("a function's .env file is read", () =>
  withFolder(async (functionsDir) => {
    await Deno.mkdir(`${functionsDir}/hello`);
    await Deno.writeTextFile(`${functionsDir}/.env`, "HELLO_FROM_ENV_FILE=yes\n");
    await Deno.writeTextFile(
      `${functionsDir}/hello/index.ts`,
      'Deno.serve(() => new Response(Deno.env.get("HELLO_FROM_ENV_FILE")));\n',
    );
    await withStack(async (stack) => {
      assert.equal(await (await fetch(url(stack, "hello"))).text(), "yes");
    }, { functionsDir });
  }));

Deno.test("what can't answer says so as the platform does, each function for itself", () =>
  withStack(async (stack) => {
    const expected = [
      ["nowhere", 404, "NOT_FOUND", "Requested function was not found"],
      ["..%2Fhello", 404, "NOT_FOUND", "Requested function was not found"],
      ["broken", 503, "BOOT_ERROR", "Function failed to start (please check logs)"],
      ["broken", 503, "BOOT_ERROR", "Function failed to start (please check logs)"],
      ["serves_nothing", 503, "BOOT_ERROR", "Function failed to start (please check logs)"],
      ["throws", 500, "WORKER_ERROR", "Function exited due to an error (please check logs)"],
    ] as const;
    for (const [name, status, code, message] of expected) {
      const answer = await fetch(url(stack, name));
      assert.deepEqual([answer.status, await answer.json()], [status, { code, message }], name);
    }
    assert.equal((await fetch(url(stack, "hello"))).status, 200);
  }));

Deno.test("verify_jwt admits a user's token and nothing else, and is on by default", () =>
  withStack(async (stack) => {
    const call = (authorization?: string) =>
      fetch(url(stack, "guarded"), { headers: authorization ? { authorization } : {} });
    const { client } = await signUp(stack);
    const { data } = await client.auth.getSession();
    const good = await call(`Bearer ${data.session?.access_token}`);
    assert.deepEqual([good.status, await good.text()], [200, "let in"]);

    const signed = (secret: string, expires: number) =>
      new SignJWT({ role: "authenticated" }).setProtectedHeader({ alg: "HS256" })
        .setExpirationTime(Math.floor(Date.now() / 1000) + expires)
        .sign(new TextEncoder().encode(secret));
    const refused = [
      undefined,
      "Bearer ",
      `Bearer ${stack.publishableKey}`,
      `Bearer ${await signed("another secret of the right length", 60)}`,
      `Bearer ${await signed(stack.jwtSecret, -60)}`,
    ];
    for (const authorization of refused) {
      const answer = await call(authorization);
      assert.equal(answer.status, 401, authorization);
      assert.equal((await answer.json()).code, 401);
    }
    const preflight = await fetch(url(stack, "guarded"), { method: "OPTIONS" });
    assert.equal(await preflight.text(), "let in", "a preflight carries no token");
  }));

Deno.test("a preflight reaches the function, which answers for itself", () =>
  withStack(async (stack) => {
    const answer = await fetch(url(stack, "hello"), { method: "OPTIONS" });
    assert.equal(await answer.text(), "own preflight");
  }));

Deno.test("a stop waits for what EdgeRuntime.waitUntil was given", async () => {
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<Response>();
  const listener = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    reached.resolve();
    return release.promise;
  });
  let stopped = false;
  let stopping: Promise<void> = Promise.resolve();
  await withStack(async (stack) => {
    const answer = await fetch(url(stack, "hello/later"), {
      method: "POST",
      body: JSON.stringify({ url: `http://127.0.0.1:${listener.addr.port}` }),
    });
    assert.equal(answer.status, 202);
    await answer.body?.cancel();
    await reached.promise;
    stopping = stack.stop().then(() => {
      stopped = true;
    });
    const refused = await fetch(url(stack, "hello"));
    assert.equal(refused.status, 503);
    await refused.body?.cancel();
    assert.equal(stopped, false);
    release.resolve(new Response("done"));
    await stopping;
  });
  await listener.shutdown();
});
