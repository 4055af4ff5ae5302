import assert from "node:assert/strict";
import OpenAI from "openai";
import { openAi, openAiOf } from "../harness/openai_client.ts";
import { createTenant } from "../harness/tenant.ts";

/** The official client against the demo model, which the stack has while no provider is configured. */

const tenant = await createTenant();
const client = await openAiOf(tenant.owner);
const model = "demo-chat";
const hello = [{ role: "user" as const, content: "Hello out there" }];

const cityTool = (name: string) => ({
  type: "function" as const,
  function: {
    name,
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
});

Deno.test("a chat", async () => {
  const { data, response } = await client.chat.completions.create({ model, messages: hello })
    .withResponse();
  assert.equal(data.object, "chat.completion");
  assert.equal(data.model, model);
  const [choice] = data.choices;
  assert.match(choice?.message.content ?? "", /^\[demo model\] .*Hello out there$/);
  assert.equal(choice?.finish_reason, "stop");
  assert.ok((data.usage?.total_tokens ?? 0) > 0);
  assert.ok(response.headers.get("x-request-id"));
});

Deno.test("a streamed chat: what its chunks say is what the whole answer says", async () => {
  const whole = await client.chat.completions.create({ model, messages: hello });
  const stream = await client.chat.completions.create({ model, messages: hello, stream: true });
  let text = "";
  let parts = 0;
  for await (const chunk of stream) {
    assert.equal(chunk.object, "chat.completion.chunk");
    assert.ok(!("usage" in chunk), "usage was not asked for");
    text += chunk.choices[0]?.delta.content ?? "";
    parts++;
  }
  assert.equal(text, whole.choices[0]?.message.content);
  assert.ok(parts > 5);
});

Deno.test("a streamed chat with usage tells it last, and null before", async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: hello,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await Array.fromAsync(stream);
  const last = chunks.at(-1);
  assert.deepEqual(last?.choices, []);
  assert.ok((last?.usage?.completion_tokens ?? 0) > 0);
  assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
});

Deno.test("tools are called in parallel, whole and in streamed parts", async () => {
  const request = {
    model,
    messages: [{
      role: "user" as const,
      content: 'call weather with {"city": "Paris"} and call time with {"city": "Rome {x}"}',
    }],
    tools: [cityTool("weather"), cityTool("time")],
  };
  const calls = [["weather", { city: "Paris" }], ["time", { city: "Rome {x}" }]];
  const whole = await client.chat.completions.create(request);
  assert.equal(whole.choices[0]?.finish_reason, "tool_calls");
  const asked = (whole.choices[0]?.message.tool_calls ?? []).map((call) =>
    call.type === "function" && [call.function.name, JSON.parse(call.function.arguments)]
  );
  assert.deepEqual(asked, calls);

  const stream = client.chat.completions.stream(request);
  let deltas = 0;
  stream.on("tool_calls.function.arguments.delta", () => deltas++);
  const { choices: [streamed] } = await stream.finalChatCompletion();
  assert.deepEqual(
    streamed?.message.tool_calls?.map((call) =>
      call.type === "function" && [call.function.name, JSON.parse(call.function.arguments)]
    ),
    calls,
  );
  assert.ok(deltas > 2, "arguments come in parts");
});

Deno.test("an answer satisfies the JSON Schema that it was asked for", async () => {
  const { choices: [choice] } = await client.chat.completions.create({
    model,
    messages: hello,
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "city",
        strict: true,
        schema: {
          type: "object",
          properties: { name: { type: "string" }, size: { type: "integer", minimum: 3 } },
          required: ["name", "size"],
          additionalProperties: false,
        },
      },
    },
  });
  assert.deepEqual(JSON.parse(choice?.message.content ?? ""), { name: "demo", size: 3 });
});

Deno.test("several answers, and one that is cut short", async () => {
  const { choices } = await client.chat.completions.create({ model, messages: hello, n: 3 });
  assert.deepEqual(choices.map(({ index }) => index), [0, 1, 2]);
  const short = await client.chat.completions.create({ model, messages: hello, max_tokens: 2 });
  assert.equal(short.choices[0]?.message.content, "[demo model]");
  assert.equal(short.choices[0]?.finish_reason, "length");
});

Deno.test("embeddings are the same as numbers and as base64", async () => {
  const input = ["rain in Seattle", "rainy Seattle", "quarterly revenue"];
  const request = { model: "demo-embedding", input };
  // The client asks for base64 by itself.
  const decoded = await client.embeddings.create(request);
  const plain = await client.embeddings.create({ ...request, encoding_format: "float" });
  const vectors = plain.data.map(({ embedding }) => embedding);
  decoded.data.forEach(({ embedding }, index) => {
    assert.equal(embedding.length, 1536);
    embedding.forEach((value, place) => {
      assert.ok(Math.abs(value - (vectors[index]?.[place] ?? NaN)) < 1e-6);
    });
  });
  const near = (a: number, b: number) =>
    (vectors[a] ?? []).reduce((sum, value, place) => sum + value * (vectors[b]?.[place] ?? 0), 0);
  assert.ok(Math.abs(near(0, 0) - 1) < 1e-5, "of length 1");
  assert.ok(near(0, 1) > 0.3 && Math.abs(near(0, 2)) < 0.2, "what is alike is near");
  const small = await client.embeddings.create({ ...request, input: "one", dimensions: 64 });
  assert.equal(small.data[0]?.embedding.length, 64);
  assert.ok(small.usage.total_tokens > 0);
});

Deno.test("models: the list, one of it, and one that nobody has", async () => {
  const { data } = await client.models.list();
  assert.ok(data.some(({ id }) => id === model));
  assert.equal((await client.models.retrieve(model)).id, model);
  await assert.rejects(client.models.retrieve("nobody"), OpenAI.NotFoundError);
  await assert.rejects(client.models.retrieve("no/body"), OpenAI.NotFoundError);
});

Deno.test("each kind of refusal is an error class of the client's own", async () => {
  const chat = (request: Record<string, unknown>, by = client) =>
    by.post("/chat/completions", { body: { model, messages: hello, ...request } });
  const bad = [
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "wizard", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ temperature: 9 }, "temperature"],
    [{ stream_options: { include_usage: true } }, "stream_options"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ tool_choice: "required" }, "tool_choice"],
    [
      {
        tools: [cityTool("weather")],
        tool_choice: { type: "function", function: { name: "other" } },
      },
      "tool_choice",
    ],
    [
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "x", schema: { type: "object", properties: 5 } },
        },
      },
      "response_format.json_schema.schema.properties",
    ],
    [{ tools: [{ type: "function", function: { name: "a b" } }] }, "tools[0].function.name"],
    [
      { tools: [{ type: "function", function: { name: "a", parameters: { type: "objekt" } } }] },
      "tools[0].function.parameters.type",
    ],
  ] as const;
  for (const [request, param] of bad) {
    await assert.rejects(chat(request), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, String(error));
      assert.equal(error.param, param);
      assert.equal(error.type, "invalid_request_error");
      return true;
    });
  }
  await assert.rejects(chat({}, openAi("el_live_0000000000000000_000000")), {
    constructor: OpenAI.AuthenticationError,
    code: "invalid_api_key",
  });
  await assert.rejects(chat({ model: "nobody-serves-this" }), {
    constructor: OpenAI.NotFoundError,
    code: "model_not_found",
  });
  const prompt = "x".repeat(10 * 1024 * 1024);
  await assert.rejects(chat({ messages: [{ role: "user", content: prompt }] }), {
    status: 413,
    code: "body_too_large",
  });
  await assert.rejects(client.get("/nowhere"), { constructor: OpenAI.NotFoundError });
  await assert.rejects(client.get("/chat/completions"), {
    status: 405,
    code: "method_not_allowed",
  });
});
