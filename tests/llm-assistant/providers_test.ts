import assert from "node:assert/strict";
import { adapterAt, adaptRequest } from "@shared/llm/adapters.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting, PLATFORM_KEY } from "../harness/llm.ts";
import { logOf } from "../harness/log.ts";
import { newProviderKey } from "../harness/provider.ts";
import { Upstream } from "../harness/upstream.ts";

/** Which provider serves a model, with whose key, and what it is asked. */

const PRIVATE = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };

Deno.test("the user's own key comes before the organization's, and that before the platform's", () =>
  LlmSetting.with(async (setting) => {
    const { tenant: { owner }, upstream } = setting;
    const base_url = upstream.baseUrl;
    const [own, team] = [newProviderKey(), newProviderKey()];
    await setting.chat();
    await setting.putKey(owner, "ours", { key: team, base_url, scope: "organization" });
    await setting.chat();
    const mine = await setting.putKey(owner, "ours", { key: own, base_url, scope: "user" });
    await setting.chat();
    await setting.read();
    expect(await setting.functions.send(owner, "DELETE", `/keys/providers/${mine.id}`), 204);
    await setting.chat();
    assert.deepEqual(upstream.keys, [PLATFORM_KEY, team, own, own, team]);
    const rows = await setting.usage(5);
    assert.deepEqual(rows.map(({ provider }) => provider), [
      "platform",
      "ours",
      "ours",
      "ours",
      "ours",
    ]);
  }, PRIVATE));

Deno.test("a key is for its user and its organization alone", () =>
  LlmSetting.with(async (setting) => {
    const { tenant, upstream } = setting;
    const admin = await tenant.user("admin");
    const key = newProviderKey();
    await setting.putKey(admin, "ours", { key, base_url: upstream.baseUrl, scope: "user" });
    const stranger = await tenant.stranger();
    const away = { key, base_url: upstream.baseUrl, scope: "organization" } as const;
    await setting.putKey(stranger, "ours", away);
    // The owner's personal organization has a key, too.
    await setting.chat();
    await assert.rejects(setting.chat({ model: "nobody" }), { code: "model_not_found" });
    assert.ok(!upstream.keys.includes(key));
  }, PRIVATE));

Deno.test("a model is looked for where its name says, and is told when nobody has it", () =>
  LlmSetting.with(async (setting) => {
    const { tenant: { owner }, upstream } = setting;
    await Upstream.with(async (other) => {
      const key = newProviderKey();
      await setting.putKey(owner, "openai", { key, base_url: other.baseUrl });
      await setting.chat({ model: "openai/gpt-4o" });
      assert.deepEqual(other.requests.map(({ body }) => body.model), ["gpt-4o"]);
      await setting.chat({ model: "platform/demo-chat" });
      assert.deepEqual(upstream.requests.map(({ body }) => body.model), ["demo-chat"]);
    });
  }, PRIVATE));

Deno.test("without any provider a call says what to set", () =>
  LlmSetting.with(async (setting) => {
    setting.functions.set({ OPENAI_API_KEY: "", OPENAI_BASE_URL: "" });
    for (const stream of [false, true]) {
      await assert.rejects(setting.chat({ stream }), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /^503 No model provider is configured: .*OPENAI_API_KEY/);
        assert.equal(Reflect.get(error, "code"), "provider_not_configured");
        return true;
      });
    }
    assert.deepEqual((await setting.client.models.list()).data, []);
    await assert.rejects(setting.client.embeddings.create({ model: "m", input: "x" }), {
      status: 503,
    });
  }));

Deno.test("a tenant's address must be public, the platform's need not be", () =>
  LlmSetting.with(async (setting) => {
    const { tenant: { owner }, upstream, functions } = setting;
    await setting.chat();
    const addresses = [upstream.baseUrl, "http://169.254.169.254/v1", "http://[::1]:1/v1"];
    for (const [index, base_url] of addresses.entries()) {
      const provider = `private${index}`;
      await setting.putKey(owner, provider, { key: newProviderKey(), base_url });
      for (const stream of [false, true]) {
        await assert.rejects(setting.chat({ model: `${provider}/demo-chat`, stream }), {
          status: 502,
          message: /not a public address/,
        });
      }
    }
    assert.equal(upstream.requests.length, 1);
    functions.set(PRIVATE);
    await setting.chat({ model: "private0/demo-chat" });
    assert.match((await setting.read({ model: "private0/demo-chat" })).text, /Hello/);
  }));

Deno.test("no key is written to a log", async () => {
  const key = newProviderKey();
  const text = await logOf(() =>
    LlmSetting.with(async (setting) => {
      const { tenant: { owner }, upstream } = setting;
      await setting.putKey(owner, "ours", { key, base_url: upstream.baseUrl });
      upstream.accepts = () => false;
      await assert.rejects(setting.chat({ model: "ours/demo-chat" }));
      await assert.rejects(setting.chat({ model: "platform/demo-chat" }));
      upstream.accepts = () => true;
      await setting.chat({ model: "ours/demo-chat" });
      assert.deepEqual(upstream.keys.filter((seen) => seen === key).length, 2);
    }, { ...PRIVATE, EDGELOOM_LOG: "on" })
  );
  assert.match(text, /refused the user's key/);
  assert.ok(!text.includes(key) && !text.includes(PLATFORM_KEY));
});

Deno.test("a request reaches the provider as it is, with fields that we don't know", () =>
  LlmSetting.with(async (setting) => {
    const request = {
      model: "demo-chat",
      messages: [
        { role: "system", content: [{ type: "text", text: "Be brief", cache_control: {} }] },
        { role: "user", content: "Hello", name: "ann" },
      ],
      temperature: 0.5,
      max_tokens: 100,
      seed: 7,
      logit_bias: { "50256": -100 },
      reasoning_effort: "low",
      tool_choice: "auto",
      tools: [{
        type: "function",
        function: { name: "f", parameters: { type: "object", properties: {} }, strict: true },
      }],
      x_own: { deep: [1, { two: null }] },
    };
    await setting.chat(request);
    await setting.read({ ...request, stream_options: { include_obfuscation: false } });
    const [whole, streamed] = setting.upstream.requests.map(({ body }) => body);
    assert.deepEqual(whole, request);
    assert.deepEqual(streamed, {
      ...request,
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
    });
  }));

Deno.test("each provider is asked in the words that it knows", () => {
  const request = {
    messages: [{ role: "developer", content: "Be brief" }],
    max_tokens: 5,
    seed: 7,
    parallel_tool_calls: true,
  };
  const asked = (baseUrl: string, more = {}) =>
    adaptRequest(adapterAt(baseUrl), { ...request, ...more }, true);
  const system = [{ role: "system", content: "Be brief" }];
  const include_usage = { stream_options: { include_usage: true } };
  assert.deepEqual(asked("https://api.openai.com/v1"), {
    messages: request.messages,
    max_completion_tokens: 5,
    seed: 7,
    parallel_tool_calls: true,
    ...include_usage,
  });
  assert.deepEqual(asked("https://api.mistral.ai/v1"), {
    messages: system,
    max_tokens: 5,
    random_seed: 7,
    parallel_tool_calls: true,
  });
  assert.deepEqual(asked("https://generativelanguage.googleapis.com/v1beta/openai"), {
    messages: system,
    max_tokens: 5,
    ...include_usage,
  });
  assert.deepEqual(asked("http://localhost:11434/v1"), {
    ...request,
    messages: system,
    ...include_usage,
  });
  const { max_completion_tokens } = asked("https://proxy.example/v1", { model: "openai/gpt-5" });
  assert.equal(max_completion_tokens, 5, "OpenAI's own behind a proxy");
  const predicted = asked("https://api.openai.com/v1", { prediction: { type: "content" } });
  assert.equal(predicted.max_tokens, 5, "the one that it takes beside a prediction");
});

Deno.test("a model that reasons is not asked for a sampling that it would refuse", () => {
  const sampling = { temperature: 0.2, top_p: 0.9, presence_penalty: 1, frequency_penalty: 1 };
  const sent = (baseUrl: string, model: string, more = {}) =>
    Object.keys(adaptRequest(adapterAt(baseUrl), { model, ...sampling, ...more }, false))
      .filter((name) => name in sampling);
  const [openAi, proxy] = ["https://api.openai.com/v1", "https://proxy.example/v1"];
  const reasoning = [
    "o1",
    "o3-mini-2025-01-31",
    "gpt-5",
    "gpt-5-mini",
    "gpt-5.6-luna",
    "gpt-6-sol",
  ];
  for (const model of [...reasoning, "ft:o4-mini:ours", "gpt-5.1-chat-latest"]) {
    assert.deepEqual(sent(openAi, model), [], model);
    assert.deepEqual(sent(proxy, `openai/${model}`), [], model);
  }
  const usual = ["gpt-4o", "gpt-5-chat-latest", "chatgpt-4o-latest", "gpt-35-turbo", "llama-o1"];
  for (const model of usual) {
    assert.deepEqual(sent(openAi, model), Object.keys(sampling), model);
    assert.deepEqual(sent(proxy, model), Object.keys(sampling), model);
  }
  const unthinking = sent(openAi, "gpt-5.4", { reasoning_effort: "none" });
  assert.deepEqual(unthinking, Object.keys(sampling), "it may be told not to reason");
});

Deno.test("Anthropic's list of models wants its own headers, a chat with it OpenAI's", () =>
  LlmSetting.with(async (setting) => {
    const { tenant: { owner }, upstream, client } = setting;
    const key = newProviderKey();
    await setting.putKey(owner, "anthropic", { key, base_url: `${upstream.baseUrl}/` });
    await client.models.list();
    await setting.chat({ model: "anthropic/demo-chat" });
    const asked = upstream.requests.map(({ path, headers }) =>
      [
        path,
        ...["authorization", "x-api-key", "anthropic-version"].map((name) => headers.get(name)),
      ]
        .join(" ")
    );
    assert.deepEqual(asked.toSorted(), [
      `/v1/chat/completions Bearer ${key}  `,
      `/v1/models  ${key} 2023-06-01`,
      `/v1/models Bearer ${PLATFORM_KEY}  `,
    ]);
  }, PRIVATE));

Deno.test("models of all providers are listed, each by the name that reaches it", () =>
  LlmSetting.with(async (setting) => {
    const { tenant: { owner }, upstream, client } = setting;
    await setting.putKey(owner, "ours", { key: newProviderKey(), base_url: upstream.baseUrl });
    await setting.putKey(owner, "dead", { key: newProviderKey(), base_url: "http://127.0.0.1:1" });
    const { data } = await client.models.list();
    const names = data.map(({ id, owned_by }) => `${id} ${owned_by}`);
    assert.ok(names.includes("platform/demo-chat platform"), names.join(", "));
    for (const { id } of data.filter(({ id }) => id.endsWith("demo-chat"))) {
      await setting.chat({ model: id });
      assert.equal((await client.models.retrieve(id)).id, id);
    }
  }, PRIVATE));
