import assert from "node:assert/strict";
import { DOMAINS } from "@shared/access.ts";
import { call } from "../harness/client.ts";
import { openApi } from "../harness/contract.ts";
import { expect, refused } from "../harness/expect.ts";
import { createSmallPipeline } from "../harness/pipelines.ts";
import { createSchedule, firingsOf } from "../harness/schedules.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, createUser } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

const workerToken = async (): Promise<string> => {
  const [row] = await sql`select token from private.worker_access`;
  return row?.token;
};

Deno.test("the worker's token", async (t) => {
  const token = await workerToken();
  const work = (token: string, options: Parameters<typeof call>[2] = {}) =>
    call("POST", "/pipelines/worker", {
      apikey: "",
      ...options,
      headers: { "x-worker-token": token },
    });

  await t.step("has the worker's successor do the work", async () => {
    const { owner } = await createTenant();
    const trigger = await createSchedule(owner, await createSmallPipeline(owner));
    await sql`update public.pipeline_triggers set next_fire_at = '2024-02-28' where id = ${trigger.id}`;
    const report = expect(await work(token), 200);
    assert.deepEqual([report.claimed, report.fired, report.more], [0, 0, true]);
    await waitFor(async () => (await firingsOf(owner, trigger)).length === 1);
  });
  await t.step("is refused when it is another, whatever stands beside it", async () => {
    const { token: userToken } = await createUser();
    const flipped = token.startsWith("0") ? `1${token.slice(1)}` : `0${token.slice(1)}`;
    for (
      const wrong of [
        flipped,
        "0".repeat(64),
        token.slice(1),
        token.toUpperCase().replace(/^./, "G"),
        "",
      ]
    ) {
      refused(await work(wrong), 401, "invalid_token");
      refused(await work(wrong, { apikey: stack.secretKey }), 401, "invalid_token");
      refused(await work(wrong, { token: userToken }), 401, "invalid_token");
    }
  });
  await t.step("opens no other operation of any function", async () => {
    let tried = 0;
    for (const domain of DOMAINS) {
      const answer = await fetch(`${stack.url}/functions/v1/${domain}/openapi.json`);
      await answer.body?.cancel();
      if (!answer.ok) continue;
      const { paths } = await openApi(domain);
      for (
        const [path, operations] of Object.entries<Record<string, { security: unknown[] }>>(paths)
      ) {
        for (const [method, { security }] of Object.entries(operations)) {
          if (security.length === 0 || path === "/pipelines/worker") continue;
          const headers = { "x-worker-token": token };
          const url = path.replaceAll(/\{\w+\}/g, UNKNOWN);
          refused(
            await call(method.toUpperCase(), url, { apikey: "", headers }),
            401,
            "unauthorized",
          );
          tried += 1;
        }
      }
    }
    assert.ok(tried > 50, `only ${tried} were tried`);
    const rest = await fetch(`${stack.url}/rest/v1/pipeline_runs`, {
      headers: { "x-worker-token": token, apikey: stack.publishableKey },
    });
    assert.notEqual(rest.status, 200);
    await rest.body?.cancel();
  });
  await t.step("is nobody's to read or to check", async () => {
    const { owner } = await createTenant();
    const asked = await owner.rest("POST", "/rpc/check_worker_token", {
      token_hash: "0".repeat(64),
    });
    assert.ok(asked.status >= 400);
    assert.ok((await owner.rest("GET", "/worker_access")).status >= 400);
  });
});
