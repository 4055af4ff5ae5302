import { z } from "zod";
import { jsonSchema } from "@shared/json.ts";

/** The longest expression or source, in characters. */
const SOURCE_LENGTH = 65_536;
/** A column or table name that needs no quoting. */
const NAME = /^[a-z_][a-z0-9_]*$/;
/** The same, less what PostgREST reads as something else than a column. */
const FILTER_NAME =
  /^(?!(?:select|limit|offset|order|columns|on_conflict|and|or|not)$)[a-z_][a-z0-9_]*$/;

const formatSchema = z.enum(["csv", "json", "ndjson"]).describe(
  "How the rows are written: csv with a header line, a JSON array, or one JSON value a line.",
);
const urlSchema = z.url({ protocol: /^https?$/ }).max(2048).describe(
  "A public http or https address.",
).meta({ examples: ["https://example.com/weather.csv"] });
const headersSchema = z.record(
  z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  z.string().max(4096).regex(/^[^\r\n]*$/),
).describe("Request headers. They are stored in the version in clear: put no secret here.").meta({
  examples: [{ accept: "text/csv" }],
});
const modelNameSchema = z.string().min(1).max(200).describe("The provider's name of the model.")
  .meta({ examples: ["gpt-4o-mini"] });
const expressionSchema = z.string().min(1).max(SOURCE_LENGTH).describe(
  'A JSONata expression, evaluated over `{"input": …}`.',
).meta({ examples: ["input[temp_max > 20].date"] });
const sourceSchema = z.string().min(1).max(SOURCE_LENGTH).describe(
  "The body of a JavaScript function that reads `input` and returns a JSON value. It runs in a " +
    "sandbox without network, with a clock that stands still and within time and memory limits.",
).meta({ examples: ["return input.filter((row) => row.temp_max > 20);"] });
const valueSchemaSchema = z.record(z.string(), jsonSchema).describe(
  "A JSON Schema (2020-12) of 32,768 characters at most, with references inside itself only.",
).meta({ examples: [{ type: "array", items: { type: "object" } }] });

const inlineSchema = z.strictObject({
  kind: z.literal("inline"),
  rows: z.array(jsonSchema).describe("The data itself: any JSON values."),
}).describe("Data written into the version.").meta({
  examples: [{ kind: "inline", rows: [{ city: "Seattle" }] }],
});

const storageSchema = z.strictObject({
  kind: z.literal("storage"),
  bucket: z.string().min(1).max(100).regex(/^[\w.-]+$/).describe("The Storage bucket."),
  path: z.string().min(1).max(1024).regex(/^(?!\/)(?!(?:.*\/)?\.\.?(?:\/|$)).+$/).describe(
    "The object's path in the bucket.",
  ),
  format: formatSchema,
}).describe("A file in Supabase Storage: read, or written when the block has an incoming edge.")
  .meta({
    examples: [{ kind: "storage", bucket: "data", path: "weather.csv", format: "csv" }],
  });

const httpDatasetSchema = z.strictObject({
  kind: z.literal("http"),
  url: urlSchema,
  format: formatSchema,
  headers: headersSchema.optional(),
}).describe("Data fetched from a public address.").meta({
  examples: [{ kind: "http", url: "https://example.com/weather.csv", format: "csv" }],
});

const tableSchema = z.strictObject({
  kind: z.literal("table"),
  table: z.string().max(63).regex(NAME).describe("A table or view that the run's user may read."),
  select: z.string().min(1).max(1000).optional().describe(
    "PostgREST's `select`: columns and embedded resources. All columns by default.",
  ).meta({ examples: ["date,temp_max"] }),
  filter: z.record(z.string().max(63).regex(FILTER_NAME), z.string().max(1000)).optional().describe(
    "Column → PostgREST operator and value.",
  ).meta({ examples: [{ weather: "eq.rain", temp_max: "gt.20" }] }),
  limit: z.int().min(1).max(10_000).optional().describe("Rows to read; 1000 by default."),
  mode: z.enum(["append", "replace", "upsert"]).optional().describe(
    "What a write does to the rows that are there; append by default.",
  ),
  on_conflict: z.string().max(500).regex(/^[a-z_][a-z0-9_]*(,[a-z_][a-z0-9_]*)*$/).optional()
    .describe("Columns that decide, for upsert, whether a row is there already.").meta({
      examples: ["city,date"],
    }),
}).describe("A table: read, or written when the block has an incoming edge.").meta({
  examples: [{ kind: "table", table: "weather", filter: { weather: "eq.rain" }, limit: 100 }],
});

const triggerSchema = z.strictObject({ kind: z.literal("trigger") }).describe("The run's input.")
  .meta({ examples: [{ kind: "trigger" }] });

const llmSchema = z.strictObject({
  kind: z.literal("llm"),
  model: modelNameSchema,
  prompt: z.string().min(1).max(SOURCE_LENGTH).describe("The instruction; the input follows it."),
  output_schema: valueSchemaSchema.optional(),
}).describe(
  "A language model's answer: text, or JSON where `output_schema` asks for it.",
).meta({
  examples: [{ kind: "llm", model: "gpt-4o-mini", prompt: "Summarize the weather." }],
});

const embeddingSchema = z.strictObject({
  kind: z.literal("embedding"),
  model: modelNameSchema,
  field: z.string().min(1).max(200).describe("The rows' field whose text is embedded."),
}).describe("The rows, each with the vector of the field in `embedding`.").meta({
  examples: [{ kind: "embedding", model: "text-embedding-3-small", field: "summary" }],
});

const httpModelSchema = z.strictObject({
  kind: z.literal("http"),
  url: urlSchema,
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).optional().describe(
    "POST by default. All but GET send the input as JSON.",
  ),
}).describe(
  "A service that answers with JSON or text. It is called at least once, with the same " +
    "`Idempotency-Key` on every attempt.",
).meta({ examples: [{ kind: "http", url: "https://example.com/score" }] });

const jsonataSchema = z.strictObject({ kind: z.literal("jsonata"), expression: expressionSchema })
  .describe("A JSONata expression.").meta({
    examples: [{ kind: "jsonata", expression: "$sum(input.precipitation)" }],
  });

const codeSchema = z.strictObject({ kind: z.literal("code"), source: sourceSchema })
  .describe(
    'JavaScript in the sandbox. Work that is longer than one call returns `{"$continue": …}` and is called again, ' +
      "with what it returned as `cursor`: 10,000 times at most, a cursor of 256 KiB at most.",
  ).meta({
    examples: [{ kind: "code", source: "return input.length;" }],
  });

/** What a dataset block reads or writes. */
export const datasetSpecSchema = z.discriminatedUnion("kind", [
  inlineSchema,
  storageSchema,
  httpDatasetSchema,
  tableSchema,
  triggerSchema,
]).describe("What a dataset block reads or, behind an edge, writes.");

/** What a model block computes. */
export const modelSpecSchema = z.discriminatedUnion("kind", [
  llmSchema,
  embeddingSchema,
  httpModelSchema,
  jsonataSchema,
  codeSchema,
]).describe("What a model block computes from its input.");

/** Any block's spec. `http` means another shape in a dataset than in a model: see {@link specSchemaFor}. */
export const blockSpecSchema = z.union([datasetSpecSchema, modelSpecSchema]).describe(
  "A block's spec: a dataset's or a model's, by the block's type.",
);

const edgeChecks = {
  input_schema: valueSchemaSchema.optional().describe("What the input must satisfy."),
  output_schema: valueSchemaSchema.optional().describe("What the result must satisfy."),
  tests: z.array(
    z.strictObject({
      name: z.string().min(1).max(200).describe("What the test shows."),
      input: jsonSchema.describe("What the edge gets."),
      expect: jsonSchema.describe("What it must return, compared deeply."),
    }),
  ).max(100).optional().describe("The edge is verified when each of them passes.").meta({
    examples: [[{ name: "keeps rain", input: [{ weather: "rain" }], expect: 1 }]],
  }),
};

/** A transformation between two blocks. */
export const edgeSpecSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("identity"), ...edgeChecks }).describe("Passes the input on.")
    .meta({ examples: [{ kind: "identity" }] }),
  jsonataSchema.extend(edgeChecks).describe("Transforms by a JSONata expression.").meta({
    examples: [{ kind: "jsonata", expression: "$count(input)" }],
  }),
  codeSchema.extend(edgeChecks).describe("Transforms by JavaScript in the sandbox.").meta({
    examples: [{ kind: "code", source: "return input.length;" }],
  }),
]).describe("A verified transformation of what flows from one block to another.");

/** The two types of block. */
export type BlockType = "dataset" | "model";
/** See {@link datasetSpecSchema}. */
export type DatasetSpec = z.infer<typeof datasetSpecSchema>;
/** See {@link modelSpecSchema}. */
export type ModelSpec = z.infer<typeof modelSpecSchema>;
/** See {@link blockSpecSchema}. */
export type BlockSpec = z.infer<typeof blockSpecSchema>;
/** See {@link edgeSpecSchema}. */
export type EdgeSpec = z.infer<typeof edgeSpecSchema>;

/** The schema that a block of this type must satisfy. */
export function specSchemaFor(blockType: "dataset"): typeof datasetSpecSchema;
export function specSchemaFor(blockType: "model"): typeof modelSpecSchema;
export function specSchemaFor(
  blockType: BlockType,
): typeof datasetSpecSchema | typeof modelSpecSchema;
export function specSchemaFor(blockType: BlockType) {
  return blockType === "dataset" ? datasetSpecSchema : modelSpecSchema;
}
