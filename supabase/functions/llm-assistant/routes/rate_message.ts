import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { feedbackSchema, messageSchema } from "../conversations/schemas.ts";

export const rateMessage = createRoute({
  method: "patch",
  path: "/conversations/{id}/messages/{message_id}",
  auth: "user",
  scope: "llm-assistant:write",
  operationId: "rate_message",
  summary: "Rate an answer",
  description:
    "Says what you think of an answer in your conversation. Nothing else of a message ever changes.",
  params: z.object({ id: z.uuid().describe("The conversation's id."), message_id: z.uuid() }),
  body: z.strictObject({ feedback: feedbackSchema }),
  example: { feedback: 1 },
  answers: { 200: { description: "The message.", schema: messageSchema } },
}, async ({ params, body, database }) => {
  const [row] = await unwrap(
    database.from("messages").update(body)
      .match({ id: params.message_id, conversation_id: params.id })
      .select(Object.keys(messageSchema.shape).join(",")),
  );
  if (!row) {
    throw new ApiError("not_found", `Your conversation has no message ${params.message_id}`);
  }
  return messageSchema.parse(row);
});
