import assert from "node:assert/strict";
import OpenAI from "openai";
import type { Body } from "../harness/answer.ts";
import { LlmSetting, PLATFORM_KEY } from "../harness/llm.ts";
import { logOf } from "../harness/log.ts";
import { failing, streaming } from "../harness/upstream.ts";

/** Providers that fail before anything of an answer has come, and what a client of ours sees of it. */

const hello = /Hello out there$/;
const html = () => new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } });
const truncated = () =>
  new Response('{"choices":[{"index":0,"mess', {
    headers: { "content-type": "application/json" },
  });

Deno.test("a failure that may pass is met by another try", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.next(failing(500), failing(503));
    assert.match((await setting.chat()).choices[0].message.content, hello);
    assert.equal(upstream.requests.length, 3);
    upstream.next(failing(529), streaming('data: {"error":{"message":"Overloaded"}}'));
    assert.match((await setting.read()).text, hello);
    assert.equal(upstream.requests.length, 6);
    const [first, second] = await setting.usage(2);
    assert.equal(first.status, "succeeded");
    assert.equal(second.status, "succeeded");
  }));

Deno.test("what is asked of us is waited for, unless it is too long", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.next(failing(429, { message: "Slow down" }, { "retry-after": "1" }));
    assert.match((await setting.chat()).choices[0].message.content, hello);
    const [first, second] = upstream.requests;
    assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 990);
    upstream.next(failing(429, { message: "Slow down" }, { "retry-after": "60" }));
    await assert.rejects(setting.chat(), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError, String(error));
      assert.equal(error.headers.get("retry-after"), "60");
      assert.equal(error.code, "rate_limit_exceeded");
      return true;
    });
    assert.equal(upstream.requests.length, 3);
    upstream.next(failing(429, { message: "No money", code: "insufficient_quota" }));
    await assert.rejects(setting.chat(), OpenAI.RateLimitError);
    assert.equal(upstream.requests.length, 4, "a spent quota does not pass");
  }));

Deno.test("what is wrong with a request is told in the provider's words, and asked once", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    const told = {
      message: "Too long by far",
      type: "invalid_request_error",
      param: "messages",
      code: "context_length_exceeded",
    };
    const classes = [
      [400, OpenAI.BadRequestError],
      [404, OpenAI.NotFoundError],
      [422, OpenAI.UnprocessableEntityError],
    ] as const;
    for (const [status, constructor] of classes) {
      upstream.next(failing(status, told));
      await assert.rejects(setting.chat({ stream: status === 422 }), (error) => {
        assert.ok(error instanceof constructor, String(error));
        assert.deepEqual(error.error, told);
        return true;
      });
    }
    assert.equal(upstream.requests.length, 3);
    const rows = await setting.usage(3);
    assert.ok(rows.every(({ status, input_tokens }) => status === "failed" && input_tokens === 0));
  }));

Deno.test("errors in Gemini's and Mistral's shapes are understood", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.next(() =>
      Response.json([{ error: { code: 400, message: "Unknown name" } }], {
        status: 400,
      })
    );
    await assert.rejects(setting.chat(), { status: 400, message: /Unknown name/ });
    upstream.next(() =>
      Response.json({ object: "error", message: { detail: [{ msg: "Extra inputs" }] } }, {
        status: 422,
      })
    );
    await assert.rejects(setting.chat(), { status: 422, message: /Extra inputs/ });
  }));

Deno.test("a provider that refuses our key is no fault of the caller's, and no error shows the key", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.accepts = () => false;
    await assert.rejects(setting.chat(), (error) => {
      assert.ok(error instanceof OpenAI.InternalServerError, String(error));
      assert.equal(error.status, 502);
      assert.match(error.message, /refused the platform's key/);
      assert.ok(!JSON.stringify(error.error).includes(PLATFORM_KEY));
      return true;
    });
    upstream.accepts = () => true;
    upstream.next(failing(400, { message: `Bad: ${PLATFORM_KEY}!`, code: PLATFORM_KEY }));
    await assert.rejects(setting.chat(), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.message, "400 Bad: …!");
      assert.ok(!JSON.stringify(error.error).includes(PLATFORM_KEY));
      return true;
    });
  }));

Deno.test("an answer that is none is a bad gateway", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    for (const behaviour of [html, truncated, () => Response.json({ hello: "world" })]) {
      upstream.always(behaviour);
      for (const stream of [false, true]) {
        await assert.rejects(setting.chat({ stream }), { status: 502, code: "provider_error" });
      }
    }
    const rows = await setting.usage(6);
    assert.ok(rows.every(({ status }) => status === "failed"));
  }));

Deno.test("vectors that are not those of the texts are no answer", () =>
  LlmSetting.with(async ({ upstream, client }) => {
    const data: Record<string, Body[]> = {
      "too few": [{ index: 0, embedding: [1] }],
      "too many": [0, 1, 2].map((index) => ({ index, embedding: [1] })),
      "one twice": [0, 0].map((index) => ({ index, embedding: [1] })),
      "from one on": [1, 2].map((index) => ({ index, embedding: [1] })),
      "one empty": [{ index: 0, embedding: [1] }, { index: 1, embedding: [] }],
      "no base64": [{ index: 0, embedding: "AACAPw==" }, { index: 1, embedding: "?" }],
      "half a number": [{ index: 0, embedding: "AACAPw==" }, { index: 1, embedding: "AACA" }],
      "the wrong way round": [{ index: 1, embedding: [2] }, { index: 0, embedding: [1] }],
      "without indexes": [{ embedding: [1] }, { embedding: "AAAAQA==" }],
    };
    upstream.always(({ body: { model } }) => Response.json({ data: data[model] }));
    const embed = (model: string) =>
      client.embeddings.create({ model, input: ["a", "b"], encoding_format: "float" });
    const taken = ["the wrong way round", "without indexes"];
    const refused = Object.keys(data).filter((name) => !taken.includes(name));
    await Promise.all(
      refused.map((name) =>
        assert.rejects(embed(name), { status: 502, code: "provider_error" }, name)
      ),
    );
    for (const name of taken) {
      const { data } = await embed(name);
      assert.deepEqual(data.map(({ index, embedding }) => [index, embedding]), [[0, [1]], [1, [
        2,
      ]]]);
    }
  }));

Deno.test("a redirect is not followed: a key is for its address alone", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.always(() => new Response(null, { status: 307, headers: { location: "/v1/else" } }));
    await assert.rejects(setting.chat(), { status: 502 });
    assert.ok(upstream.requests.every(({ path }) => path === "/v1/chat/completions"));
  }));

Deno.test("nobody there, or nobody who answers in time", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, functions } = setting;
    setting.wait({ first_byte: 0.2 });
    upstream.always(upstream.silence);
    for (const stream of [false, true]) {
      await assert.rejects(setting.chat({ stream }), { status: 504, code: "provider_timeout" });
    }
    assert.equal(upstream.requests.length, 2, "who took that long is not asked again");
    const [row] = await setting.usage(2);
    assert.equal(row.is_estimated, true, "who was not waited for has perhaps worked");
    assert.ok(row.input_tokens > 0);
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    free.close();
    functions.set({ OPENAI_BASE_URL: `http://127.0.0.1:${free.addr.port}/v1` });
    const log = await logOf(() =>
      assert.rejects(setting.chat(), (error) => {
        assert.ok(error instanceof OpenAI.InternalServerError);
        assert.equal(error.status, 502);
        assert.ok(!error.message.includes("127.0.0.1"), "the platform's address is its own matter");
        return true;
      })
    );
    assert.match(log, /"The connection to platform failed".*"cause":".*Connection refused/);
    // What fetch says of a header repeats it.
    functions.set({ OPENAI_API_KEY: `${PLATFORM_KEY}\n2` });
    const other = await logOf(() => assert.rejects(setting.chat(), { status: 502 }));
    assert.match(other, /"cause":".*Invalid header value/);
    assert.ok(!other.includes(PLATFORM_KEY));
  }));

Deno.test("who runs out of time is told which time it was, and it counts as failed", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, client } = setting;
    setting.wait({ total: 0.3, list: 0.2 });
    const late = { status: 504, code: "provider_timeout" };
    upstream.always(upstream.silence);
    for (const stream of [false, true]) {
      await assert.rejects(setting.chat({ stream }), { ...late, message: /within 0\.3 s$/ });
    }
    await assert.rejects(client.models.list(), { ...late, message: /within 0\.2 s$/ });
    // It begins, and does not go on.
    for (const content_type of ["application/json", "text/event-stream"]) {
      upstream.always(() =>
        new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array([32])) }), {
          headers: { "content-type": content_type },
        })
      );
      const stream = content_type !== "application/json";
      await assert.rejects(setting.chat({ stream }), { ...late, message: /within 0\.3 s$/ });
    }
    await assert.rejects(client.models.list(), { ...late, message: /within 0\.2 s$/ });
    for (const { status, error_code, is_estimated } of await setting.usage(4)) {
      assert.deepEqual([status, error_code, is_estimated], ["failed", "provider_timeout", true]);
    }
  }));

Deno.test("a server that takes no connection is given up long before a slow one would be", () =>
  LlmSetting.with(async (setting) => {
    const { functions, tenant: { owner } } = setting;
    setting.wait({ connect: 0.2 });
    const full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    const { port } = full.addr;
    const waiting = await Promise.all(
      [1, 2].map(() => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    try {
      const base_url = `http://127.0.0.1:${port}/v1`;
      functions.set({ OPENAI_BASE_URL: base_url, EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" });
      await setting.putKey(owner, "ours", { key: "sk-0123456789", base_url });
      for (const model of ["platform/m", "ours/m"]) {
        await assert.rejects(setting.chat({ model }), {
          status: 504,
          message: /can't be connected to/,
        });
      }
    } finally {
      full.close();
      waiting.forEach((connection) => connection.close());
    }
  }));

Deno.test("another model stands in, and each call is noted", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.always(({ body }) => body.model === "gpt-broken" ? failing(500)() : undefined);
    const request = { model: "gpt-broken", fallback_models: ["nobody/knows", "demo-chat"] };
    const { model } = await setting.chat(request);
    assert.equal(model, "demo-chat");
    assert.match((await setting.read(request)).text, hello);
    assert.ok(upstream.requests.every(({ body }) => !("fallback_models" in body)));
    const rows = await setting.usage(6);
    assert.deepEqual(
      rows.map(({ model, status }) => `${model} ${status}`).sort(),
      [
        "demo-chat succeeded",
        "demo-chat succeeded",
        "gpt-broken failed",
        "gpt-broken failed",
        "nobody/knows failed",
        "nobody/knows failed",
      ],
    );
    // A request that is wrong is wrong everywhere.
    upstream.always(failing(400));
    const before = upstream.requests.length;
    await assert.rejects(setting.chat(request), OpenAI.BadRequestError);
    assert.equal(upstream.requests.length, before + 1);
  }));
