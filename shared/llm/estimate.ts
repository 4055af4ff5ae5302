/**
 * Tokens of a text, estimated: a tokenizer's tables are megabytes, and a function's bundle may have
 * five. English has about four characters a token; Latin, Greek and Cyrillic letters beyond ASCII about
 * two; of other scripts about each character is one. Within a fifth for prose, too low for digits.
 */
export function estimateTokens(text: string): number {
  let ascii = 0;
  let letters = 0;
  let others = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) ascii++;
    else if (code < 0x600) letters++;
    else others++;
  }
  return Math.ceil(ascii / 4 + letters / 2 + others);
}

/** What a provider adds to each message, and to the whole. */
const MESSAGE_TOKENS = 4;
/** A picture of usual size. */
const MEDIA_TOKENS = 1_000;

/** Input tokens of a chat request, estimated: messages, tools and the schema of the answer. */
export function estimateInput(request: Record<string, unknown>): number {
  const messages = Array.isArray(request.messages) ? request.messages : [];
  const parts = [...messages, request.tools, request.functions, request.response_format];
  const tokens = parts.reduce((sum, part) => sum + estimateValue(part), 0);
  return Math.ceil(tokens) + MESSAGE_TOKENS * messages.length;
}

function estimateValue(value: unknown): number {
  if (typeof value === "string") return estimateTokens(value);
  if (typeof value !== "object" || value === null) return value === undefined ? 0 : 1;
  // Pictures, sounds and files: their bytes are not text.
  const type: unknown = Reflect.get(value, "type");
  if (["image_url", "input_audio", "file"].includes(String(type))) return MEDIA_TOKENS;
  return Object.entries(value).reduce(
    (sum, [name, member]) =>
      sum + (Array.isArray(value) ? 0 : name.length / 4) + estimateValue(member),
    0,
  );
}
