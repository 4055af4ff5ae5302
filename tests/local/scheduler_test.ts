import assert from "node:assert/strict";
import { withFolder, withStack } from "./support.ts";

const WORKER = `
let running = 0;
Deno.serve(async (request) => {
  running += 1;
  const answer = await fetch(Deno.env.get("CALLS_URL") ?? "", {
    method: "POST",
    body: JSON.stringify({
      path: new URL(request.url).pathname, apikey: request.headers.get("apikey"), running,
    }),
  });
  await answer.body?.cancel();
  running -= 1;
  return new Response("ok");
});
`;

Deno.test("the scheduler wakes the worker when the database has work, one call at a time", () =>
  withFolder(async (functionsDir) => {
    const calls: { path: string; apikey: string; running: number }[] = [];
    const third = Promise.withResolvers<void>();
    const listener = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        calls.push(await request.json());
        if (calls.length === 2) third.resolve();
        return new Response();
      },
    );
    await Deno.mkdir(`${functionsDir}/pipelines`);
    await Deno.writeTextFile(`${functionsDir}/pipelines/index.ts`, WORKER);
    const callsUrl = `CALLS_URL=http://127.0.0.1:${listener.addr.port}\n`;
    await Deno.writeTextFile(`${functionsDir}/.env`, callsUrl);
    await withStack(async (stack) => {
      await stack.script(`
        create schema private;
        create function private.worker_needed() returns boolean language sql as 'select true';
      `);
      await third.promise;
      assert.deepEqual(calls[0], {
        path: "/pipelines/worker",
        apikey: stack.secretKey,
        running: 1,
      });
      assert.equal(calls[1]?.running, 1);
    }, { functionsDir, scheduler: true });
    await listener.shutdown();
  }));
