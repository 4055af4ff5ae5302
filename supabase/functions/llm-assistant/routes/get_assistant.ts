import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { assistantSchema } from "../assistants/schemas.ts";

export const getAssistant = createRoute({
  method: "get",
  path: "/assistants/{id}",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "get_assistant",
  summary: "Get an assistant",
  description: "One assistant that you may see. A public one of another organization comes " +
    "without what is theirs: prompt, settings, creator and costs.",
  params: z.object({ id: z.uuid() }),
  versioned: true,
  answers: { 200: { description: "The assistant.", schema: assistantSchema } },
}, async ({ params, database }) => {
  const assistant = assistantSchema.parse(
    await unwrap(database.rpc("get_assistant", { assistant_id: params.id })),
  );
  return new Reply(assistant, { revision: assistant.revision });
});
