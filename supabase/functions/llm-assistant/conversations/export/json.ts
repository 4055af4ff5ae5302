import { type Message, messageSchema } from "../schemas.ts";
import type { ExportFormat } from "./format.ts";

const write = (message: Message) => JSON.stringify(messageSchema.parse(message));

/** `{conversation, messages}`: every message of the tree, in the order in which they were stored. */
export const json: ExportFormat = {
  contentType: "application/json",
  extension: "json",
  begin: (conversation) => `{"conversation":${JSON.stringify(conversation)},"messages":[`,
  write: (messages, isFirst) =>
    messages.map((message, index) => `${isFirst && index === 0 ? "" : ","}\n${write(message)}`)
      .join(""),
  end: "\n]}\n",
};
