import type { Turn } from "../conversations/turns.ts";

/** The answer that an Idempotency-Key got before, once more. Nothing is asked of a provider. */

const REPLAYED = { "idempotent-replayed": "true" };

const sum = (
  turn: Turn,
  field: "input_tokens" | "cached_tokens" | "output_tokens" | "reasoning_tokens",
) => (turn.answer ?? []).reduce((total, message) => total + (message[field] ?? 0), 0);

/** In the simple form. */
export function replayTurn(turn: Turn): Response {
  const messages = turn.answer ?? [];
  const last = messages.at(-1);
  const said = messages.filter(({ role }) => role === "assistant");
  const value = {
    id: last?.id,
    conversation_id: turn.conversation.id,
    message: {
      role: "assistant",
      content: last?.content ?? "",
      ...(last?.tool_calls ? { tool_calls: last.tool_calls } : {}),
    },
    model: last?.model ?? null,
    usage: {
      input_tokens: sum(turn, "input_tokens"),
      cached_tokens: sum(turn, "cached_tokens"),
      output_tokens: sum(turn, "output_tokens"),
      reasoning_tokens: sum(turn, "reasoning_tokens"),
      is_estimated: said.some(({ metadata }) => metadata.is_estimated === true),
    },
    cost: said.some(({ cost }) => cost === null)
      ? null
      : said.reduce((total, { cost }) => total + (cost ?? 0), 0),
    warnings: [],
    messages,
  };
  return Response.json(value, { headers: REPLAYED });
}

/** In OpenAI's format. */
export function replayCompletion(turn: Turn): Response {
  const last = turn.answer?.at(-1);
  const [prompt_tokens, completion_tokens] = [
    sum(turn, "input_tokens"),
    sum(turn, "output_tokens"),
  ];
  const message = {
    role: "assistant",
    content: last?.content ?? "",
    ...(last?.tool_calls ? { tool_calls: last.tool_calls } : {}),
  };
  const value = {
    id: `chatcmpl-${last?.id}`,
    object: "chat.completion",
    created: secondsOf(turn),
    model: last?.model ?? "",
    choices: [{ index: 0, message, finish_reason: last?.metadata.finish_reason ?? "stop" }],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
    conversation_id: turn.conversation.id,
    message_id: last?.id,
  };
  return Response.json(value, { headers: REPLAYED });
}

const secondsOf = ({ answer }: Turn) =>
  Math.floor(Date.parse(answer?.at(-1)?.created_at ?? "") / 1000);

/** As a stream: the whole in one chunk. */
export function replayStream(turn: Turn): Response {
  const last = turn.answer?.at(-1);
  const base = {
    id: `chatcmpl-${last?.id}`,
    object: "chat.completion.chunk",
    created: secondsOf(turn),
    model: last?.model ?? "",
  };
  const delta = {
    role: "assistant",
    content: last?.content ?? "",
    ...(last?.tool_calls ? { tool_calls: last.tool_calls } : {}),
  };
  const finish_reason = last?.metadata.finish_reason ?? "stop";
  const chunks = [
    { ...base, choices: [{ index: 0, delta, finish_reason }] },
    { ...base, choices: [], conversation_id: turn.conversation.id, message_id: last?.id },
  ];
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  return new Response(`${text}data: [DONE]\n\n`, {
    headers: { ...REPLAYED, "content-type": "text/event-stream; charset=utf-8" },
  });
}
