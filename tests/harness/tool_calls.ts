import type { Body } from "./answer.ts";
import type { Behaviour } from "./upstream.ts";

/** A call of a tool, as a model makes it. */
export type Call = { id?: string; name: string; args: Body };

/** Answers with calls of tools, streamed or not, as it is asked. */
export const calling =
  (calls: readonly Call[], content: string | null = null): Behaviour => ({ body }) => {
    const tool_calls = calls.map(({ id, name, args }, index) => ({
      index,
      id: id ?? `call_${crypto.randomUUID()}`,
      type: "function",
      function: { name, arguments: JSON.stringify(args) },
    }));
    const base = { id: "chatcmpl-1", created: 0, model: "small" };
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    if (!body.stream) {
      const choices = [{
        index: 0,
        message: { role: "assistant", content, tool_calls },
        finish_reason: "tool_calls",
      }];
      return Response.json({ ...base, object: "chat.completion", choices, usage });
    }
    const chunks = [
      { choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason: null }] },
      { choices: [{ index: 0, delta: { tool_calls }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
      { choices: [], usage },
    ].map((chunk) => ({ ...base, object: "chat.completion.chunk", ...chunk }));
    const lines = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
    return new Response([...lines, "data: [DONE]\n\n"].join(""), {
      headers: { "content-type": "text/event-stream" },
    });
  };
