import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { estimateInput, estimateTokens } from "@shared/llm/estimate.ts";
import { hash } from "./demo_hash.ts";
import { instanceOf } from "./demo_instance.ts";
import { callsFor, type DemoCall } from "./demo_tools.ts";

/** How much of what it was told it repeats, in characters. */
const REPEATED = 2_000;

/** What it answers: text, or calls of tools. */
type Choice = { content: string | null; calls: DemoCall[]; finishReason: string };

/** A chat completion, streamed or not. */
export function complete(request: JsonObject, model: string): Response {
  const messages = Array.isArray(request.messages) ? request.messages.filter(isJsonObject) : [];
  const choice = answer(request, messages);
  const count = typeof request.n === "number" ? request.n : 1;
  const output = [
    choice.content ?? "",
    ...choice.calls.map(({ function: f }) => f.name + f.arguments),
  ];
  const [prompt, completion] = [
    estimateInput(request),
    output.reduce((sum, text) => sum + estimateTokens(text), 0) * count,
  ];
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
  const common = {
    id: `chatcmpl-demo${hash(JSON.stringify(request)).toString(36)}`,
    created: Math.floor(Date.now() / 1000),
    model,
  };
  const indexes = Array.from({ length: count }, (_, index) => index);
  if (request.stream === true) {
    const asked = isJsonObject(request.stream_options) && request.stream_options.include_usage;
    return stream(
      [
        ...indexes.flatMap((index) => chunks(choice, index)),
        ...(asked === true ? [{ choices: [], usage }] : []),
      ].map((chunk) => ({
        ...common,
        object: "chat.completion.chunk",
        ...(asked === true ? { usage: null } : {}),
        ...chunk,
      })),
    );
  }
  const { content, calls, finishReason } = choice;
  return Response.json({
    ...common,
    object: "chat.completion",
    choices: indexes.map((index) => ({
      index,
      message: {
        role: "assistant",
        content,
        refusal: null,
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
      },
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage,
  });
}

function answer(request: JsonObject, messages: JsonObject[]): Choice {
  const last = messages.at(-1) ?? {};
  const prompt = textOf(last.content);
  const calls = last.role === "user" ? callsFor(request, prompt) : [];
  if (calls.length > 0) return { content: null, calls, finishReason: "tool_calls" };
  return cut(request, textFor(request, last, prompt));
}

function textFor({ response_format }: JsonObject, { role }: JsonObject, prompt: string): string {
  const format = isJsonObject(response_format) ? response_format : {};
  if (format.type === "json_object") {
    return JSON.stringify({ demo_model: prompt.slice(0, REPEATED) });
  }
  if (format.type === "json_schema") {
    const wanted = isJsonObject(format.json_schema) ? format.json_schema.schema : undefined;
    return JSON.stringify(instanceOf(wanted));
  }
  const told = prompt.slice(0, REPEATED);
  if (role === "tool") return `[demo model] The tool answered: ${told}`;
  return `[demo model] No provider is configured, so this only repeats what you said: ${told}`;
}

/** A token is a word here, with the space before it. */
const wordsOf = (text: string): string[] => text.match(/\s*\S+|\s+$/g) ?? [];

function cut(request: JsonObject, whole: string): Choice {
  const stops = [request.stop ?? []].flat().filter((stop) => typeof stop === "string");
  const ends = stops.map((stop) => whole.indexOf(stop)).filter((end) => end >= 0);
  const text = whole.slice(0, Math.min(whole.length, ...ends));
  const limit = request.max_completion_tokens ?? request.max_tokens;
  const words = wordsOf(text);
  if (typeof limit !== "number" || words.length <= limit) {
    return { content: text, calls: [], finishReason: "stop" };
  }
  return { content: words.slice(0, limit).join(""), calls: [], finishReason: "length" };
}

/** Of one choice, as OpenAI cuts it up: the role, the parts, the reason for the end. */
function chunks({ content, calls, finishReason }: Choice, index: number): JsonObject[] {
  const chunk = (delta: JsonObject, finish_reason: string | null = null): JsonObject => ({
    choices: [{ index, delta, logprobs: null, finish_reason }],
  });
  const first: JsonObject = {
    role: "assistant",
    content: content === null ? null : "",
    refusal: null,
  };
  return [
    chunk(first),
    ...wordsOf(content ?? "").map((word) => chunk({ content: word })),
    ...calls.flatMap((call, position) => [
      chunk({
        tool_calls: [{ ...call, index: position, function: { ...call.function, arguments: "" } }],
      }),
      ...(call.function.arguments.match(/.{1,12}/gs) ?? []).map((part) =>
        chunk({ tool_calls: [{ index: position, function: { arguments: part } }] })
      ),
    ]),
    chunk({}, finishReason),
  ];
}

function stream(parts: JsonObject[]): Response {
  const encoder = new TextEncoder();
  const events = [...parts.map((part) => JSON.stringify(part)), "[DONE]"].values();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = events.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(`data: ${value}\n\n`));
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Text, or a list of parts of which some are. */
function textOf(content: Json | undefined): string {
  if (typeof content === "string") return content;
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  return parts.map(({ text }) => typeof text === "string" ? text : "").join("");
}
