import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** Conversations and messages, as the API shows them. */

const time = z.string().describe("ISO 8601.");
const id = z.uuid();
const count = z.int().min(0).nullable();
const object = z.record(z.string(), jsonSchema);

export const conversationStatusSchema = z.enum(["active", "completed", "archived"]);
export const messageRoleSchema = z.enum(["system", "user", "assistant", "tool"]);
export const messageStatusSchema = z.enum(["complete", "partial", "failed"]);

/** −1 or 1: a thumb down or up. */
export const feedbackSchema = z.union([z.literal(-1), z.literal(1)]).nullable().describe(
  "What the user thinks of an answer: 1 good, -1 bad, null nothing.",
);

/** What a conversation's turns are asked with, where neither they nor an assistant say otherwise. */
export const settingsSchema = z.strictObject({
  model: z.string().min(1).max(200).optional(),
  temperature: z.number().min(0).max(2).optional(),
  max_tokens: z.int().min(1).max(10_000_000).optional(),
});

export const conversationSchema = z.object({
  id,
  organization_id: id,
  user_id: id.describe("Whose it is."),
  project_id: id.nullable(),
  assistant_id: id.nullable(),
  title: z.string().nullable().describe("Made after the first turn, unless you name it."),
  subject: z.string().nullable(),
  status: conversationStatusSchema.describe("An archived one takes no new turns."),
  message_count: z.int().describe("Messages of all branches."),
  current_message_id: id.nullable().describe("The last message of the branch that is shown."),
  context: object.describe("What it is about: ids of a table, a column, documents."),
  settings: object.describe("What its turns are asked with, unless they say otherwise."),
  last_message_at: time.describe("When something was last said; lists are in this order."),
  created_at: time,
  updated_at: time,
}).meta({ id: "Conversation", description: "A user's exchange with a model: a tree of messages." });

export const messageSchema = z.object({
  id,
  conversation_id: id,
  parent_id: id.nullable().describe("The message that it follows; null begins a conversation."),
  depth: z.int().describe("How many messages come before it in its branch."),
  role: messageRoleSchema,
  content: z.string(),
  parts: z.array(jsonSchema).nullable().describe(
    "OpenAI's content parts, where it is not plain text.",
  ),
  tool_calls: z.array(jsonSchema).nullable().describe("What an assistant calls, in OpenAI's form."),
  tool_call_id: z.string().nullable().describe("The call that a tool's message answers."),
  model: z.string().nullable(),
  provider: z.string().nullable(),
  input_tokens: count,
  cached_tokens: count,
  output_tokens: count,
  reasoning_tokens: count,
  cost: z.number().nullable().describe("In US dollars; null where no price is known."),
  response_time_ms: count,
  status: messageStatusSchema.describe("partial: it broke off; failed: nothing useful came."),
  feedback: feedbackSchema,
  metadata: object,
  created_at: time,
}).meta({ id: "Message", description: "One message. It never changes but for its feedback." });

export const branchedMessageSchema = messageSchema.extend({
  sibling_ids: z.array(id).describe(
    "All messages with the same parent, this one among them, oldest first: its other versions.",
  ),
}).meta({ id: "BranchedMessage", description: "A message, and what stands beside it." });

export type Conversation = z.infer<typeof conversationSchema>;
export type ConversationSettings = z.infer<typeof settingsSchema>;
export type Message = z.infer<typeof messageSchema>;
