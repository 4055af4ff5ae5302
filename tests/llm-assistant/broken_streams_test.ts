import assert from "node:assert/strict";
import OpenAI from "openai";
import { LlmSetting, REQUEST } from "../harness/llm.ts";
import { logOf } from "../harness/log.ts";
import { newProviderKey } from "../harness/provider.ts";
import { chunk, event, streaming } from "../harness/upstream.ts";
import { waitFor } from "../harness/wait.ts";

/** Streams that break off, stall or are left, after something of the answer has come. */

const usage =
  'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}';

Deno.test("a stream that breaks off ends in an error, and what came is noted as partial", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    const endings = [[], ['data: {"choices":[{"ind'], [
      'data: {"error":{"message":"Out of luck"}}',
    ]];
    for (const ending of endings) {
      upstream.next(streaming(event("Some"), event(" words"), ...ending));
      const { text, error } = await setting.read();
      assert.equal(text, "Some words");
      assert.ok(error instanceof OpenAI.APIError, String(error));
      assert.equal(error.code, "provider_error");
    }
    assert.equal(
      upstream.requests.length,
      3,
      "nothing is asked twice of which a part was passed on",
    );
    for (const row of await setting.usage(3)) {
      assert.equal(row.status, "partial");
      assert.equal(row.error_code, "provider_error");
      assert.equal(row.is_estimated, true);
      assert.ok(row.output_tokens > 0 && row.input_tokens > 0);
    }
  }));

Deno.test("a fault of ours in the middle of a stream: the log knows it, the client that there is one", () =>
  LlmSetting.with(async (setting) => {
    const { functions, client } = setting;
    functions.before = ({ url }) => {
      if (url.endsWith("/rpc/finish_turn")) throw new Error("The wire was cut");
    };
    const log = await logOf(async () => {
      const body = { ...REQUEST, stream: true as const, conversation_id: "new" };
      const stream = await client.chat.completions.create(body);
      await assert.rejects(Array.fromAsync(stream), {
        code: "internal_error",
        message: "Something went wrong on our side",
      });
    });
    assert.match(log, /"request_id":"[\w-]+","error":\{"name":"ApiError".*"cause":/);
  }));

Deno.test("a stream that stalls is given up", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, tenant: { owner } } = setting;
    setting.wait({ idle: 0.2 });
    await setting.putKey(owner, "ours", { key: newProviderKey(), base_url: upstream.baseUrl });
    for (const [index, model] of ["platform/small", "ours/small"].entries()) {
      upstream.next(upstream.stalling(chunk("Some"), chunk(" words")));
      const { text, error } = await setting.read({ model });
      assert.equal(text, "Some words");
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.code, "provider_timeout");
      await waitFor(() => upstream.givenUp === index + 1, { what: "the upstream to be left" });
    }
    for (const row of await setting.usage(2)) {
      assert.equal(row.status, "partial");
      assert.equal(row.error_code, "provider_timeout");
    }
  }, { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" }));

Deno.test("a stream is ended before the platform would end it", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    setting.wait({ total: 0.4 });
    upstream.next(upstream.stalling(chunk("Some")));
    const { text, error } = await setting.read();
    assert.equal(text, "Some");
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(error.code, "provider_timeout");
    assert.match(error.message, /within 0\.4 s$/);
  }));

Deno.test("a stream without [DONE] or without usage is whole, the usage estimated and flagged", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    upstream.next(
      streaming(event("Some words"), event("", "stop"), usage),
      streaming(event("Some words"), event("", "stop"), "data: [DONE]"),
    );
    for (let index = 0; index < 2; index++) {
      assert.deepEqual(await setting.read(), { text: "Some words" });
    }
    const [told, estimated] = await setting.usage(2);
    assert.equal(told.status, "succeeded");
    assert.deepEqual([told.input_tokens, told.output_tokens, told.is_estimated], [7, 2, false]);
    assert.equal(estimated.status, "succeeded");
    assert.equal(estimated.is_estimated, true);
    assert.ok(estimated.input_tokens > 0 && estimated.output_tokens > 0);
  }));

Deno.test("who asks for usage is told some, also where the provider tells none", () =>
  LlmSetting.with(async ({ upstream, client }) => {
    upstream.next(streaming(event("Some words"), event("", "stop"), "data: [DONE]"));
    const stream = await client.chat.completions.create({
      ...REQUEST,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    const last = chunks.at(-1);
    assert.deepEqual(last?.choices, []);
    assert.equal(last?.id, "chatcmpl-1");
    assert.ok((last?.usage?.completion_tokens ?? 0) > 0);
  }));

Deno.test("a client that stops reading holds its budget no longer than the call may take", () =>
  LlmSetting.with(async (setting) => {
    const { functions, upstream, tenant: { owner } } = setting;
    setting.wait({ total: 1, idle: 0.3 });
    const part = new TextEncoder().encode(`${event("x".repeat(60_000))}\n\n`);
    const { promise: full, resolve } = Promise.withResolvers<void>();
    upstream.next(() =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(part),
          cancel: () => resolve(),
        }),
        { headers: { "content-type": "text/event-stream" } },
      )
    );
    const response = await fetch(
      `${functions.url}/functions/v1/llm-assistant/v1/chat/completions`,
      {
        method: "POST",
        headers: {
          authorization: `Bearer ${owner.token}`,
          "x-organization-id": owner.organizationId,
          "content-type": "application/json",
        },
        body: JSON.stringify({ ...REQUEST, stream: true }),
      },
    );
    const reader = response.body?.getReader();
    await reader?.read();
    const [row] = await setting.usage(1);
    assert.deepEqual([row.status, row.error_code], ["partial", "provider_timeout"]);
    await full;
    await reader?.cancel();
  }));

Deno.test("usage that comes with the last chunk is passed on to those who asked for it alone", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, client } = setting;
    const last = { ...chunk("", "stop"), usage: JSON.parse(usage.slice(6)).usage };
    upstream.always(streaming(event("Hi"), `data: ${JSON.stringify(last)}`, "data: [DONE]"));
    for (const include_usage of [true, false]) {
      const stream = await client.chat.completions.create({
        ...REQUEST,
        stream: true,
        stream_options: { include_usage },
      });
      const chunks = await Array.fromAsync(stream);
      assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, "stop");
      assert.equal(chunks.some(({ usage }) => usage), include_usage);
    }
  }));

Deno.test("events are read whatever their line ends, comments and cuts", () =>
  LlmSetting.with(async (setting) => {
    const { upstream } = setting;
    const text = [
      ": hello",
      `event: message\r\nid: 1\r\n${event("Größe ")}`,
      'data:{"choices":[{"index":0,\r\ndata: "delta":{"content":"✓"},"finish_reason":"stop"}]}',
      "data: [DONE]",
    ].join("\r\n\r\n") + "\r\n\r\n";
    const bytes = new TextEncoder().encode(text);
    upstream.next(() => {
      let at = 0;
      const body = new ReadableStream({
        pull(controller) {
          // Cut also in the middle of a letter.
          if (at >= bytes.length) return controller.close();
          controller.enqueue(bytes.slice(at, at += 7));
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    assert.deepEqual(await setting.read(), { text: "Größe ✓" });
  }));

Deno.test("chunks are passed on as they come", () =>
  LlmSetting.with(async ({ upstream, client }) => {
    const { promise: release, resolve } = Promise.withResolvers<void>();
    upstream.next(() => {
      const encode = (text: string) => new TextEncoder().encode(`${text}\n\n`);
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(encode(event("first")));
          await release;
          controller.enqueue(encode(event(" second", "stop")));
          controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    const seen: (string | null | undefined)[] = [];
    for await (const { choices: [choice] } of stream) {
      seen.push(choice?.delta.content);
      resolve();
    }
    assert.deepEqual(seen, ["first", " second"]);
  }));

Deno.test("a client that leaves: the provider is left too, and what came is noted", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, client } = setting;
    setting.wait({ drain: 0.2 });
    upstream.next(upstream.stalling(chunk("Some"), chunk(" words")));
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    for await (const _ of stream) break;
    await waitFor(() => upstream.givenUp === 1, { what: "the upstream to be left" });
    const [row] = await setting.usage(1);
    assert.equal(row.status, "partial");
    assert.equal(row.is_estimated, true);
  }));

Deno.test("a client that leaves before the end: the rest is awaited for its usage", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, client } = setting;
    const { promise: left, resolve } = Promise.withResolvers<void>();
    upstream.next(() => {
      const encode = (text: string) => new TextEncoder().encode(`${text}\n\n`);
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(encode(event("Some")));
          await left;
          controller.enqueue(encode(`${event(" words", "stop")}\n\n${usage}`));
          controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    for await (const _ of stream) break;
    resolve();
    const [row] = await setting.usage(1);
    assert.equal(row.status, "succeeded");
    assert.deepEqual([row.output_tokens, row.is_estimated], [2, false]);
  }));

Deno.test("while nothing comes, a stream says that it is alive, and a late failure is an event", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, functions, client } = setting;
    setting.wait({ hold: 0.1, keep_alive: 0.1, first_byte: 0.8 });
    upstream.next(upstream.silence);
    const answer = await fetch(`${functions.url}/functions/v1/llm-assistant/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${client.apiKey}` },
      body: JSON.stringify({ ...REQUEST, stream: true }),
    });
    assert.equal(answer.status, 200);
    const parts = (await answer.text()).trim().split("\n\n");
    const comments = parts.filter((part) => part === ": keep-alive").length;
    assert.ok(comments >= 3, parts.join("\n"));
    assert.equal(parts.length, comments + 1);
    const failure = JSON.parse(parts.at(-1)?.replace("data: ", "") ?? "");
    assert.equal(failure.error.code, "provider_timeout");
  }));

Deno.test("a client that leaves before anything has come", () =>
  LlmSetting.with(async (setting) => {
    const { upstream, client } = setting;
    setting.wait({ hold: 0.1, keep_alive: 0.1 });
    upstream.next(upstream.silence);
    const abort = new AbortController();
    const answer = await client.chat.completions.create({ ...REQUEST, stream: true }, {
      signal: abort.signal,
    });
    abort.abort();
    assert.deepEqual(await Array.fromAsync(answer), []);
    const [row] = await setting.usage(1);
    assert.equal(row.status, "canceled");
    assert.equal(row.is_estimated, true);
  }));
