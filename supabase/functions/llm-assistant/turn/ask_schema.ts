import { z } from "zod";
import { MAX_MESSAGES } from "../conversations/storable.ts";

const part = z.looseObject({ type: z.string().min(1).max(50) });

const message = z.strictObject({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.union([z.string().min(1), z.array(part).min(1)]),
  tool_call_id: z.string().min(1).optional(),
}).refine(({ role, tool_call_id }) => (role === "tool") === (tool_call_id !== undefined), {
  path: ["tool_call_id"],
  message: "A message of a tool, and no other, has a tool_call_id",
});

const contextSchema = z.strictObject({
  projectId: z.uuid().optional(),
  tableId: z.uuid().optional(),
  columnId: z.uuid().optional(),
  documentIds: z.array(z.uuid()).max(100).optional(),
}).refine(({ projectId, tableId, columnId }) => projectId || !(tableId || columnId), {
  path: ["projectId"],
  message: "A table and a column are named with their project",
}).describe("What the user looks at: it is told to the model, as far as you may see it.");

/** What `POST /llm-assistant` takes. */
export const askSchema = z.strictObject({
  messages: z.array(message).max(MAX_MESSAGES).default([]).describe(
    "What is new, where there is a conversation; else all.",
  ),
  context: contextSchema.optional(),
  model: z.string().min(1).max(200).optional().describe(
    "By itself or as `<provider>/<model>`; the usual one without. An assistant has its own.",
  ),
  temperature: z.number().min(0).max(2).optional(),
  maxTokens: z.int().min(1).max(10_000_000).optional(),
  conversationId: z.uuid().optional().describe("To go on with; without it a new one begins."),
  assistantId: z.uuid().optional(),
  stream: z.boolean().default(false),
  parentId: z.uuid().nullable().optional().describe(
    "The message that yours follow, where that isn't the last one: so an edit makes a branch.",
  ),
  regenerateId: z.uuid().optional().describe("An answer to be given anew, beside the old one."),
  toolApprovals: z.array(z.strictObject({ toolCallId: z.string().min(1), approved: z.boolean() }))
    .min(1).max(100).optional().describe("What you say of each call that waits for approval."),
}).refine(
  ({ messages, regenerateId, toolApprovals }) =>
    messages.length > 0 || regenerateId !== undefined || toolApprovals !== undefined,
  { path: ["messages"], message: "At least one message is needed" },
).refine(({ messages, regenerateId }) => messages.length === 0 || regenerateId === undefined, {
  path: ["messages"],
  message: "An answer is given anew to the messages that it had",
}).refine(
  ({ conversationId, regenerateId, parentId, toolApprovals }) =>
    conversationId !== undefined ||
    regenerateId === undefined && !parentId && toolApprovals === undefined,
  { path: ["conversationId"], message: "Name the conversation" },
).refine(
  ({ regenerateId, parentId, toolApprovals }) =>
    toolApprovals === undefined || regenerateId === undefined && parentId === undefined,
  {
    path: ["toolApprovals"],
    message: "Calls wait at the end of the conversation, and nowhere else",
  },
);

/** See {@link askSchema}. */
export type Ask = z.output<typeof askSchema>;
