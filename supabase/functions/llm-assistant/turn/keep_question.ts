import { ApiError } from "@shared/errors.ts";
import { checkStorable } from "../conversations/storable.ts";
import { beginTurn, hasTurn, type NewMessage, type Turn } from "../conversations/turns.ts";
import type { Tool, ToolContext } from "../tools/tool.ts";
import { decideCalls, decideOnce, nothingWaits } from "./approvals.ts";
import type { KeptConversation } from "./kept_conversation.ts";
import type { TurnRequest } from "./turn_request.ts";
import { toNewMessage } from "./wire_messages.ts";

/**
 * Keeps what the user says, and what they have decided on: approved tools run first, so that their results
 * are kept with it.
 *
 * @param fingerprint SHA-256 of the request, which its Idempotency-Key stands for
 * @param kept where the conversation stands
 * @throws {ApiError} `validation_failed`, `conflict`, `request_in_flight`, and what `beginTurn` refuses
 */
export async function keepQuestion(
  { messages, conversation = {}, assistantId, focus }: TurnRequest,
  fingerprint: string,
  kept: KeptConversation | undefined,
  tools: readonly Tool[],
  context: ToolContext,
): Promise<Turn> {
  const { id, parentId, regenerateId, approvals, idempotencyKey, ...given } = conversation;
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
  if (approvals === undefined) return free(await begin());
  // A request that came before has stored its messages already: what was decided on is not run again.
  if (idempotencyKey !== undefined && await hasTurn(database, organizationId, idempotencyKey)) {
    return free(await begin([{ role: "tool", content: "", tool_call_id: "decided" }]));
  }
  const leafId = kept?.current_message_id;
  if (!leafId) throw nothingWaits();
  return await decideOnce(
    database,
    leafId,
    async () => await begin(await decideCalls(database, leafId, approvals, tools, context)),
  );
}

/** A turn that no other request is at. */
function free(turn: Turn): Turn {
  if (!turn.in_flight) return turn;
  throw new ApiError("request_in_flight", "Another request with this key is at it: try later", {
    headers: { "retry-after": "1" },
  });
}
