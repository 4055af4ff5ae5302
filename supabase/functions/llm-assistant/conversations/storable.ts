import { type Json, type JsonObject, storableText } from "@shared/json.ts";

/** The bytes of text that the database takes in one message. */
const MAX_CONTENT_BYTES = 1024 * 1024;

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
