import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { executeBlock } from "../../supabase/functions/pipelines/execution/blocks.ts";
import { expect } from "../harness/expect.ts";
import { call } from "../harness/client.ts";
import { keyOf, revoke } from "../harness/keys.ts";
import { LlmSetting, PLATFORM_KEY } from "../harness/llm.ts";
import {
  createBlock,
  createPipeline,
  runPipeline,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import { failing } from "../harness/upstream.ts";
import { createTrigger } from "../harness/webhooks.ts";

/** Blocks that call a model provider, as the run's user and within their budgets. */

const saying = (content: string) => () =>
  Response.json({
    object: "chat.completion",
    model: "small",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  });

/** Executes one block as a worker does, in the functions' environment. */
function execute(setting: LlmSetting, spec: Body, input: Body): Promise<Body> {
  const block = { blockType: "model", spec, input, hasInput: true, writing: false } as const;
  const { owner } = setting.tenant;
  const context = {
    ...RUN,
    runInput: null,
    organizationId: owner.organizationId,
    userId: owner.id,
    seed: "seed",
    cursor: null,
    idempotencyKey: "run:step",
    api: { restUrl: "", storageUrl: "", apikey: "", accessToken: "" },
  };
  return setting.functions.run(() => executeBlock(block, context));
}

const RUN = { runId: crypto.randomUUID(), stepId: crypto.randomUUID() };
const prompt = "Summarize the weather.";

Deno.test("an llm block answers with text, and the call is noted with its step", () =>
  LlmSetting.with(async (setting) => {
    const spec = { kind: "llm", model: "demo-chat", prompt };
    const output = await execute(setting, spec, [{ rain: 4 }]);
    assert.match(output, /^\[demo model\] .*\[\{"rain":4\}\]$/);
    const [row] = await setting.usage(1);
    assert.equal(row.run_id, RUN.runId);
    assert.equal(row.step_id, RUN.stepId);
    assert.equal(row.user_id, setting.tenant.owner.id);
    assert.deepEqual(setting.upstream.requests[0]?.body.messages, [
      { role: "system", content: prompt },
      { role: "user", content: '[{"rain":4}]' },
    ]);
  }));

Deno.test("an llm block's answer satisfies its schema, at the second try if need be", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    const output_schema = {
      type: "object",
      properties: { days: { type: "integer" } },
      required: ["days"],
    };
    const spec = { kind: "llm", model: "demo-chat", prompt, output_schema };
    assert.deepEqual(await execute(setting, spec, "x"), { days: 1 });

    upstream.next(saying('```json\n{"days": "many"}\n```'), saying('```json\n{"days": 5}\n```'));
    assert.deepEqual(await execute(setting, spec, "x"), { days: 5 });
    const told = upstream.requests.at(-1)?.body.messages.at(-1).content;
    assert.match(told, /days/);

    upstream.next(saying("No."), saying("Still no."));
    await assert.rejects(execute(setting, spec, "x"), { code: "output_invalid" });
    assert.equal(upstream.requests.length, 5);
  }));

Deno.test("an answer that the model or its provider refuses fails the step", () =>
  LlmSetting.with(async (setting) => {
    const answers = [
      [{ content: null, refusal: "I can't help with that." }, "stop"],
      [{ content: "Half of", refusal: null }, "content_filter"],
    ] as const;
    for (const [message, finish_reason] of answers) {
      setting.upstream.next(() =>
        Response.json({ choices: [{ index: 0, message, finish_reason }] })
      );
      const spec = { kind: "llm", model: "demo-chat", prompt };
      await assert.rejects(execute(setting, spec, "x"), {
        code: "answer_refused",
        retryable: false,
        message: /^demo-chat .*refused/,
      });
    }
  }));

Deno.test("an embedding block gives each row its vector", () =>
  LlmSetting.with(async (setting) => {
    const rows = Array.from({ length: 300 }, (_, index) => ({ city: `Town ${index}` }));
    const spec = { kind: "embedding", model: "demo-embedding", field: "city" };
    const output = await execute(setting, spec, rows.slice(0, 2));
    assert.deepEqual(output.map(({ city }: Body) => city), ["Town 0", "Town 1"]);
    assert.ok(output.every(({ embedding }: Body) => embedding.length === 1536));
    assert.notDeepEqual(output[0].embedding, output[1].embedding);
    assert.equal((await execute(setting, spec, { city: "Rome" })).embedding.length, 1536);
    await execute(setting, spec, rows);
    const sizes = setting.upstream.requests.map(({ body }) => body.input.length);
    assert.deepEqual(sizes, [2, 1, 256, 44]);
  }));

Deno.test("no row gets the vector of another one", () =>
  LlmSetting.with(async (setting) => {
    const rows = ["Rome", "Oslo"].map((city) => ({ city }));
    const spec = { kind: "embedding", model: "demo-embedding", field: "city" };
    const [second, first] = [[2], [1]].map((embedding, place) => ({ index: 1 - place, embedding }));
    setting.upstream.next(() => Response.json({ data: [second, first] }));
    const output = await execute(setting, spec, rows);
    assert.deepEqual(output.map(({ embedding }: Body) => embedding), [[1], [2]]);
    setting.upstream.always(() => Response.json({ data: [second] }));
    const refused = { code: "provider_error", retryable: true };
    await assert.rejects(execute(setting, spec, rows), refused);
  }));

Deno.test("the user's key is used, and what a provider refuses does not pass", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, functions, tenant: { owner } } = setting;
    const key = newProviderKey();
    const { id } = await setting.putKey(owner, "ours", { key, base_url: upstream.baseUrl });
    await execute(setting, { kind: "llm", model: "ours/demo-chat", prompt }, null);
    assert.deepEqual(upstream.keys, [key]);
    upstream.accepts = (given) => given !== PLATFORM_KEY;
    const spec = { kind: "llm", model: "platform/demo-chat", prompt };
    const refused = { code: "provider_error", retryable: false };
    await assert.rejects(execute(setting, spec, null), refused);
    functions.set({ OPENAI_API_KEY: "", OPENAI_BASE_URL: "" });
    expect(await functions.send(owner, "DELETE", `/keys/providers/${id}`), 204);
    const unconfigured = { code: "provider_not_configured", retryable: false };
    await assert.rejects(execute(setting, { ...spec, model: "gpt-4o" }, null), unconfigured);
  }, { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" }));

Deno.test("what passes is tried again by the engine, when the provider says", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.always(failing(429, { message: "Slow down" }, { "retry-after": "60" }));
    const spec = { kind: "llm", model: "demo-chat", prompt };
    const later = { code: "rate_limited", retryable: true, retryAfterSeconds: 60 };
    await assert.rejects(execute(setting, spec, null), later);
    upstream.always(failing(500));
    const embedding = { kind: "embedding", model: "demo-embedding", field: "city" };
    const passing = { code: "provider_error", retryable: true };
    await assert.rejects(execute(setting, embedding, { city: "Rome" }), passing);
  }));

Deno.test("runs with llm and embedding blocks, on the stack's own model", async () => {
  const { owner } = await createTenant();
  const runOne = async (spec: Body, input: Body) =>
    runPipeline(
      owner,
      await createPipeline(owner, [await createBlock(owner, spec)]),
      { input },
    );
  const answer = await runOne({ kind: "llm", model: "demo-chat", prompt }, "It rains");
  assert.equal(answer.status, "succeeded");
  assert.match(answer.output, /^\[demo model\] .*It rains$/);
  const embedding = { kind: "embedding", model: "demo-embedding", field: "city" };
  const { output } = await runOne(embedding, [{ city: "Rome" }]);
  assert.equal(output[0].embedding.length, 1536);
  const [row] = await sql`select run_id from public.usage_events
    where organization_id = ${owner.organizationId} and operation = 'chat'`;
  assert.equal(row?.run_id, answer.id);
});

Deno.test("what a run spends counts for the key that it began with", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  await sql`insert into public.model_prices (organization_id, provider, model, input_price, output_price)
    values (${owner.organizationId}, 'platform', 'demo-chat', 1, 1)`;
  const spec = { kind: "llm", model: "demo-chat", prompt };
  const pipeline = await createPipeline(owner, [await createBlock(owner, spec)]);
  const { caller, row } = await keyOf(owner);
  const keysOf = async ({ id }: Body) => {
    const events = await sql`select api_key_id from public.usage_events where run_id = ${id}`;
    return events.map(({ api_key_id }) => api_key_id);
  };

  await t.step("and for none where a user started it", async () => {
    assert.deepEqual(await keysOf(await runPipeline(caller, pipeline)), [row.id]);
    assert.deepEqual(await keysOf(await runPipeline(owner, pipeline)), [null]);
    const usage = expect(await owner.get("/llm-assistant/usage?group_by=key"), 200);
    assert.deepEqual(
      usage.data.map(({ api_key_id, calls }: Body) => [api_key_id, calls]).sort(),
      [[row.id, 1], [null, 1]].sort(),
    );
  });
  await t.step("also when a webhook started it that the key has made", async () => {
    const { url } = await createTrigger(caller, pipeline, "none");
    const path = new URL(url).pathname.replace("/functions/v1", "");
    const { id } = expect(await call("POST", path, { body: {} }), 202);
    assert.deepEqual(await keysOf(await waitForRun(owner, id)), [row.id]);
  });
  await t.step(
    "and is refused where the key's budget is spent, a retry of it as well",
    async () => {
      const budget = { scope: "key", subject_id: row.id, period: "day", limit_usd: 0 };
      expect(await owner.post("/llm-assistant/budgets", budget), 201);
      const failed = await runPipeline(caller, pipeline);
      assert.equal(failed.error.code, "budget_exceeded");
      for (const from of ["failed", "start"]) {
        const { id } = expect(
          await owner.post(`/pipelines/runs/${failed.id}/retry`, { from }),
          202,
        );
        const again = await waitForRun(owner, id);
        assert.deepEqual([again.api_key_id, again.error?.code], [row.id, "budget_exceeded"]);
      }
      assert.equal((await runPipeline(owner, pipeline)).status, "succeeded");
      const admin = await tenant.user("admin");
      const { id } = expect(await admin.post(`/pipelines/runs/${failed.id}/retry`), 202);
      assert.equal((await waitForRun(admin, id)).api_key_id, null, "what others do is theirs");
    },
  );
  await t.step("and goes on when the key is revoked meanwhile", async () => {
    const other = await keyOf(owner);
    const { id } = await startRun(other.caller, pipeline);
    await revoke(other.row.id);
    const run = await waitForRun(owner, id);
    assert.equal(run.status, "succeeded");
    assert.deepEqual(await keysOf(run), [other.row.id]);
  });
});
