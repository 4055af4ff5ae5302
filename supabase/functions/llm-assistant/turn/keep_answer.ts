import type { DatabaseClient } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { describeError, log } from "@shared/log.ts";
import type { RouteContext } from "@shared/route.ts";
import type { Message } from "../conversations/schemas.ts";
import { discardTurn, finishTurn, type Turn } from "../conversations/turns.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import { makeTitle, titleOf } from "./titles.ts";
import { TurnAnswer } from "./turn_answer.ts";

/** Keeping the answer of a turn, whatever became of it. */

type Connection = Pick<RouteContext<unknown, unknown, unknown>, "reconnect" | "service">;

/**
 * Holds the turn's first call. What is refused leaves nothing behind.
 *
 * @throws {ApiError} as `prepareChat`
 */
export async function beginAnswer(
  database: DatabaseClient,
  prepared: PreparedTurn,
): Promise<TurnAnswer> {
  try {
    return await TurnAnswer.begin(prepared);
  } catch (error) {
    const { turn } = prepared;
    // Tools that a person has approved have run: their results stay.
    const isFree = turn?.is_new && turn.history.at(-1)?.role !== "tool";
    if (isFree && error instanceof ApiError && error.status < 500) {
      await discardTurn(database, turn.turn_id);
    }
    throw error;
  }
}

/**
 * Keeps what came, once. The conversation gets its title after its first turn.
 *
 * @returns the messages as they are stored; none for a turn that is not kept
 */
export async function keepAnswer(
  connection: Connection,
  prepared: PreparedTurn,
  { messages }: TurnAnswer,
): Promise<Message[]> {
  const { turn } = prepared;
  if (!turn) return [];
  const isFirst = turn.conversation.title === null && messages.length > 0;
  const title = isFirst ? titleOf(turn.history) : undefined;
  // The token may have ended while the answer came; the answer is the user's all the same.
  const database = await connection.reconnect().catch(() => connection.service());
  const finished = await finishTurn(database, { turn_id: turn.turn_id, messages, title });
  if (title !== undefined && finished.is_new) makeTitle(database, prepared, title);
  return finished.messages;
}

/** The same for an answer that failed: it never fails itself. */
export async function keepFailure(
  connection: Connection,
  prepared: PreparedTurn,
  answer: TurnAnswer,
  error: unknown,
): Promise<void> {
  const { messages } = answer;
  // Results of tools without an answer to them are kept as one that failed.
  if (messages.at(-1)?.role === "tool") {
    const error_code = error instanceof ApiError ? error.code : "internal_error";
    messages.push({ role: "assistant", content: "", status: "failed", metadata: { error_code } });
  }
  await keepAnswer(connection, prepared, answer).catch((failure) =>
    log("error", { turn: "not kept", error: describeError(failure) })
  );
}

/** The answer that an Idempotency-Key got before, if this is a retry. */
export const storedAnswer = (turn: Turn | undefined): Message | undefined => turn?.answer?.at(-1);
