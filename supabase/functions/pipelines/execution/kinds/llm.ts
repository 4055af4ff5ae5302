import { type Json, type JsonObject, parseJson } from "@shared/json.ts";
import type { BlockContext } from "../context.ts";
import { assertMatches } from "../json_schema.ts";
import { StepError } from "../step_error.ts";
import { llmContext, rethrowProviderError } from "./provider.ts";
import type { ModelOf } from "./specs.ts";

/** How much of a refusal is told, in characters. */
const REFUSAL_LENGTH = 500;

type Message = { role: "system" | "user" | "assistant"; content: string };

/**
 * A model's answer to the prompt and the input: text, or what `output_schema` asks for. An answer that
 * does not satisfy the schema is sent back once, with what is wrong with it.
 *
 * @throws {StepError} `output_invalid`, `answer_cut`, `answer_refused`, or what the provider failed with
 */
export async function askModel(
  spec: ModelOf<"llm">,
  input: Json,
  context: BlockContext,
): Promise<Json> {
  const messages = messagesFor(spec, input);
  const answer = await complete(spec, messages, context);
  const { output_schema } = spec;
  if (output_schema === undefined) return answer;
  try {
    return await readOutput(output_schema, answer);
  } catch (error) {
    if (!(error instanceof StepError) || error.code !== "output_invalid") throw error;
    const correction: Message[] = [
      { role: "assistant", content: answer },
      { role: "user", content: `${error.message}. Answer again, with the JSON alone.` },
    ];
    return await readOutput(
      output_schema,
      await complete(spec, [...messages, ...correction], context),
    );
  }
}

function messagesFor({ prompt, output_schema }: ModelOf<"llm">, input: Json): Message[] {
  // Not every provider knows response_format: all of them read.
  const wanted = output_schema === undefined
    ? ""
    : `\n\nAnswer with nothing but JSON that satisfies this JSON Schema:\n${
      JSON.stringify(output_schema)
    }`;
  const instruction = `${prompt}${wanted}`;
  if (input === null) return [{ role: "user", content: instruction }];
  const content = typeof input === "string" ? input : JSON.stringify(input);
  return [{ role: "system", content: instruction }, { role: "user", content }];
}

async function complete(
  { model, output_schema }: ModelOf<"llm">,
  messages: Message[],
  context: BlockContext,
): Promise<string> {
  const { prepareChat } = await import("@shared/llm/chat.ts");
  const request = { model, messages, ...responseFormat(output_schema) };
  try {
    const chat = await prepareChat(llmContext(context), request);
    const { message, finishReason } = await chat.complete();
    if (finishReason === "length") {
      throw new StepError({
        code: "answer_cut",
        message: `${model}'s answer is longer than it may be`,
      });
    }
    if (message.refusal !== undefined || finishReason === "content_filter") {
      const reason = message.refusal ?? "its provider's filter cut the answer";
      throw new StepError({
        code: "answer_refused",
        message: `${model} refused to answer: ${reason.slice(0, REFUSAL_LENGTH)}`,
      });
    }
    return message.content ?? "";
  } catch (error) {
    rethrowProviderError(error);
  }
}

/** Providers take objects alone. */
function responseFormat(schema: JsonObject | undefined): JsonObject {
  return schema?.type === "object"
    ? { response_format: { type: "json_schema", json_schema: { name: "output", schema } } }
    : {};
}

async function readOutput(schema: JsonObject, answer: string): Promise<Json> {
  const output = parseAnswer(answer);
  await assertMatches(schema, output, "output");
  return output;
}

/** Models like to put JSON into a block of code. */
function parseAnswer(answer: string): Json {
  const text = /^\s*```(?:json)?\s*([\s\S]*?)\s*```\s*$/.exec(answer)?.[1] ?? answer;
  try {
    return parseJson(text);
  } catch {
    throw new StepError({ code: "output_invalid", message: "The answer is not JSON" });
  }
}
