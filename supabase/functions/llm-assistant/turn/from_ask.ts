import type { Ask } from "./ask_schema.ts";
import type { TurnRequest } from "./turn_request.ts";

/** The simple form of a request, as a turn. */
export function fromAsk(ask: Ask, idempotencyKey: string | undefined): TurnRequest {
  const { messages, model, temperature, maxTokens, stream, assistantId, context } = ask;
  const { projectId, tableId, columnId } = context ?? {};
  return {
    messages,
    model,
    fields: {
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    },
    stream,
    assistantId,
    focus: projectId === undefined ? undefined : { projectId, tableId, columnId },
    conversation: {
      id: ask.conversationId,
      parentId: ask.parentId,
      regenerateId: ask.regenerateId,
      context: context && {
        ...(tableId === undefined ? {} : { tableId }),
        ...(columnId === undefined ? {} : { columnId }),
      },
      idempotencyKey,
      approvals: ask.toolApprovals &&
        new Map(ask.toolApprovals.map(({ toolCallId, approved }) => [toolCallId, approved])),
    },
  };
}
