import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { shapeOf } from "./llm_shape.ts";

/** A program: a provider of models that answers in OpenAI's format, as its models' names tell. */

const encoder = new TextEncoder();

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Now, on a clock that all processes of the machine share. */
const now = () => performance.timeOrigin + performance.now();

async function answer(request: Request): Promise<Response> {
  const body: Json = await request.json().catch(() => null);
  if (!isJsonObject(body) || typeof body.model !== "string") {
    return new Response(null, { status: 400 });
  }
  const { firstByteMs, chunks, gapMs } = shapeOf(body.model);
  if (firstByteMs > 0) await wait(firstByteMs);
  const usage = { prompt_tokens: 12, completion_tokens: chunks, total_tokens: 12 + chunks };
  const common = { id: "chatcmpl-BenchBenchBenchBenchBenchBench", created: 0, model: body.model };
  if (body.stream !== true) {
    const message = { role: "assistant", content: "word ".repeat(chunks), refusal: null };
    return Response.json({
      ...common,
      object: "chat.completion",
      choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
      usage,
    });
  }
  return stream(common, { chunks, gapMs, usage });
}

function stream(
  common: JsonObject,
  { chunks, gapMs, usage }: { chunks: number; gapMs: number; usage: JsonObject },
): Response {
  let sent = 0;
  const event = (delta: JsonObject, finish_reason: string | null = null) =>
    line({
      ...common,
      object: "chat.completion.chunk",
      service_tier: "default",
      system_fingerprint: "fp_44709d6fcb",
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      usage: null,
      obfuscation: "aB3dE5gH7",
    });
  const body = new ReadableStream({
    async pull(controller) {
      if (sent > 0 && gapMs > 0) await wait(gapMs);
      sent += 1;
      // Each part says when it was sent.
      const delta: JsonObject = sent === 1
        ? { role: "assistant", content: "", refusal: null }
        : { content: `${now().toFixed(2)} ` };
      controller.enqueue(event(delta));
      if (sent < chunks) return;
      controller.enqueue(event({}, "stop"));
      controller.enqueue(line({ ...common, object: "chat.completion.chunk", choices: [], usage }));
      controller.enqueue(encoder.encode("data: [DONE]\n\n"));
      controller.close();
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const line = (chunk: JsonObject) => encoder.encode(`data: ${JSON.stringify(chunk)}\n\n`);

Deno.serve({ hostname: "127.0.0.1", port: 0 }, answer);
