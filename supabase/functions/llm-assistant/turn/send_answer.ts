import type { TextSource } from "@shared/llm/wire_stream.ts";
import type { RouteContext } from "@shared/route.ts";
import type { Message } from "../conversations/schemas.ts";
import { keepAnswer, keepFailure } from "./keep_answer.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import type { TurnAnswer } from "./turn_answer.ts";
import { openTurnStream } from "./turn_stream.ts";

type Context = RouteContext<unknown, unknown, unknown>;

/** Where a kept answer is, for the client. */
export const whereabouts = ({ turn }: PreparedTurn, kept: Message[]) =>
  turn ? { conversation_id: turn.conversation.id, message_id: kept.at(-1)?.id ?? null } : {};

/** Completes all rounds and keeps them. @throws {ApiError} what a call fails with; what came is kept */
export async function completeAnswer(
  context: Context,
  prepared: PreparedTurn,
  answer: TurnAnswer,
): Promise<{ text: string; kept: Message[] }> {
  try {
    const text = await answer.complete();
    return { text, kept: await keepAnswer(context, prepared, answer) };
  } catch (error) {
    await keepFailure(context, prepared, answer, error);
    throw error;
  }
}

/** The answer in the simple form. */
export async function answerWhole(context: Context, prepared: PreparedTurn, answer: TurnAnswer) {
  const { kept } = await completeAnswer(context, prepared, answer);
  const { usage: { cost, ...usage }, result, waiting, headers, warnings } = answer;
  const last = kept.at(-1);
  const value = {
    id: last?.id,
    conversation_id: last?.conversation_id,
    message: {
      role: "assistant",
      content: last?.content ?? "",
      ...(waiting.length > 0 ? { tool_calls: waiting } : {}),
    },
    model: result?.model ?? null,
    usage,
    cost,
    warnings,
    messages: kept,
  };
  return Response.json(value, { headers });
}

/** The answer as a stream of OpenAI's chunks. */
export function streamAnswer(
  context: Context,
  prepared: PreparedTurn,
  answer: TurnAnswer,
  { includeUsage }: { includeUsage: boolean },
): { opening: Promise<TextSource>; headers: Record<string, string> } {
  const opening = openTurnStream({
    answer,
    hasTools: prepared.tools.length > 0,
    includeUsage,
    describe: (kept) => ({ ...whereabouts(prepared, kept), cost: answer.usage.cost }),
    keep: () => keepAnswer(context, prepared, answer),
    keepFailure: (error) => keepFailure(context, prepared, answer, error),
  });
  return { opening, headers: answer.headers };
}
