import type { TextSource } from "@shared/llm/wire_stream.ts";
import type { RouteContext } from "@shared/route.ts";
import type { Message } from "../conversations/schemas.ts";
import { keepAnswer, keepFailure } from "./keep_answer.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import { openAiMessage, reportOf } from "./report.ts";
import type { TurnAnswer, Warning } from "./turn_answer.ts";
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

/** What the simple form tells of messages that are kept. */
export function simpleAnswer(
  { tools }: PreparedTurn,
  kept: Message[],
  warnings: readonly Warning[] = [],
) {
  const last = kept.at(-1);
  const report = reportOf(kept, tools);
  const { model, usage, cost } = report;
  return {
    id: last?.id,
    conversation_id: last?.conversation_id,
    message: openAiMessage(report),
    model,
    usage,
    cost,
    warnings,
    messages: kept,
  };
}

/** The answer in the simple form. */
export async function answerWhole(context: Context, prepared: PreparedTurn, answer: TurnAnswer) {
  const { kept } = await completeAnswer(context, prepared, answer);
  const { headers, warnings } = answer;
  return Response.json(simpleAnswer(prepared, kept, warnings), { headers });
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
    tools: prepared.tools,
    includeUsage,
    describe: (kept) => ({
      ...whereabouts(prepared, kept),
      ...(answer.warnings.length > 0 ? { warnings: answer.warnings } : {}),
    }),
    keep: () => keepAnswer(context, prepared, answer),
    keepFailure: (error) => keepFailure(context, prepared, answer, error),
  });
  return { opening, headers: answer.headers };
}
