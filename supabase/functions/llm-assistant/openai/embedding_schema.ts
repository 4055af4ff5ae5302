import { z } from "zod";

/** OpenAI's own limit. */
const INPUTS = 2_048;

const token = z.int().min(0);

/** What `POST /v1/embeddings` takes. Whatever else OpenAI or the provider knows is passed on. */
export const embeddingRequestSchema = z.looseObject({
  model: z.string().min(1).max(200),
  input: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1).max(INPUTS),
    z.array(token).min(1),
    z.array(z.array(token).min(1)).min(1).max(INPUTS),
  ]).describe("A text or several, or their tokens."),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).max(16_000).nullish(),
}).meta({ id: "EmbeddingRequest", description: "OpenAI's request." });

/** What it answers with. */
export const embeddingListSchema = z.looseObject({
  object: z.literal("list"),
  model: z.string(),
  data: z.array(z.looseObject({
    object: z.string(),
    index: z.int(),
    embedding: z.union([z.array(z.number()), z.string()]).describe(
      "Numbers, or base64 of 32-bit floats.",
    ),
  })),
  usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
}).meta({ id: "EmbeddingList", description: "OpenAI's answer." });
