import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

const time = z.string().describe("ISO 8601.");

export const nameSchema = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/).describe(
  "What the model calls it: letters, digits, _ and -; unique in the organization, and never changed.",
);
const description = z.string().trim().min(1).max(4096).describe(
  "For the model: what it does and when to use it.",
);
const parameters = z.record(z.string(), jsonSchema).describe(
  "A JSON Schema (2020-12) of an object, which the arguments satisfy before the code runs.",
).meta({ examples: [{ type: "object", properties: { city: { type: "string" } } }] });
const code = z.string().min(1).max(65_536).describe(
  "The body of a JavaScript function that reads `input`, the arguments, and returns a JSON value. It " +
    "runs in a sandbox without network.",
).meta({ examples: ["return input.city.toUpperCase();"] });
const approval = z.enum(["never", "always"]).describe("always: a person agrees to each call.");

export const toolSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  name: nameSchema,
  description,
  parameters,
  code,
  approval,
  is_active: z.boolean().describe("Whether assistants that name it have it."),
  revision: z.int().describe("Counts changes; the ETag."),
  created_by: z.uuid().nullable(),
  created_at: time,
  updated_at: time,
}).meta({ id: "Tool", description: "What an assistant may call, beside the built-in tools." });

export const newToolSchema = z.strictObject({
  name: nameSchema,
  description,
  parameters: parameters.optional(),
  code,
  approval: approval.optional(),
  is_active: z.boolean().optional(),
});

export const toolChangeSchema = z.strictObject({
  description: description.optional(),
  parameters: parameters.optional(),
  code: code.optional(),
  approval: approval.optional(),
  is_active: z.boolean().optional(),
});

export const toolTestSchema = z.object({
  output: jsonSchema.optional().describe("What the tool returned."),
  error: z.object({
    code: z.string().describe("arguments_invalid, code_timeout, code_runtime …"),
    message: z.string(),
  }).optional().describe("Why it returned nothing: what a model would be told."),
  duration_ms: z.int(),
}).meta({ id: "ToolTest", description: "How a call of a tool ended." });
