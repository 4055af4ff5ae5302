import type { DatabaseClient } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { sha256Hex } from "@shared/hash.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { readSources, type Source } from "@shared/llm/sources.ts";
import type { RouteContext } from "@shared/route.ts";
import { type AssistantForUse, loadAssistant } from "../assistants/load_assistant.ts";
import { type Focus, readProjectSchema } from "../context/project_schema.ts";
import { describeSchema } from "../context/schema_prompt.ts";
import type { Turn } from "../conversations/turns.ts";
import { callContext } from "../openai/call_context.ts";
import { TOOL_LIMITS } from "../tools/execute_tool.ts";
import { TOOL_RESULT_RULE } from "../tools/run_tool.ts";
import type { Tool, ToolContext } from "../tools/tool.ts";
import { keepQuestion } from "./keep_question.ts";
import { readConversation } from "./kept_conversation.ts";
import { type ProviderRequest, providerRequest } from "./provider_request.ts";
import type { TurnRequest } from "./turn_request.ts";
import { toWire, type WireMessage } from "./wire_messages.ts";

/** A turn with all that its answer needs. */
export type PreparedTurn = {
  llm: LlmContext;
  sources: readonly Source[];
  request: ProviderRequest;
  messages: WireMessage[];
  /** The assistant's: called here, in place of the client. */
  tools: readonly Tool[];
  /** For the next round of tools: the credential is checked again, and its token is a new one. */
  toolContext(): Promise<ToolContext>;
  /** What the database keeps of it so far. */
  turn?: Turn;
  /** Tools that a person has approved have run for it. */
  hasRunTools: boolean;
};

/**
 * Reads what a turn stands on, each as the caller, and keeps what the user says. What the caller does
 * not see is refused before anything is kept, and before any provider is called.
 *
 * @throws {ApiError} `not_found` for an assistant, conversation, project … that the caller doesn't see,
 *   `assistant_not_approved`, `conversation_archived`, `provider_not_configured` …
 */
export async function prepareTurn(
  context: RouteContext<unknown, unknown, unknown>,
  asked: TurnRequest,
): Promise<PreparedTurn> {
  const { database, caller } = context;
  const base = await callContext(context);
  const { organizationId } = base;
  const reading = readConversation(database, base, asked.conversation?.id);
  // What the request names itself needn't wait for what the conversation was about.
  const loading = Promise.resolve(asked.assistantId ?? reading.then((kept) => kept?.assistant_id))
    .then((id) => id ? loadOwn(context, organizationId, id) : undefined);
  const describing = Promise.resolve(asked.focus ?? reading.then((kept) => kept?.focus))
    .then((focus) => focus && describeFocus(database, organizationId, focus));
  const [kept, all, assistant, schema] = await Promise.all([
    reading,
    readSources(base),
    loading,
    describing,
  ]);
  // Nobody reads the prompt of another's public assistant, nor does a server of theirs.
  const sources = assistant?.is_foreign ? all.filter((source) => !source.isTenantAddress) : all;
  const tools = assistant?.tools ?? [];
  const request = providerRequest(asked, assistant, kept?.settings ?? {}, sources);
  const toolContext = {
    database,
    caller,
    organizationId,
    codeTime: { leftMs: TOOL_LIMITS.turnMs },
  };
  const fingerprint = await sha256Hex(JSON.stringify(context.body));
  const turn = asked.conversation &&
    await keepQuestion(
      { ...asked, assistantId: assistant?.id },
      fingerprint,
      kept,
      tools,
      toolContext,
    );
  const instructions = [
    assistant?.prompt,
    tools.length > 0 && TOOL_RESULT_RULE,
    schema,
  ].filter((text) => typeof text === "string" && text !== "").join("\n\n");
  return {
    llm: { ...base, assistantId: assistant?.id, conversationId: turn?.conversation.id },
    sources,
    request,
    messages: [
      ...(instructions === "" ? [] : [{ role: "system", content: instructions }]),
      ...(turn ? toWire(turn.history) : asked.messages),
    ],
    tools,
    toolContext: async () => ({ ...toolContext, database: await context.reconnect() }),
    turn,
    hasRunTools: asked.conversation?.approvals !== undefined,
  };
}

const describeFocus = async (database: DatabaseClient, organizationId: string, focus: Focus) =>
  describeSchema(await readProjectSchema(database, organizationId, focus), focus);

/** Of one's own organizations' assistants, those of the one that one works in. */
async function loadOwn(
  context: RouteContext<unknown, unknown, unknown>,
  organizationId: string,
  id: string,
): Promise<AssistantForUse> {
  const assistant = await loadAssistant(context, id);
  if (assistant.is_foreign || assistant.organization_id === organizationId) return assistant;
  throw new ApiError("not_found", `No assistant with id ${id}`);
}
