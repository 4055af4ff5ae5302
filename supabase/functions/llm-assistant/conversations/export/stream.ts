import { describeError, log } from "@shared/log.ts";
import type { Conversation, Message } from "../schemas.ts";
import type { ExportFormat } from "./format.ts";

/** The messages after a position; `next` is the position to go on after, null at the end. */
export type ReadPage = (after?: number) => Promise<{ messages: Message[]; next: number | null }>;

/**
 * A conversation as a file, page by page as the client takes it: there is never more than one page in
 * memory that the client has not asked for, and none is read for a client that has gone.
 *
 * @returns once the first page is read; a failure after that breaks the stream off, so that a part of a
 *   conversation never passes for the whole
 * @throws what `read` throws for the first page
 */
export async function streamMessages(
  read: ReadPage,
  format: ExportFormat,
  conversation: Conversation,
  requestId: string,
): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  const first = await read();
  let page: typeof first | undefined = first;
  let after: number | null = null;

  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(format.begin(conversation)));
    },
    async pull(controller) {
      try {
        const isFirst = page !== undefined;
        const { messages, next } = page ?? await read(after ?? undefined);
        page = undefined;
        after = next;
        const ending = next === null ? format.end : "";
        controller.enqueue(encoder.encode(format.write(messages, isFirst) + ending));
        if (next === null) controller.close();
      } catch (error) {
        log("error", { request_id: requestId, error: describeError(error) });
        throw error;
      }
    },
  });
}
