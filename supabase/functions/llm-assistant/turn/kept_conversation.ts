import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";
import type { Focus } from "../context/project_schema.ts";
import { type ConversationSettings, settingsSchema } from "../conversations/schemas.ts";

const contextSchema = z.object({
  tableId: z.uuid().optional().catch(undefined),
  columnId: z.uuid().optional().catch(undefined),
}).catch({});

/** What a conversation was about so far: it goes on with it, unless it is told otherwise. */
export type KeptConversation = {
  assistant_id: string | null;
  current_message_id: string | null;
  focus?: Focus;
  settings: ConversationSettings;
};

/**
 * The caller's own conversation; undefined for a new one.
 *
 * @throws {ApiError} `not_found`, `conversation_archived`
 */
export async function readConversation(
  database: DatabaseClient,
  { organizationId, userId }: { organizationId: string; userId: string },
  id: string | undefined,
): Promise<KeptConversation | undefined> {
  if (id === undefined) return undefined;
  const row = await unwrap(
    database.from("conversations")
      .select("assistant_id,project_id,current_message_id,status,context,settings")
      .match({ id, organization_id: organizationId, user_id: userId }).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No conversation with id ${id}`);
  // Said before anything is done for the turn; the database says it again.
  if (row.status === "archived") {
    const message = "The conversation is archived: make it active again first";
    throw new ApiError("conversation_archived", message);
  }
  const { assistant_id, project_id, current_message_id } = row;
  return {
    assistant_id,
    current_message_id,
    focus: project_id === null
      ? undefined
      : { projectId: project_id, ...contextSchema.parse(row.context) },
    // Who writes past the functions may have written anything.
    settings: settingsSchema.catch({}).parse(row.settings),
  };
}
