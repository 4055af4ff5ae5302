import { unwrap } from "@shared/database.ts";
import { decodeCursor, pageOf, pageQuerySchema, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { conversationStatusSchema, messageRoleSchema } from "../conversations/schemas.ts";

const hitSchema = z.object({
  id: z.uuid().describe("The message's."),
  conversation_id: z.uuid(),
  conversation_title: z.string().nullable(),
  role: messageRoleSchema,
  snippet: z.string().describe(
    "Where it fits, as HTML: what was found stands in `<mark>`, everything else is escaped.",
  ),
  matched: z.enum(["words", "some", "similar"]).describe(
    "words: it has what was asked for; some: some of the words; similar: something nearly like it.",
  ),
  score: z.number(),
  created_at: z.string().describe("ISO 8601."),
}).meta({ id: "MessageHit", description: "A message that a search has found." });

export const searchMessages = createRoute({
  method: "get",
  path: "/conversations/search",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "search_messages",
  summary: "Search messages",
  description:
    'Finds your own messages in the organization, and the answers to them, best first: by words (`"a phrase"`, ' +
    "`-not`, `or`), also in another form, and where there are few, by some of the words and by words that are nearly right.",
  query: pageQuerySchema.extend({
    limit: z.coerce.number().int().min(1).max(100).default(20).describe("Rows a page, 1 to 100."),
    q: z.string().trim().min(1).max(200).describe("What to look for.").meta({
      examples: ["invoice schema"],
    }),
    conversation_id: z.uuid().optional(),
    project_id: z.uuid().optional(),
    assistant_id: z.uuid().optional(),
    status: conversationStatusSchema.optional().describe("Of the conversation."),
    role: z.enum(["user", "assistant"]).optional(),
  }),
  answers: { 200: { description: "A page of finds.", schema: pageOf(hitSchema) } },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ query: { limit, cursor, q, ...filters }, database, organizationId }) => {
  const [after_score, after_id] = cursor === undefined ? [] : decodeCursor(cursor);
  const rows = await unwrap(database.rpc("search_messages", {
    q,
    organization_id: await organizationId(),
    filters: { ...filters, after_score, after_id },
    // One more than a page holds says that there is a next page.
    page_size: limit + 1,
  }));
  return toPage(rows, limit, (row) => [String(row.score), row.id]);
});
