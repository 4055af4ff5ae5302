import { type JsonObject, jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** The most messages of a request. */
const MESSAGES = 2_000;
/** OpenAI's own limit. */
const TOOLS = 128;

const part = z.looseObject({ type: z.string().min(1).max(50) });
const text = z.union([z.string(), z.array(part).min(1)]);
const functionName = z.string().regex(
  /^[\w.-]{1,64}$/,
  "A name has 1 to 64 of a-z, A-Z, 0-9, _, . and -",
);

const toolCall = z.looseObject({ id: z.string().min(1), type: z.string() });

const message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.enum(["developer", "system", "user"]), content: text }),
  z.looseObject({
    role: z.literal("assistant"),
    content: text.nullish(),
    tool_calls: z.array(toolCall).min(1).nullish(),
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
      description: z.string().nullish(),
      parameters: z.record(z.string(), jsonSchema).nullish().describe(
        "A JSON Schema of an object.",
      ),
      strict: z.boolean().nullish(),
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
      strict: z.boolean().nullish(),
    }),
  }),
]);

const tokens = z.int().min(1).max(10_000_000).nullish();
const penalty = z.number().min(-2).max(2).nullish();

/** What `POST /v1/chat/completions` takes. Whatever else OpenAI or the provider knows is passed on. */
export const chatRequestSchema = z.looseObject({
  model: z.string().min(1).max(200).describe(
    "A model of a provider that you have: by itself, or as `<provider>/<model>`.",
  ),
  messages: z.array(message).min(1, "At least one message is needed").max(MESSAGES),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  n: z.int().min(1).max(128).nullish(),
  max_tokens: tokens,
  max_completion_tokens: tokens.describe(
    "The longest answer. With `max_tokens` too, the smaller one counts; without either it is 4,096. " +
      "An answer that is cut there has the `finish_reason` `length`.",
  ),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  tools: z.array(tool).min(1).max(TOOLS).nullish(),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    z.looseObject({
      type: z.string(),
      function: z.looseObject({ name: functionName }).optional(),
    }),
  ])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
  fallback_models: z.array(z.string().min(1).max(200)).max(3).optional().describe(
    "Models that stand in, in this order, when the one before fails and nothing of an answer has come.",
  ),
  conversation_id: z.union([z.uuid(), z.literal("new")]).optional().describe(
    "Where the turn is kept: then `messages` are the new ones alone. `new` begins a conversation.",
  ),
  assistant_id: z.uuid().optional().describe(
    "Who answers: with its own model, whatever `model` says, and its own tools.",
  ),
}).superRefine((request, { addIssue }) => {
  const wrong = (path: string, message: string) =>
    addIssue({ code: "custom", path: [path], message });
  const { stream, stream_options, logprobs, top_logprobs, tools, tool_choice } = request;
  if (stream_options && !stream) wrong("stream_options", "Only a stream has options");
  if (typeof top_logprobs === "number" && !logprobs) {
    wrong("top_logprobs", "It goes with logprobs: true");
  }
  if (tool_choice && !tools) wrong("tool_choice", "It goes with tools");
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

/** The JSON Schemas of a request, with their places in it: of what its functions take, and of the answer. */
export function schemasOf(
  { tools, response_format }: ChatCompletionRequest,
): { path: string; schema: JsonObject }[] {
  const parameters = (tools ?? []).flatMap((tool, index) =>
    tool.type === "function" && tool.function.parameters
      ? [{ path: `tools.${index}.function.parameters`, schema: tool.function.parameters }]
      : []
  );
  const ofAnswer = response_format?.type === "json_schema" && response_format.json_schema.schema;
  return ofAnswer
    ? [...parameters, { path: "response_format.json_schema.schema", schema: ofAnswer }]
    : parameters;
}
