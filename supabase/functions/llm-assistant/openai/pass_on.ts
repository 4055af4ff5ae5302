import { isJsonObject, type JsonObject } from "@shared/json.ts";
import type { ChatEvent, ChatStream } from "@shared/llm/chat_stream.ts";
import type { TextSource } from "@shared/llm/wire_stream.ts";
import { openAiUsage } from "../turn/report.ts";

const DONE = "data: [DONE]\n\n";

/** Quotes in a string of JSON text are escaped, so this can be nothing but a member of an object. */
const NO_USAGE = ',"usage":null';

/**
 * A provider's answer for a client, its chunks as they are. Usage is always asked for, left out where the
 * client did not ask, and added as an estimate where it did and the provider tells none.
 */
export function passOn(stream: ChatStream, includeUsage: boolean): TextSource {
  let isOver = false;
  let isUsageTold = !includeUsage;
  let head: JsonObject = {};
  const text = ({ data, chunk }: ChatEvent): string => {
    head = chunk;
    if (isJsonObject(chunk.usage)) isUsageTold = true;
    if (includeUsage || chunk.usage === undefined) return `data: ${data}\n\n`;
    if (chunk.usage === null) return `data: ${data.replace(NO_USAGE, "")}\n\n`;
    // Some tell usage with the last part of the answer rather than after it.
    const { usage: _, ...rest } = chunk;
    const isUsageAlone = Array.isArray(rest.choices) && rest.choices.length === 0;
    return isUsageAlone ? "" : `data: ${JSON.stringify(rest)}\n\n`;
  };
  return {
    async next() {
      if (isOver) return undefined;
      const events = await stream.next();
      if (events !== undefined) return events.map(text).join("");
      isOver = true;
      if (isUsageTold) return DONE;
      const { id, object, created, model } = head;
      const usage = openAiUsage(await stream.result);
      const last = { id, object, created, model, choices: [], usage };
      return `data: ${JSON.stringify(last)}\n\n${DONE}`;
    },
    cancel: () => stream.cancel(),
  };
}
