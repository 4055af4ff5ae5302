import { isJsonObject, type Json } from "@shared/json.ts";
import type { BlockContext } from "../context.ts";
import { StepError } from "../step_error.ts";
import { llmContext, rethrowProviderError } from "./provider.ts";
import type { ModelOf } from "./specs.ts";

/** Texts of a call: a provider takes 2,048 at most, and so many tokens that long texts fill them sooner. */
const TEXTS = 256;
/** Characters of a call's texts together. */
const CHARACTERS = 400_000;

/**
 * The input's rows, each with the vector of its field in `embedding`. A single row is returned as one.
 *
 * @throws {StepError} `row_invalid` for a row without that text, or what the provider failed with
 */
export async function embedRows(
  { model, field }: ModelOf<"embedding">,
  input: Json,
  context: BlockContext,
): Promise<Json> {
  const rows = Array.isArray(input) ? input : [input];
  const texts = rows.map((row, index) => textOf(row, field, index));
  const { embedTexts } = await import("@shared/llm/embeddings.ts");
  const { readSources } = await import("@shared/llm/sources.ts");
  const llm = llmContext(context);
  const vectors: number[][] = [];
  try {
    const sources = await readSources(llm);
    for (const batch of batches(texts)) {
      vectors.push(...await embedTexts(llm, { model, texts: batch }, sources));
    }
  } catch (error) {
    rethrowProviderError(error);
  }
  const embedded = rows.map((row, index) =>
    isJsonObject(row) ? { ...row, embedding: vectors[index] ?? [] } : row
  );
  return Array.isArray(input) ? embedded : embedded[0] ?? null;
}

function textOf(row: Json, field: string, index: number): string {
  const value = isJsonObject(row) ? row[field] : undefined;
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new StepError({
    code: "row_invalid",
    message: `row ${index} has no text in the field ${field}`,
  });
}

function batches(texts: string[]): string[][] {
  const all: string[][] = [];
  let length = Infinity;
  for (const text of texts) {
    const last = all.at(-1);
    length += text.length;
    if (last && last.length < TEXTS && length <= CHARACTERS) {
      last.push(text);
    } else {
      all.push([text]);
      length = text.length;
    }
  }
  return all;
}
