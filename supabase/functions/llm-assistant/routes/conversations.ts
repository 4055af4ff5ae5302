import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { jsonSchema } from "@shared/json.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { messagesQuerySchema, pageOfMessages } from "../conversations/read_messages.ts";
import {
  branchedMessageSchema,
  conversationSchema,
  conversationStatusSchema,
  settingsSchema,
} from "../conversations/schemas.ts";
import { userIdOf } from "../user_id.ts";

/** Conversations: begun by a turn or empty, listed by when something was last said. */

const id = z.object({ id: z.uuid().describe("The conversation's id.") });
const object = z.record(z.string(), jsonSchema);
const titleSchema = z.string().trim().min(1).max(500);
const columns = Object.keys(conversationSchema.shape).join(",");

const fields = {
  title: titleSchema.nullable().optional().describe(
    "Without one, or with null, it is made after the next turn.",
  ),
  subject: z.string().max(2000).nullable().optional(),
  project_id: z.uuid().nullable().optional(),
  assistant_id: z.uuid().nullable().optional(),
  context: object.optional().describe("At most 64 KiB."),
  settings: settingsSchema.optional().describe(
    "What its turns are asked with, where neither they nor an assistant say otherwise.",
  ),
};

const listConversations = createRoute({
  method: "get",
  path: "/conversations",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "list_conversations",
  summary: "List conversations",
  description:
    "Your conversations in the organization, the one where something was last said first. Admins may list " +
    "another member's by `user_id`: that they are there, not what was said.",
  query: pageQuerySchema.extend({
    status: conversationStatusSchema.optional(),
    project_id: z.uuid().optional(),
    assistant_id: z.uuid().optional(),
    user_id: z.uuid().optional().describe("Whose; your own unless told."),
    q: z.string().trim().min(1).max(200).optional().describe("Part of the title."),
  }),
  answers: { 200: { description: "A page of conversations.", schema: pageOf(conversationSchema) } },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ query: { limit, cursor, q, ...filters }, caller, database, organizationId }) => {
  const user_id = filters.user_id ?? userIdOf(caller);
  let select = database.from("conversations").select(columns)
    .match({ ...filters, user_id, organization_id: await organizationId() });
  if (q) select = select.ilike("title", `%${q.replaceAll(/[\\%_]/g, "\\$&")}%`);
  const rows = z.array(conversationSchema).parse(
    await unwrap(paginate(select, { limit, cursor }, "last_message_at")),
  );
  return toPage(rows, limit, (row) => [row.last_message_at, row.id]);
});

const createConversation = createRoute({
  method: "post",
  path: "/conversations",
  auth: "user",
  scope: "llm-assistant:write",
  operationId: "create_conversation",
  summary: "Create a conversation",
  description:
    "Begins a conversation in which nothing has been said yet. A turn also begins one by itself.",
  body: z.strictObject(fields),
  example: { title: "Shop schema" },
  answers: { 201: { description: "The conversation.", schema: conversationSchema } },
  errors: ["organization_required", "not_found"],
}, async ({ body, database, organizationId }) => {
  const organization_id = await organizationId();
  const row = await unwrap(
    database.from("conversations").insert({ ...body, organization_id }).select(columns).single(),
  );
  const conversation = conversationSchema.parse(row);
  return new Reply(conversation, { location: `conversations/${conversation.id}` });
});

const getConversation = createRoute({
  method: "get",
  path: "/conversations/{id}",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "get_conversation",
  summary: "Get a conversation",
  description:
    "A conversation with a page of its messages. Admins may read another member's, which is logged.",
  params: id,
  query: messagesQuerySchema,
  answers: {
    200: {
      description: "The conversation with its messages.",
      schema: conversationSchema.extend({
        messages: z.array(branchedMessageSchema),
        next_cursor: z.string().nullable().describe("Send it as `cursor`; null on the last page."),
      }).meta({ id: "ConversationWithMessages", description: "A conversation and what was said." }),
    },
  },
  errors: ["invalid_cursor"],
}, async ({ params, query, database }) => {
  const [row, { data, next_cursor }] = await Promise.all([
    unwrap(database.from("conversations").select(columns).eq("id", params.id).maybeSingle()),
    pageOfMessages(database, params.id, query),
  ]);
  if (!row) throw new ApiError("not_found", `No conversation with id ${params.id}`);
  return { ...conversationSchema.parse(row), messages: data, next_cursor };
});

const listMessages = createRoute({
  method: "get",
  path: "/conversations/{id}/messages",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "list_messages",
  summary: "List messages",
  description:
    "The messages of a conversation, of one branch or of all. Admins may read another member's, which is logged.",
  params: id,
  query: messagesQuerySchema,
  answers: { 200: { description: "A page of messages.", schema: pageOf(branchedMessageSchema) } },
  errors: ["invalid_cursor"],
}, async ({ params, query, database }) => await pageOfMessages(database, params.id, query));

const changes = createResource({
  domain: "llm-assistant",
  name: "conversation",
  table: "conversations",
  path: "/conversations",
  item: conversationSchema,
  select: columns,
  update: {
    body: z.strictObject({
      ...fields,
      status: conversationStatusSchema.optional().describe(
        "archived: it takes no new turns; active opens it again.",
      ),
      current_message_id: z.uuid().optional().describe(
        "Shows another branch: the one of this message, to its newest end.",
      ),
    }),
    example: { title: "Shop schema, second try", status: "archived" },
  },
  operations: ["update", "delete"],
});

export const conversations = [
  listConversations,
  createConversation,
  getConversation,
  listMessages,
  ...changes,
];
