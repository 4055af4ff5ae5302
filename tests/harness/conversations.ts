import { PostgrestClient } from "@supabase/postgrest-js";
import type { DatabaseClient } from "@shared/database.ts";
import type { Database } from "@shared/database.types.ts";
import {
  type AnswerMessage,
  type BeginTurn,
  beginTurn,
  finishTurn,
  type Turn,
} from "../../supabase/functions/llm-assistant/conversations/turns.ts";
import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { sql } from "./sql.ts";
import { stack } from "./stack.ts";
import type { Tenant, User } from "./tenant.ts";

/** The Data API as a user, as a function has it. */
export const databaseOf = ({ token }: { token: string }): DatabaseClient =>
  new PostgrestClient<Database>(`${stack.url}/rest/v1`, {
    headers: { apikey: stack.publishableKey, authorization: `Bearer ${token}` },
  });

/** Begins a turn in which the user says one thing. */
export const ask = (
  user: User,
  content: string,
  request: Partial<BeginTurn> = {},
): Promise<Turn> =>
  beginTurn(databaseOf(user), {
    organization_id: user.organizationId,
    messages: [{ role: "user", content }],
    ...request,
  });

/** Stores a turn's answer of one message. */
export const reply = (
  user: User,
  { turn_id }: { turn_id: string },
  content: string,
  message: Partial<AnswerMessage> = {},
) =>
  finishTurn(databaseOf(user), {
    turn_id,
    messages: [{ role: "assistant", content, model: "demo", ...message }],
  });

/** A whole turn: ids of the conversation, the question and the answer. */
export async function converse(
  user: User,
  question: string,
  answer: string,
  request: Partial<BeginTurn> = {},
): Promise<{ id: string; question_id: string; answer_id: string }> {
  const turn = await ask(user, question, request);
  const { messages } = await reply(user, turn, answer);
  return {
    id: turn.conversation.id,
    question_id: turn.leaf_id,
    answer_id: messages.at(-1)?.id ?? "",
  };
}

/** What a turn is to answer, as texts. */
export const said = ({ history }: Turn): string[] => history.map(({ content }) => content);

/** The branch that is shown, as texts. */
export async function shown(user: User, id: string): Promise<string[]> {
  const { messages } = expect(await user.get(`/llm-assistant/conversations/${id}`), 200);
  return messages.map(({ content }: Body) => content);
}

/** How much of conversations a tenant has stored. */
export async function stored({ organizationId }: Tenant): Promise<Body> {
  const [row] = await sql`
    select
      (select count(*)::int from public.conversations where organization_id = ${organizationId}) as conversations,
      (select count(*)::int from public.messages where organization_id = ${organizationId}) as messages,
      (select count(*)::int from public.conversation_turns where organization_id = ${organizationId}) as turns`;
  return row;
}
