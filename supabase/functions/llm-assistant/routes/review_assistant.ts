import type { Scope } from "@shared/access.ts";
import { unwrap } from "@shared/database.ts";
import { createRoute, Reply, type Route } from "@shared/route.ts";
import { z } from "zod";
import { assistantSchema } from "../assistants/schemas.ts";

const noteSchema = z.string().trim().min(1).max(4000);

/** One step of the approval: the database knows who may do it, and when. */
function createStep(
  action: "submit" | "approve" | "reject",
  { scope, summary, description, note, example }: {
    scope: Scope;
    summary: string;
    description: string;
    note: z.ZodOptional<z.ZodString> | z.ZodString;
    example: { note: string };
  },
): Route {
  return createRoute({
    method: "post",
    path: `/assistants/{id}/${action}`,
    auth: "user",
    scope,
    operationId: `${action}_assistant`,
    summary,
    description,
    params: z.object({ id: z.uuid() }),
    body: z.strictObject({ note }),
    example,
    versioned: true,
    answers: { 200: { description: "The assistant as it is now.", schema: assistantSchema } },
    errors: ["invalid_transition"],
  }, async ({ params, body, database, expectedRevision }) => {
    const assistant = assistantSchema.parse(
      await unwrap(database.rpc("review_assistant", {
        assistant_id: params.id,
        action,
        note: body.note,
        expected_revision: expectedRevision,
      })),
    );
    return new Reply(assistant, { revision: assistant.revision });
  });
}

/** Draft or rejected → pending → approved or rejected. */
export const reviewAssistant = [
  createStep("submit", {
    scope: "llm-assistant:write",
    summary: "Submit an assistant",
    description: "Asks the admins to approve a draft, or what they have rejected.",
    note: noteSchema.optional(),
    example: { note: "For the forecasters" },
  }),
  createStep("approve", {
    scope: "llm-assistant:admin",
    summary: "Approve an assistant",
    description:
      "Opens a submitted assistant to those whom its access level names. For admins. If-Match with the ETag " +
      "that you read is a must, else 412: what changed since then is not what you judged.",
    note: noteSchema.optional(),
    example: { note: "Reads only what its users may read" },
  }),
  createStep("reject", {
    scope: "llm-assistant:admin",
    summary: "Reject an assistant",
    description: "Turns a submitted assistant down, and says why. For admins.",
    note: noteSchema,
    example: { note: "The prompt promises what the model can't keep" },
  }),
];
