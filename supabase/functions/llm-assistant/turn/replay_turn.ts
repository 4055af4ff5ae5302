import type { Message } from "../conversations/schemas.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import { lastChunk, openAiDelta, openAiMessage, openAiUsage, reportOf } from "./report.ts";
import { simpleAnswer, whereabouts } from "./send_answer.ts";

/** The answer that an Idempotency-Key got before, once more. Nothing is asked of a provider. */

const REPLAYED = { "idempotent-replayed": "true" };

/** In the simple form. */
export const replayTurn = (prepared: PreparedTurn, kept: Message[]): Response =>
  Response.json(simpleAnswer(prepared, kept), { headers: REPLAYED });

/** In OpenAI's format. */
export function replayCompletion(prepared: PreparedTurn, kept: Message[]): Response {
  const report = reportOf(kept, prepared.tools);
  const { finishReason } = report;
  const value = {
    ...headOf(prepared, kept, "chat.completion"),
    choices: [{ index: 0, message: openAiMessage(report), finish_reason: finishReason }],
    usage: openAiUsage(report),
    ...whereabouts(prepared, kept),
  };
  return Response.json(value, { headers: REPLAYED });
}

/** As a stream: the whole in one chunk. */
export function replayStream(
  prepared: PreparedTurn,
  kept: Message[],
  { includeUsage }: { includeUsage: boolean },
): Response {
  const report = reportOf(kept, prepared.tools);
  const head = headOf(prepared, kept, "chat.completion.chunk");
  const choice = { index: 0, delta: openAiDelta(report), finish_reason: report.finishReason };
  const last = { ...head, ...lastChunk(report, includeUsage), ...whereabouts(prepared, kept) };
  const chunks = [{ ...head, choices: [choice] }, last];
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  return new Response(`${text}data: [DONE]\n\n`, {
    headers: { ...REPLAYED, "content-type": "text/event-stream; charset=utf-8" },
  });
}

function headOf({ request }: PreparedTurn, kept: Message[], object: string) {
  const last = kept.at(-1);
  return {
    id: `chatcmpl-${last?.id}`,
    object,
    created: Math.floor(Date.parse(last?.created_at ?? "") / 1000),
    model: last?.model ?? request.model,
  };
}
