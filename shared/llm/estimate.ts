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
/** A picture of usual size, or whatever is fetched from elsewhere. */
const MEDIA_TOKENS = 1_000;
/**
 * Parts of a message whose bytes are not text, by type, which is also the name of the member that holds
 * them; and how many characters of it are a token at least.
 */
const MEDIA: Readonly<Record<string, number>> = { image_url: 1_000, input_audio: 200, file: 5 };
/** A PDF, whose pages are of more bytes than words. */
const PDF = /^(?:data:application\/pdf;base64,)?JVBER/;
const PDF_TOKEN_LENGTH = 100;

/** Input tokens of a chat request, estimated: messages, tools and the schema of the answer. */
export function estimateInput(request: Record<string, unknown>): number {
  const messages = Array.isArray(request.messages) ? request.messages : [];
  const others = [request.tools, request.functions, request.response_format];
  const tokens = sumOf(messages, estimateMessage) + sumOf(others, estimateValue);
  return Math.ceil(tokens) + MESSAGE_TOKENS * messages.length;
}

function estimateMessage(message: unknown): number {
  if (!isRecord(message) || !Array.isArray(message.content)) return estimateValue(message);
  const { content, ...others } = message;
  return estimateValue(others) + sumOf(content, estimatePart);
}

/** Only what a part's type names is taken for a medium: beside it there may be any amount of text. */
function estimatePart(part: unknown): number {
  if (!isRecord(part) || typeof part.type !== "string") return estimateValue(part);
  const tokenLength = Object.hasOwn(MEDIA, part.type) ? MEDIA[part.type] : undefined;
  if (tokenLength === undefined) return estimateValue(part);
  const { [part.type]: medium, ...others } = part;
  return estimateValue(others) + estimateMedium(medium, tokenLength);
}

function estimateMedium(medium: unknown, tokenLength: number): number {
  const members = isRecord(medium) ? Object.values(medium) : [medium];
  const tokens = sumOf(members, (member) => {
    const text = typeof member === "string" ? member : JSON.stringify(member) ?? "";
    return text.length / (PDF.test(text) ? PDF_TOKEN_LENGTH : tokenLength);
  });
  return Math.max(MEDIA_TOKENS, tokens);
}

/** Tokens of anything that JSON can hold; not rounded. */
export function estimateValue(value: unknown): number {
  if (typeof value === "string") return estimateTokens(value);
  if (Array.isArray(value)) return sumOf(value, estimateValue);
  if (!isRecord(value)) return value === undefined ? 0 : 1;
  return sumOf(
    Object.entries(value),
    ([name, member]) => name.length / 4 + estimateValue(member),
  );
}

const sumOf = <T>(values: readonly T[], estimate: (value: T) => number): number =>
  values.reduce((sum, value) => sum + estimate(value), 0);

/** Whether it has members. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
