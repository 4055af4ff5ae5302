import { type DatabaseClient, unwrap } from "@shared/database.ts";
import type { Json, JsonObject } from "@shared/json.ts";
import { z } from "zod";
import { conversationSchema, messageSchema } from "./schemas.ts";
import { fitContent, storable } from "./storable.ts";

/**
 * A turn: what the user says, stored at once, and its answer, stored as a whole at its end.
 *
 * ```ts
 * const turn = await beginTurn(database, { organization_id, messages: [{ role: "user", content: "Hi" }] });
 * if (turn.answer) return turn.answer; // this Idempotency-Key was answered before
 * await finishTurn(database, { turn_id: turn.turn_id, messages: [{ role: "assistant", content }] });
 * ```
 */

/** A message that the client brings. */
export type NewMessage = {
  role: "system" | "user" | "assistant" | "tool";
  content?: string | null;
  /** OpenAI's content parts, where they are not plain text; `content` is their text then. */
  parts?: Json[] | null;
  tool_calls?: Json[] | null;
  tool_call_id?: string | null;
  metadata?: JsonObject;
};

/** A message of an answer, with what it took. Costs are US dollars, times milliseconds. */
export type AnswerMessage = NewMessage & {
  role: "assistant" | "tool";
  model?: string | null;
  provider?: string | null;
  input_tokens?: number | null;
  cached_tokens?: number | null;
  output_tokens?: number | null;
  reasoning_tokens?: number | null;
  /** null where no price is known. */
  cost?: number | null;
  response_time_ms?: number | null;
  /** complete unless told. */
  status?: "complete" | "partial" | "failed";
};

export type BeginTurn = {
  organization_id: string;
  /** The conversation to go on with; a new one is made without it. */
  conversation_id?: string;
  /** Of a new conversation; given for an old one, they replace what it had. */
  assistant_id?: string;
  project_id?: string;
  context?: JsonObject;
  /**
   * The message that the new ones follow: an older one makes a branch (an edit is a sibling: the edited
   * message's parent), null begins again from nothing. Without it they follow the current branch.
   */
  parent_id?: string | null;
  /** An assistant's message to answer anew; `messages` is empty then. */
  regenerate_id?: string;
  messages: NewMessage[];
  idempotency_key?: string;
  /** SHA-256 of the client's request: what a key stands for; without it, that of all the above. */
  fingerprint?: string;
};

const turnSchema = z.object({
  turn_id: z.uuid(),
  conversation: conversationSchema,
  history: z.array(messageSchema),
  omitted_count: z.int(),
  leaf_id: z.uuid(),
  answer: z.array(messageSchema).nullable(),
  is_new: z.boolean(),
  in_flight: z.boolean(),
});

/**
 * A turn as begun.
 *
 * - `history`: what the model is to answer, first message first, the new ones last. The oldest are left
 *   out where it passes 4 MiB (never a system message that begins it); `omitted_count` says how many.
 * - `leaf_id`: the message that the answer follows.
 * - `answer`: the stored answer, where this Idempotency-Key was answered before.
 * - `is_new`: false where this Idempotency-Key has come before: nothing was stored now.
 * - `in_flight`: another request with this key works on it still (409 `request_in_flight`); false again
 *   150 s after it began, so that a killed function's turn is taken over.
 */
export type Turn = z.infer<typeof turnSchema>;

/**
 * Stores what the user says, and returns what to answer. All or nothing.
 *
 * @throws {ApiError} `not_found` for a conversation, message, project or assistant that the caller does
 *   not see (another's conversation is never theirs to go on with), `conversation_archived`,
 *   `idempotency_key_reused` for another request with the same key, `validation_failed`
 */
export async function beginTurn(database: DatabaseClient, request: BeginTurn): Promise<Turn> {
  const answer = await unwrap(database.rpc("begin_turn", { request: storable(request) }));
  return turnSchema.parse(answer);
}

/** Whether a request with this Idempotency-Key has come before. */
export async function hasTurn(
  database: DatabaseClient,
  organization_id: string,
  idempotency_key: string,
): Promise<boolean> {
  const rows = await unwrap(
    database.from("conversation_turns").select("id").match({ organization_id, idempotency_key }),
  );
  return rows.length > 0;
}

export type FinishTurn = {
  /** {@link Turn}'s. */
  turn_id: string;
  /**
   * The answer, each message the next one's parent. None: nothing came, so the turn stays open and a
   * retry with its Idempotency-Key may begin at once.
   */
  messages: AnswerMessage[];
  /** Names the conversation, unless it has a title already. */
  title?: string;
};

const finishedSchema = z.object({
  messages: z.array(messageSchema),
  is_new: z.boolean(),
});

/** The stored answer; `is_new` is false where an earlier finish of the same turn had stored its own. */
export type FinishedTurn = z.infer<typeof finishedSchema>;

/**
 * Stores the answer: once a turn, however often it is called. An answer whose last message is `failed`
 * may be followed by another one beside it, when the key is tried again.
 *
 * The caller's token may have ended while the answer streamed: pass `await context.reconnect()`, or the
 * service's client where that is refused.
 *
 * @throws {ApiError} `not_found` where the conversation was deleted meanwhile
 */
export async function finishTurn(
  database: DatabaseClient,
  request: FinishTurn,
): Promise<FinishedTurn> {
  const messages = request.messages.map(fitContent);
  const answer = await unwrap(
    database.rpc("finish_turn", { request: storable({ ...request, messages }) }),
  );
  return finishedSchema.parse(answer);
}

/**
 * Takes back a turn that was refused before anything was asked of a provider (no budget left, say):
 * its messages go, its key is free again, and so does a conversation that it began.
 *
 * @returns false where it stays: it was answered, or somebody went on from it
 */
export async function discardTurn(database: DatabaseClient, turn_id: string): Promise<boolean> {
  return z.boolean().parse(await unwrap(database.rpc("discard_turn", { turn_id })));
}
