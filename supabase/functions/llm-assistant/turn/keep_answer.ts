import type { DatabaseClient } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { describeError, log } from "@shared/log.ts";
import type { RouteContext } from "@shared/route.ts";
import type { Message } from "../conversations/schemas.ts";
import { discardTurn, finishTurn } from "../conversations/turns.ts";
import type { PreparedTurn } from "./prepare_turn.ts";
import { makeTitle, titleOf } from "./titles.ts";
import { TurnAnswer } from "./turn_answer.ts";

/** Keeping the answer of a turn, whatever became of it. */

type Connection = Pick<
  RouteContext<unknown, unknown, unknown>,
  "database" | "reconnect" | "service"
>;

/**
 * Holds the turn's first call. What is refused leaves nothing behind.
 *
 * @throws {ApiError} as `prepareChat`
 */
export async function beginAnswer(
  connection: Connection,
  prepared: PreparedTurn,
): Promise<TurnAnswer> {
  try {
    return await TurnAnswer.begin(prepared);
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) await takeBack(connection, prepared);
    throw error;
  }
}

/**
 * Takes back what a refused turn has stored, but the results of tools that a person has approved.
 *
 * @returns whether it is gone
 */
async function takeBack(connection: Connection, { turn, hasRunTools }: PreparedTurn) {
  if (!turn?.is_new || hasRunTools) return false;
  return await persist(connection, (database) => discardTurn(database, turn.turn_id));
}

/** The token may have ended while the answer came; the answer is the user's all the same. */
async function persist<T>(
  { database, reconnect, service }: Connection,
  work: (database: DatabaseClient) => Promise<T>,
): Promise<T> {
  try {
    return await work(database);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "invalid_token")) throw error;
    return await work(await reconnect().catch(() => service()));
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
  return await persist(connection, async (database) => {
    const finished = await finishTurn(database, { turn_id: turn.turn_id, messages, title });
    if (title !== undefined && finished.is_new) makeTitle(database, prepared, title);
    return finished.messages;
  });
}

/**
 * The same for an answer that failed: it never fails itself. Of a request that the provider refused, as
 * of any bad input, nothing is kept.
 */
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
  const isRefused = error instanceof ProviderFailure && error.wire !== undefined;
  try {
    if (isRefused && messages.length === 0 && await takeBack(connection, prepared)) return;
    await keepAnswer(connection, prepared, answer);
  } catch (failure) {
    log("error", { turn: "not kept", error: describeError(failure) });
  }
}
