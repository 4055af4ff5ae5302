import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { type FunctionProcess, startFunction } from "../harness/function_process.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";
import { chunk, Upstream } from "../harness/upstream.ts";
import { waitFor } from "../harness/wait.ts";

const QUESTION = "Will you survive?";

Deno.test("a function that is killed in the middle of an answer loses no question and doubles no answer", () =>
  Upstream.with(async (upstream) => {
    const { owner } = await createTenant();
    const start = () =>
      startFunction("llm-assistant", stack, {
        OPENAI_API_KEY: "sk-test",
        OPENAI_BASE_URL: upstream.baseUrl,
        EDGELOOM_CHAT_MODEL: "demo-chat",
      });
    const headers = {
      authorization: `Bearer ${owner.token}`,
      "x-organization-id": owner.organizationId,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    };
    const body = JSON.stringify({ messages: [{ role: "user", content: QUESTION }], stream: true });
    const ask = ({ url }: FunctionProcess) =>
      fetch(`${url}/llm-assistant`, { method: "POST", headers, body });
    const stored = async (): Promise<Body[]> => [
      ...await sql`select role, content, status from public.messages
        where organization_id = ${owner.organizationId} order by depth`,
    ];

    let stalls = 1;
    upstream.always((request) =>
      request.body.messages.at(-1).content === QUESTION && stalls-- > 0
        ? upstream.stalling(chunk("I"))(request)
        : undefined
    );
    const killed = await start();
    const broken = await ask(killed);
    assert.equal(broken.status, 200);
    await killed.stop("SIGKILL");
    await assert.rejects(broken.text());
    assert.deepEqual(await stored(), [{ role: "user", content: QUESTION, status: "complete" }]);

    const heir = await start();
    try {
      // While the killed function could still be at it, a retry is told to wait.
      const early = await ask(heir);
      assert.equal(early.status, 409);
      assert.equal((await early.json()).code, "request_in_flight");
      await sql`update public.conversation_turns set locked_until = now()
        where organization_id = ${owner.organizationId}`;
      const answers = await Promise.all([ask(heir), ask(heir)].map(async (answer) => {
        const { status } = await answer;
        return { status, text: await (await answer).text() };
      }));
      assert.ok(answers.some(({ status }) => status === 200));
      await waitFor(async () => (await stored()).length === 2);
      assert.match(await (await ask(heir)).text(), /Will you survive\?/);
      const [, answer] = await stored();
      assert.equal(answer.status, "complete");
      assert.equal((await stored()).length, 2);
      const { data } = expect(await owner.get("/llm-assistant/conversations"), 200);
      assert.equal(data.length, 1);
    } finally {
      await heir.stop();
    }
  }));
