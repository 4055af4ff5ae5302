import type { Json, JsonObject } from "@shared/json.ts";
import { estimateTokens } from "@shared/llm/estimate.ts";
import { hash } from "./demo_hash.ts";

/** As many as the smaller of OpenAI's models has. */
const DIMENSIONS = 1_536;

/**
 * Vectors of texts: each word and each three letters of it count for one of the dimensions, so that
 * texts with the same or similar words are near each other. That is all it knows of meaning.
 */
export function embed(request: JsonObject, model: string): Response {
  const inputs = inputsOf(request.input ?? "");
  const size = typeof request.dimensions === "number" ? request.dimensions : DIMENSIONS;
  const data = inputs.map((text, index) => {
    const vector = vectorOf(text, size);
    const embedding = request.encoding_format === "base64" ? base64(vector) : [...vector];
    return { object: "embedding", index, embedding };
  });
  const tokens = inputs.reduce((sum, text) => sum + estimateTokens(text), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return Response.json({ object: "list", data, model, usage });
}

/** Tokens are taken for words: the demo model has no others. */
function inputsOf(input: Json): string[] {
  if (!Array.isArray(input)) return [String(input)];
  if (typeof input[0] === "number") return [input.join(" ")];
  return input.map((item) => Array.isArray(item) ? item.join(" ") : String(item));
}

/** Of length 1, or 0 for a text without words. */
export function vectorOf(text: string, size: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(size);
  const add = (gram: string, weight: number) => {
    const place = hash(gram);
    const index = place % size;
    // The highest bit is the sign, so that what falls on one dimension by chance does not add up.
    vector[index] = (vector[index] ?? 0) + (place >>> 31 ? -weight : weight);
  };
  for (const word of text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    add(word, 1);
    const padded = ` ${word} `;
    for (let start = 0; start + 3 <= padded.length; start++) {
      add(padded.slice(start, start + 3), 0.4);
    }
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

const base64 = (vector: Float32Array<ArrayBuffer>) => new Uint8Array(vector.buffer).toBase64();
