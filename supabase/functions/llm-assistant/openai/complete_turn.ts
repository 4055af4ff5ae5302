import { isJsonObject, parseJson } from "@shared/json.ts";
import { streamText } from "@shared/llm/wire_stream.ts";
import type { RouteContext } from "@shared/route.ts";
import { idempotencyKeyOf } from "../turn/idempotency_key.ts";
import { beginAnswer } from "../turn/keep_answer.ts";
import { prepareTurn } from "../turn/prepare_turn.ts";
import { replayCompletion, replayStream } from "../turn/replay_turn.ts";
import { completeAnswer, streamAnswer, whereabouts } from "../turn/send_answer.ts";
import type { TurnRequest } from "../turn/turn_request.ts";
import { openAiUsage } from "../turn/turn_stream.ts";
import type { ChatCompletionRequest } from "./chat_schema.ts";

/** Answers in OpenAI's format where more than a provider is asked: a conversation, or an assistant. */
export async function completeTurn(
  context: RouteContext<unknown, unknown, ChatCompletionRequest>,
): Promise<Response> {
  const { body, database, requestId } = context;
  const prepared = await prepareTurn(context, toTurn(body, idempotencyKeyOf(context)));
  const { turn } = prepared;
  if (turn?.answer) return body.stream ? replayStream(turn) : replayCompletion(turn);
  const answer = await beginAnswer(database, prepared);
  if (body.stream) {
    const includeUsage = body.stream_options?.include_usage === true;
    const { opening, headers } = streamAnswer(context, prepared, answer, { includeUsage });
    return await streamText(opening, { headers, requestId, abort: () => answer.giveUp() });
  }
  const { text, kept } = await completeAnswer(context, prepared, answer);
  const completion = parseJson(text);
  const whole = {
    ...(isJsonObject(completion) ? completion : {}),
    usage: openAiUsage(answer),
    ...whereabouts(prepared, kept),
  };
  return Response.json(whole, { headers: answer.headers });
}

function toTurn(body: ChatCompletionRequest, idempotencyKey: string | undefined): TurnRequest {
  const { model, messages, stream, stream_options: _, conversation_id, assistant_id, ...fields } =
    body;
  return {
    messages,
    model,
    fields,
    stream: stream === true,
    assistantId: assistant_id,
    conversation: conversation_id === undefined
      ? undefined
      : { id: conversation_id === "new" ? undefined : conversation_id, idempotencyKey },
  };
}
