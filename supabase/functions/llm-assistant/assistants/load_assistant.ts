import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { z } from "zod";
import { toolForUseSchema } from "../tools/tool.ts";

const forUseSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  prompt: z.string(),
  model: z.string(),
  temperature: z.number(),
  max_tokens: z.int(),
  is_foreign: z.boolean(),
  tools: z.array(toolForUseSchema),
});

/** Of another organization's a caller learns no more than that it is one. */
const asCallerSchema = z.discriminatedUnion("is_foreign", [
  z.object({ is_foreign: z.literal(true) }),
  forUseSchema.extend({ is_foreign: z.literal(false) }),
]);

/**
 * An assistant as a call needs it. `is_foreign`: a public one of another organization, whose prompt the
 * caller may not be shown, and which has no built-in tools.
 */
export type AssistantForUse = z.infer<typeof forUseSchema>;

/** Where to ask: as the caller and, for what no client may read, past RLS. */
type Access = { database: DatabaseClient; service(): DatabaseClient };

/**
 * Loads an assistant for a call by the caller.
 *
 * @throws {ApiError} `not_found`; `assistant_not_approved` where the caller sees it and may not use it
 */
export async function loadAssistant(
  { database, service }: Access,
  assistant_id: string,
): Promise<AssistantForUse> {
  const known = asCallerSchema.parse(
    await unwrap(database.rpc("get_assistant_for_use", { assistant_id })),
  );
  if (!known.is_foreign) return known;
  return forUseSchema.parse(
    await unwrap(service().rpc("get_public_assistant_for_use", { assistant_id })),
  );
}
