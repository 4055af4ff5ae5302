import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { stack } from "../harness/stack.ts";
import { createUser } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

const work = (options: Parameters<typeof call>[2]) => call("POST", "/pipelines/worker", options);

Deno.test("run_worker", async (t) => {
  await t.step("reports what it did to the service", async () => {
    const report = expect(await work({ apikey: stack.secretKey }), 200);
    assert.ok(report.claimed >= report.accepted);
    expect(await work({ token: stack.secretKey }), 200);
  });
  await t.step("is the service's alone", async () => {
    refused(await work({}), 401, "unauthorized");
    refused(await work({ apikey: "" }), 401, "unauthorized");
    refused(await work({ apikey: "sb_secret_unknown" }), 401, "invalid_api_key");
    const user = await createUser();
    refused(await work({ token: user.token }), 403, "forbidden");
    refused(await work({ token: user.token, apikey: stack.secretKey }), 403, "forbidden");
    const claims = { role: "service_role" };
    const forged = await mintToken(user.id, { secret: "x".repeat(43), claims });
    refused(await work({ token: forged }), 401, "invalid_token");
  });
});
