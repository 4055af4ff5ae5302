import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createTool } from "../harness/assistants.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { countRuns, createSmallPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { type Call, calling } from "../harness/tool_calls.ts";
import type { UpstreamRequest } from "../harness/upstream.ts";
import { waitFor } from "../harness/wait.ts";

const PATH = "/llm-assistant";
const MODEL = { EDGELOOM_CHAT_MODEL: "demo-chat" };
const say = (content: string) => ({ messages: [{ role: "user", content }] });
const toolsOf = (messages: Body[]) => messages.filter(({ role }) => role === "tool");

/** How many rounds of tools the model has seen by now. */
const answered = ({ body }: UpstreamRequest): number =>
  new Set(
    body.messages.flatMap((message: Body, at: number) =>
      message.role === "tool" && body.messages[at + 1]?.role !== "tool" ? [at] : []
    ),
  ).size;

// A run wakes the worker, which goes on after the test.
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test("rounds of tools", options, async (t) => {
  await LlmSetting.with(async ({ functions, upstream, tenant }) => {
    const { owner } = tenant;
    const rounds = () => upstream.requests.filter(({ body }) => body.tools);
    /** The model calls these in its first rounds, one list a round. */
    const callInTurn = (...lists: Call[][]) =>
      upstream.always((request) => {
        const calls = request.body.tools && lists[answered(request)];
        return calls && calling(calls, "Let me see.")(request);
      });
    const assistantWith = async (tools: string[]) =>
      (await createApproved(tenant, owner, { tools })).id;
    const ask = async (assistantId: string, content: string) =>
      expect(await functions.send(owner, "POST", PATH, { ...say(content), assistantId }), 200);

    await t.step("end, and then the model has to answer with what it knows", async () => {
      const { name } = await createTool(owner);
      const assistantId = await assistantWith([name]);
      upstream.always((request) =>
        request.body.tools && request.body.tool_choice !== "none"
          ? calling([{ name, args: { n: 1 } }])(request)
          : undefined
      );
      const before = rounds().length;
      const { messages } = await ask(assistantId, "On and on");
      assert.equal(rounds().length - before, 9);
      assert.equal(rounds().at(-1)?.body.tool_choice, "none");
      assert.equal(toolsOf(messages).length, 8);
    });
    await t.step("have eight calls each; more are answered with an error", async () => {
      const { name } = await createTool(owner);
      const calls = Array.from({ length: 9 }, (_, n) => ({ name, args: { n } }));
      callInTurn(calls);
      const { messages } = await ask(await assistantWith([name]), "All at once");
      const errors = toolsOf(messages).map(({ metadata }) => metadata.is_error);
      assert.deepEqual(errors, [...Array(8).fill(false), true]);
    });
    await t.step("share a second of computing", async () => {
      const code = "const end = Date.now() + 1; let n = 0; while (n < 1e9) n++; return n;";
      const { name } = await createTool(owner, { code });
      const call = { name, args: { n: 1 } };
      callInTurn([call, call, call, call]);
      const { messages } = await ask(await assistantWith([name]), "Think hard");
      const contents = toolsOf(messages).map(({ content }) => content);
      assert.ok(contents.every((content) => /code_timeout/.test(content)));
      assert.match(contents[3], /have used all of their time/);
    });
    await t.step("start a run each, also under the same id of a call", async () => {
      const pipeline = await createSmallPipeline(owner);
      const call = { id: "call_0", name: "run_pipeline", args: { pipeline_id: pipeline.id } };
      callInTurn([call], [call]);
      await ask(await assistantWith(["run_pipeline"]), "Twice");
      assert.equal(await countRuns(pipeline.id), 2);
    });
    await t.step("stop when the client goes: what ran is kept, nothing is held", async () => {
      const code = "let n = 0; while (n < 2e6) n++; return n;";
      const { name } = await createTool(owner, { code });
      const assistantId = await assistantWith([name]);
      callInTurn(Array.from({ length: 8 }, () => ({ name, args: { n: 1 } })));
      const before = rounds().length;
      const abort = new AbortController();
      const response = await fetch(`${functions.url}/functions/v1${PATH}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${owner.token}`,
          "x-organization-id": owner.organizationId,
          "content-type": "application/json",
        },
        body: JSON.stringify({ ...say("Leave me"), assistantId, stream: true }),
        signal: abort.signal,
      });
      await response.body?.getReader().read();
      abort.abort();
      const conversation = await waitFor(async () => {
        const { data: [latest] } = expect(
          await owner.get(`${PATH}/conversations?limit=1&assistant_id=${assistantId}`),
          200,
        );
        return latest?.message_count > 1 && latest;
      });
      const { messages } = expect(await owner.get(`${PATH}/conversations/${conversation.id}`), 200);
      assert.equal(messages[1].content, "Let me see.");
      assert.equal(rounds().length - before, 1, "no further round was asked for");
      const ran = toolsOf(messages);
      assert.ok(ran.every(({ metadata }) => !metadata.is_error));
      await waitFor(async () => {
        const [row] = await sql`select count(*)::int as held from public.usage_reservations
          where organization_id = ${tenant.organizationId}`;
        return row?.held === 0;
      }, { what: "nothing is held in the budgets" });
    });
  }, MODEL);
});
