import { ApiError } from "@shared/errors.ts";
import { type Json, type JsonObject, storableText } from "@shared/json.ts";

/** The most messages that the database takes as one turn. */
export const MAX_MESSAGES = 1_000;
/** The bytes of text, and of tool calls, that it takes in one message. */
const MAX_CONTENT_BYTES = 1024 * 1024;
/** The longest id of a call. */
const MAX_ID_LENGTH = 200;

/** A value as JSON that Postgres can hold, whatever text is in it. What is undefined is left out. */
export function storable(value: unknown): Json {
  const clean = (_: string, part: unknown) => typeof part === "string" ? storableText(part) : part;
  const json: Json = JSON.parse(JSON.stringify(value), clean);
  return json;
}

/** An answer that is longer than a message may be is kept as far as it fits, and says so. */
export function fitContent<M extends { content?: string | null; metadata?: JsonObject }>(
  message: M,
): M {
  // A character has three bytes at most for each unit of its length.
  const content = storableText(message.content ?? "");
  if (content.length * 3 <= MAX_CONTENT_BYTES) return message;
  const { read } = new TextEncoder().encodeInto(content, new Uint8Array(MAX_CONTENT_BYTES));
  if (read === content.length) return message;
  return {
    ...message,
    content: content.slice(0, read),
    metadata: { ...message.metadata, is_truncated: true },
  };
}

/**
 * Messages that the database would refuse, told by their place.
 *
 * @throws {ApiError} `validation_failed`
 */
export function checkStorable(
  messages: readonly {
    content?: string | null;
    tool_calls?: Json[] | null;
    tool_call_id?: string | null;
  }[],
): void {
  if (messages.length > MAX_MESSAGES) {
    refuse("messages", `A turn that is kept has ${MAX_MESSAGES} messages at most`);
  }
  for (const [index, { content, tool_calls, tool_call_id }] of messages.entries()) {
    if (isTooLong(content ?? "")) {
      refuse(`messages.${index}.content`, "A message that is kept has 1 MiB of text at most");
    }
    if (tool_calls && isTooLong(JSON.stringify(tool_calls))) {
      refuse(`messages.${index}.tool_calls`, "Calls that are kept have 1 MiB at most");
    }
    if (tool_call_id && tool_call_id.length > MAX_ID_LENGTH) {
      const message = `The id of a call that is kept has ${MAX_ID_LENGTH} characters at most`;
      refuse(`messages.${index}.tool_call_id`, message);
    }
  }
}

const isTooLong = (text: string): boolean =>
  text.length * 3 > MAX_CONTENT_BYTES &&
  new TextEncoder().encode(text).length > MAX_CONTENT_BYTES;

function refuse(path: string, message: string): never {
  throw new ApiError("validation_failed", message, { errors: [{ path, message }] });
}
