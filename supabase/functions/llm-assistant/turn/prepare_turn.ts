import type { DatabaseClient } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { sha256Hex } from "@shared/hash.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { defaultModel, resolveModel } from "@shared/llm/resolve.ts";
import { readSources, type Source } from "@shared/llm/sources.ts";
import type { RouteContext } from "@shared/route.ts";
import { type AssistantForUse, loadAssistant } from "../assistants/load_assistant.ts";
import { type Focus, readProjectSchema } from "../context/project_schema.ts";
import { describeSchema } from "../context/schema_prompt.ts";
import { checkStorable } from "../conversations/storable.ts";
import { beginTurn, hasTurn, type NewMessage, type Turn } from "../conversations/turns.ts";
import { callContext } from "../openai/call_context.ts";
import { TOOL_LIMITS } from "../tools/execute_tool.ts";
import { TOOL_RESULT_RULE } from "../tools/run_tool.ts";
import type { Tool, ToolContext } from "../tools/tool.ts";
import { decideCalls, decideOnce, nothingWaits } from "./approvals.ts";
import { type KeptConversation, readConversation } from "./kept_conversation.ts";
import { describeTools } from "./tool_rounds.ts";
import type { TurnRequest } from "./turn_request.ts";
import { toNewMessage, toWire, type WireMessage } from "./wire_messages.ts";

/** A turn with all that its answer needs. */
export type PreparedTurn = {
  llm: LlmContext;
  sources: readonly Source[];
  /** Without the messages: those grow with each round of tools. */
  request: { model: string; [field: string]: unknown };
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
  const request = { ...askedOf(asked, assistant, kept, sources), ...toolFields(tools) };
  // Said before anything is kept.
  resolveModel(sources, request.model);
  const toolContext = {
    database,
    caller,
    organizationId,
    codeTime: { leftMs: TOOL_LIMITS.turnMs },
  };
  const fingerprint = await sha256Hex(JSON.stringify(context.body));
  const turn = asked.conversation &&
    await keepTurn({ ...asked, assistantId: assistant?.id }, fingerprint, kept, tools, toolContext);
  if (turn?.in_flight) {
    throw new ApiError("request_in_flight", "Another request with this key is at it: try later", {
      headers: { "retry-after": "1" },
    });
  }
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

/** An assistant answers as it was approved: with its own model and tools. */
function askedOf(
  { messages, model, fields, stream }: TurnRequest,
  assistant: AssistantForUse | undefined,
  kept: KeptConversation | undefined,
  sources: readonly Source[],
): PreparedTurn["request"] {
  const { model: usual, ...settings } = kept?.settings ?? {};
  const chosen = assistant?.model ?? model ?? usual ?? defaultModel(sources, "chat");
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
  };
}

const toolFields = (tools: readonly Tool[]) =>
  tools.length > 0 ? { tools: describeTools(tools) } : {};

async function keepTurn(
  { messages, conversation, assistantId, focus }: TurnRequest,
  fingerprint: string,
  kept: KeptConversation | undefined,
  tools: readonly Tool[],
  context: ToolContext,
): Promise<Turn> {
  const { id, parentId, regenerateId, approvals, idempotencyKey, ...given } = conversation ?? {};
  const { database, organizationId } = context;
  const said = messages.map(toNewMessage);
  // Said before an approved tool runs.
  checkStorable(said);
  const begin = (decided: NewMessage[] = []) =>
    beginTurn(database, {
      organization_id: organizationId,
      conversation_id: id,
      assistant_id: assistantId,
      project_id: focus?.projectId,
      context: given.context,
      parent_id: parentId,
      regenerate_id: regenerateId,
      messages: [...decided, ...said],
      idempotency_key: idempotencyKey,
      fingerprint,
    });
  if (approvals === undefined) return await begin();
  // A request that came before has stored its messages already: what was decided on is not run again.
  if (idempotencyKey !== undefined && await hasTurn(database, organizationId, idempotencyKey)) {
    return await begin([{ role: "tool", content: "", tool_call_id: "decided" }]);
  }
  const leafId = kept?.current_message_id;
  if (!leafId) throw nothingWaits();
  return await decideOnce(
    database,
    leafId,
    async () => await begin(await decideCalls(database, leafId, approvals, tools, context)),
  );
}
