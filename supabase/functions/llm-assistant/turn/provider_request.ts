import { ApiError } from "@shared/errors.ts";
import { defaultModel, resolveModel } from "@shared/llm/resolve.ts";
import type { Source } from "@shared/llm/sources.ts";
import type { AssistantForUse } from "../assistants/load_assistant.ts";
import type { ConversationSettings } from "../conversations/schemas.ts";
import { describeTools } from "./tool_rounds.ts";
import type { TurnRequest } from "./turn_request.ts";

/** A request in OpenAI's format. The messages come later: they grow with each round of tools. */
export type ProviderRequest = { model: string; [field: string]: unknown };

/** What a caller may set of an assistant's call: nothing that it was not approved with. */
const SETTABLE = new Set([
  "frequency_penalty",
  "logit_bias",
  "max_completion_tokens",
  "max_tokens",
  "presence_penalty",
  "reasoning_effort",
  "response_format",
  "seed",
  "stop",
  "temperature",
  "top_p",
  "user",
  "verbosity",
]);

/**
 * What a provider is asked, but for the messages. An assistant answers as it was approved: with its own
 * model, prompt and tools.
 *
 * @throws {ApiError} `validation_failed` for what can't be set of an assistant; `provider_not_configured`,
 *   `model_not_found`
 */
export function providerRequest(
  { messages, model, fields, stream }: TurnRequest,
  assistant: AssistantForUse | undefined,
  settings: ConversationSettings,
  sources: readonly Source[],
): ProviderRequest {
  const chosen = assistant?.model ?? model ?? settings.model ?? defaultModel(sources, "chat");
  resolveModel(sources, chosen);
  if (!assistant) return { ...settings, ...fields, model: chosen, stream };
  const system = messages.findIndex(({ role }) => role === "system" || role === "developer");
  if (system >= 0) {
    const message = "An assistant answers as it was approved: it takes no other instructions";
    throw new ApiError("validation_failed", message, {
      errors: [{ path: `messages.${system}.role`, message }],
    });
  }
  const extra = Object.keys(fields).find((name) => !SETTABLE.has(name));
  if (extra !== undefined) {
    const message = `An assistant answers as it was approved: ${extra} can't be set`;
    throw new ApiError("validation_failed", message, { errors: [{ path: extra, message }] });
  }
  const { max_tokens: wanted, max_completion_tokens: alike, ...others } = fields;
  const limits = [assistant.max_tokens, wanted, alike].filter((each) => typeof each === "number");
  return {
    temperature: assistant.temperature,
    ...others,
    max_tokens: Math.min(...limits),
    model: chosen,
    stream,
    ...(assistant.tools.length > 0 ? { tools: describeTools(assistant.tools) } : {}),
  };
}
