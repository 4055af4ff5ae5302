import type { JsonObject } from "@shared/json.ts";
import type { Focus } from "../context/project_schema.ts";
import type { WireMessage } from "./wire_messages.ts";

/** What a turn is asked for, whichever route takes it. */
export type TurnRequest = {
  /** The new ones where there is a conversation, else all. */
  messages: readonly WireMessage[];
  /** The assistant's, the conversation's or the usual one without. */
  model?: string;
  /** Fields of OpenAI's request that are passed on: temperature, response_format … */
  fields: Record<string, unknown>;
  stream: boolean;
  assistantId?: string;
  focus?: Focus;
  /** Where the turn is kept; without it nothing is. */
  conversation?: KeptIn;
};

/** The conversation that keeps a turn; a new one without an `id`. */
export type KeptIn = {
  id?: string;
  /** See `BeginTurn` in ../conversations/turns.ts. */
  parentId?: string | null;
  regenerateId?: string;
  context?: JsonObject;
  idempotencyKey?: string;
  /** What a person says of calls that wait for it, by the id of the call. */
  approvals?: ReadonlyMap<string, boolean>;
};
