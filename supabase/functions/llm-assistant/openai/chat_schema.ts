import { type JsonObject, jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** The most messages of a request. */
const MESSAGES = 2_000;
/** OpenAI's own limit. */
const TOOLS = 128;

const nullish = <S extends z.ZodType>(schema: S) => schema.nullish();

const part = z.looseObject({ type: z.string().min(1).max(50) });
const text = z.union([z.string(), z.array(part).min(1)]);
const functionName = z.string().regex(
  /^[\w.-]{1,64}$/,
  "A name has 1 to 64 of a-z, A-Z, 0-9, _ and -",
);

const toolCall = z.looseObject({ id: z.string().min(1), type: z.string() });

const message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.enum(["developer", "system", "user"]), content: text }),
  z.looseObject({
    role: z.literal("assistant"),
    content: text.nullish(),
    tool_calls: nullish(z.array(toolCall).min(1)),
  }).refine(
    ({ content, tool_calls, function_call, refusal, audio }) =>
      [content, tool_calls, function_call, refusal, audio].some((given) =>
        given !== undefined && given !== null
      ),
    { path: ["content"], message: "An assistant's message has content or tool_calls" },
  ),
  z.looseObject({ role: z.literal("tool"), content: text, tool_call_id: z.string().min(1) }),
  z.looseObject({ role: z.literal("function"), name: functionName, content: text.nullish() }),
]).describe("As OpenAI has it; content is text, or a list of parts.");

const tool = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("function"),
    function: z.looseObject({
      name: functionName,
      description: nullish(z.string()),
      parameters: nullish(z.record(z.string(), jsonSchema)).describe("A JSON Schema of an object."),
      strict: nullish(z.boolean()),
    }),
  }),
  z.looseObject({ type: z.literal("custom"), custom: z.looseObject({ name: functionName }) }),
]);

const responseFormat = z.discriminatedUnion("type", [
  z.looseObject({ type: z.enum(["text", "json_object"]) }),
  z.looseObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({
      name: functionName,
      schema: z.record(z.string(), jsonSchema).optional(),
      strict: nullish(z.boolean()),
    }),
  }),
]);

const tokens = nullish(z.int().min(1).max(10_000_000));
const penalty = nullish(z.number().min(-2).max(2));

/** What `POST /v1/chat/completions` takes. Whatever else OpenAI or the provider knows is passed on. */
export const chatRequestSchema = z.looseObject({
  model: z.string().min(1).max(200).describe(
    "A model of a provider that you have: by itself, or as `<provider>/<model>`.",
  ),
  messages: z.array(message).min(1, "At least one message is needed").max(MESSAGES),
  stream: nullish(z.boolean()),
  stream_options: nullish(z.looseObject({ include_usage: nullish(z.boolean()) })),
  temperature: nullish(z.number().min(0).max(2)),
  top_p: nullish(z.number().min(0).max(1)),
  n: nullish(z.int().min(1).max(128)),
  max_tokens: tokens,
  max_completion_tokens: tokens.describe(
    "The longest answer. With `max_tokens` too, the smaller one counts; without either it is 4,096. " +
      "An answer that is cut there has the `finish_reason` `length`.",
  ),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logprobs: nullish(z.boolean()),
  top_logprobs: nullish(z.int().min(0).max(20)),
  stop: nullish(z.union([z.string(), z.array(z.string()).max(4)])),
  tools: nullish(z.array(tool).min(1).max(TOOLS)),
  tool_choice: nullish(
    z.union([z.enum(["none", "auto", "required"]), z.looseObject({ type: z.string() })]),
  ),
  parallel_tool_calls: nullish(z.boolean()),
  response_format: nullish(responseFormat),
  fallback_models: z.array(z.string().min(1).max(200)).max(3).optional().describe(
    "Models that stand in, in this order, when the one before fails and nothing of an answer has come.",
  ),
  conversation_id: z.union([z.uuid(), z.literal("new")]).optional().describe(
    "Where the turn is kept: then `messages` are the new ones alone. `new` begins a conversation.",
  ),
  assistant_id: z.uuid().optional().describe(
    "Who answers: with its own model, whatever `model` says, and its own tools.",
  ),
}).meta({
  id: "ChatCompletionRequest",
  description: "OpenAI's request, and `fallback_models`, `conversation_id` and `assistant_id`.",
});

/** See {@link chatRequestSchema}. */
export type ChatCompletionRequest = z.output<typeof chatRequestSchema>;

const usageSchema = z.looseObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
});

/** What it answers with, when it isn't streamed. */
export const chatCompletionSchema = z.looseObject({
  id: z.string(),
  object: z.string(),
  created: z.number(),
  model: z.string(),
  choices: z.array(z.looseObject({
    index: z.int(),
    message: z.looseObject({ role: z.string(), content: z.string().nullish() }),
    finish_reason: z.string().nullable(),
  })),
  usage: usageSchema.nullish(),
}).meta({ id: "ChatCompletion", description: "OpenAI's answer." });

/** The parameters of the functions that a request offers, with their places in it. */
export function functionParameters(
  { tools }: ChatCompletionRequest,
): { path: string; parameters: JsonObject }[] {
  return (tools ?? []).flatMap((tool, index) =>
    tool.type === "function" && tool.function.parameters
      ? [{ path: `tools.${index}.function.parameters`, parameters: tool.function.parameters }]
      : []
  );
}
