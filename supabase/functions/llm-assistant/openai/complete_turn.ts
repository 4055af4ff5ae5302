import { isJsonObject, type JsonObject, parseJson } from "@shared/json.ts";
import { streamText } from "@shared/llm/wire_stream.ts";
import type { RouteContext } from "@shared/route.ts";
import { idempotencyKeyOf } from "../turn/idempotency_key.ts";
import { beginAnswer } from "../turn/keep_answer.ts";
import { type PreparedTurn, prepareTurn } from "../turn/prepare_turn.ts";
import { replayCompletion, replayStream } from "../turn/replay_turn.ts";
import { openAiMessage, openAiUsage, reportOf, type TurnReport } from "../turn/report.ts";
import { completeAnswer, streamAnswer, whereabouts } from "../turn/send_answer.ts";
import type { TurnRequest } from "../turn/turn_request.ts";
import type { ChatCompletionRequest } from "./chat_schema.ts";

/** Answers in OpenAI's format where more than a provider is asked: a conversation, or an assistant. */
export async function completeTurn(
  context: RouteContext<unknown, unknown, ChatCompletionRequest>,
): Promise<Response> {
  const { body, requestId } = context;
  const prepared = await prepareTurn(context, toTurn(body, idempotencyKeyOf(context)));
  const includeUsage = body.stream_options?.include_usage === true;
  const known = prepared.turn?.answer;
  if (known) {
    return body.stream
      ? replayStream(prepared, known, { includeUsage })
      : replayCompletion(prepared, known);
  }
  const answer = await beginAnswer(context, prepared);
  if (body.stream) {
    const { opening, headers } = streamAnswer(context, prepared, answer, { includeUsage });
    return await streamText(opening, { headers, requestId, abort: () => answer.giveUp() });
  }
  const { text, kept } = await completeAnswer(context, prepared, answer);
  const report = reportOf(answer.messages, prepared.tools);
  const whole = {
    ...ofProvider(text, prepared, report),
    usage: openAiUsage(report),
    ...whereabouts(prepared, kept),
  };
  return Response.json(whole, { headers: answer.headers });
}

/** What the provider said last; of the assistant's tools the client is told only the calls that wait. */
function ofProvider(text: string, { tools }: PreparedTurn, report: TurnReport): JsonObject {
  const completion = parseJson(text);
  if (!isJsonObject(completion)) return {};
  const [first] = Array.isArray(completion.choices) ? completion.choices : [];
  if (tools.length === 0 || !isJsonObject(first)) return completion;
  return { ...completion, choices: [{ ...first, message: openAiMessage(report) }] };
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
