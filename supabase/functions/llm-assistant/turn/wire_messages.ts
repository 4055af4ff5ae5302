import { ApiError } from "@shared/errors.ts";
import { isJsonObject, type Json, jsonSchema } from "@shared/json.ts";
import type { ToolCall } from "@shared/llm/accumulator.ts";
import { z } from "zod";
import type { Message } from "../conversations/schemas.ts";
import type { NewMessage } from "../conversations/turns.ts";

/** Messages on their way between OpenAI's format and the database's. */

/** A message in OpenAI's format, as a request's schema has checked it. */
export type WireMessage = {
  role: string;
  content?: string | readonly unknown[] | null;
  tool_calls?: readonly unknown[] | null;
  tool_call_id?: unknown;
};

/** With whatever else the provider has put into it: some want it back. */
const toolCallSchema = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
}).catchall(jsonSchema);

/** What is said to a model of a call that nobody answered, because the user went on without it. */
const UNANSWERED = "Not run: the user went on without it.";

/** The calls of tools that a stored message makes. */
export function toolCallsOf({ tool_calls }: Pick<Message, "tool_calls">): ToolCall[] {
  return (tool_calls ?? []).flatMap((call) => {
    const parsed = toolCallSchema.safeParse(call);
    return parsed.success ? [parsed.data] : [];
  });
}

/** A message as the database keeps it. @throws {ApiError} `validation_failed` for the role `function` */
export function toNewMessage(message: WireMessage, index: number): NewMessage {
  const { role, content, tool_calls, tool_call_id } = message;
  const parts = Array.isArray(content) ? content.map((part): Json => part) : null;
  const text = typeof content === "string" ? content : null;
  return {
    role: storedRole(role, index),
    content: text ?? (parts ?? []).map(textOf).filter(Boolean).join("\n"),
    parts,
    tool_calls: tool_calls ? z.array(jsonSchema).parse(tool_calls) : null,
    tool_call_id: typeof tool_call_id === "string" ? tool_call_id : null,
  };
}

function storedRole(role: string, index: number): NewMessage["role"] {
  switch (role) {
    case "user":
    case "assistant":
    case "system":
    case "tool":
      return role;
    // OpenAI's newer name for the same thing.
    case "developer":
      return "system";
  }
  const message = `A message with the role ${role} can't be kept in a conversation`;
  throw new ApiError("validation_failed", message, {
    errors: [{ path: `messages.${index}.role`, message }],
  });
}

const textOf = (part: Json): string =>
  isJsonObject(part) && typeof part.text === "string" ? part.text : "";

/**
 * Stored messages in OpenAI's format. Every call of a tool has an answer there, because providers
 * refuse one without.
 */
export function toWire(history: readonly Message[]): WireMessage[] {
  const answered = new Set(history.map(({ tool_call_id }) => tool_call_id));
  return history.flatMap((message): WireMessage[] => {
    const { role, content, parts, tool_call_id } = message;
    const calls = toolCallsOf(message);
    // What broke off before anything came says nothing, and providers refuse empty answers.
    if (role === "assistant" && content === "" && parts === null && calls.length === 0) return [];
    const missing = calls.filter(({ id }) => !answered.has(id));
    return [
      {
        role,
        content: parts ?? (content === "" && calls.length > 0 ? null : content),
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
        ...(tool_call_id === null ? {} : { tool_call_id }),
      },
      ...missing.map(({ id }) => ({ role: "tool", content: UNANSWERED, tool_call_id: id })),
    ];
  });
}
