import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { negotiate } from "@shared/negotiate.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { json } from "../conversations/export/json.ts";
import { markdown } from "../conversations/export/markdown.ts";
import { streamMessages } from "../conversations/export/stream.ts";
import { readMessages } from "../conversations/read_messages.ts";
import { conversationSchema, messageSchema } from "../conversations/schemas.ts";

const FORMATS = { json, markdown };
/** Messages a page: long ones come fewer at a time, as the database sees to. */
const PAGE_SIZE = 200;

export const exportConversation = createRoute({
  method: "get",
  path: "/conversations/{id}/export",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "export_conversation",
  summary: "Export a conversation",
  description:
    "The conversation as a file: JSON with the whole tree of messages, or Markdown with one branch, to be read. " +
    "Exporting is logged. An export that breaks off ends with a broken connection.",
  params: z.object({ id: z.uuid().describe("The conversation's id.") }),
  query: z.object({
    format: z.enum(["json", "markdown"]).optional().describe("Goes before the Accept header."),
    leaf_id: z.uuid().optional().describe(
      "The last message of the branch, for Markdown; of the one that is shown unless told.",
    ),
  }),
  answers: {
    200: {
      description: "The file, streamed. `content-disposition` names it.",
      schema: z.object({ conversation: conversationSchema, messages: z.array(messageSchema) })
        .meta({ id: "ExportedConversation", description: "A conversation with all its messages." }),
      content: {
        "text/markdown": {
          example: "# Shop schema\n\n## User · 2026-11-21 08:00:00 UTC\n\nHello\n",
        },
      },
    },
  },
}, async ({ params, query, request, requestId, database, reconnect }) => {
  const name = negotiate(request, query.format, [
    { format: "json", type: "application/json" },
    { format: "markdown", type: "text/markdown" },
  ]);
  const format = FORMATS[name];
  const row = await unwrap(
    database.from("conversations").select().eq("id", params.id).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No conversation with id ${params.id}`);
  const conversation = conversationSchema.parse(row);
  // The branch is the one of this moment, whatever is said meanwhile.
  const leaf = query.leaf_id ?? conversation.current_message_id ?? "current";
  const body = await streamMessages(
    async (after) =>
      readMessages(after === undefined ? database : await reconnect(), {
        conversation_id: params.id,
        branch: name === "json" ? "all" : leaf,
        order: "asc",
        limit: PAGE_SIZE,
        after,
        is_export: true,
      }),
    format,
    conversation,
    requestId,
  );
  return new Response(body, {
    headers: {
      "content-type": format.contentType,
      "content-disposition": `attachment; filename="conversation-${params.id}.${format.extension}"`,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      vary: "accept",
    },
  });
});
