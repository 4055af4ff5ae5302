import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { decodeCursor, pageQuerySchema, toPage } from "@shared/page.ts";
import { z } from "zod";
import { branchedMessageSchema } from "./schemas.ts";

const pageSchema = z.object({
  leaf_id: z.uuid().nullable(),
  next: z.number().nullable(),
  messages: z.array(branchedMessageSchema),
});

/** Query of the routes that show messages. */
export const messagesQuerySchema = pageQuerySchema.extend({
  branch: z.union([z.enum(["current", "all"]), z.uuid()]).default("current").describe(
    "`current`: the branch that is shown; a message's id: the branch that ends in it; `all`: the whole tree, " +
      "in the order in which messages were stored.",
  ),
  order: z.enum(["asc", "desc"]).default("asc").describe(
    "From the first message, or from the last.",
  ),
});

export type MessagesQuery = z.infer<typeof messagesQuerySchema>;

/** What is read of a conversation, and from where on. */
export type Passage = {
  conversation_id: string;
  branch: "current" | "all" | string;
  order: "asc" | "desc";
  limit: number;
  /** The last position that was read. */
  after?: number;
  is_export?: boolean;
};

/** A page as the database gives it: `next` is the position to go on after; null at the end. */
export async function readMessages(database: DatabaseClient, passage: Passage) {
  const { conversation_id, branch, order, limit, after, is_export } = passage;
  const answer = await unwrap(database.rpc("list_messages", {
    conversation_id,
    leaf_id: branch === "current" || branch === "all" ? undefined : branch,
    is_whole: branch === "all",
    newest_first: order === "desc",
    after,
    page_size: limit,
    is_export,
  }));
  return pageSchema.parse(answer);
}

/**
 * A page as the API gives it. Its cursor names the branch it began in: who goes on reads that one to its
 * end, whatever is shown meanwhile.
 *
 * @throws {ApiError} `not_found`, `invalid_cursor`
 */
export async function pageOfMessages(
  database: DatabaseClient,
  conversation_id: string,
  query: MessagesQuery,
) {
  const { cursor, branch: asked, ...how } = query;
  const [position, leaf] = cursor === undefined ? [] : decodeCursor(cursor);
  if (position !== undefined && !/^\d{1,15}$/.test(position)) {
    throw new ApiError("invalid_cursor", "The cursor is not one of a list of messages");
  }
  const branch = asked === "all" ? asked : leaf ?? asked;
  const after = position === undefined ? undefined : Number(position);
  const page = await readMessages(database, { ...how, conversation_id, branch, after });
  return toPage(
    page.messages,
    how.limit,
    () => [String(page.next), page.leaf_id ?? conversation_id],
    page.next !== null,
  );
}
