import type { Conversation, Message } from "../schemas.ts";

/** One way to write a conversation down, part by part: no part needs the ones before. */
export type ExportFormat = {
  contentType: string;
  /** The file name's end, without the dot. */
  extension: string;
  begin(conversation: Conversation): string;
  /** Messages in order; `isFirst` for the file's first ones. */
  write(messages: readonly Message[], isFirst: boolean): string;
  end: string;
};
