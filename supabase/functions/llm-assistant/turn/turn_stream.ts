import { inBackground } from "@shared/background.ts";
import { isJsonObject } from "@shared/json.ts";
import type { ChatEvent } from "@shared/llm/chat_stream.ts";
import type { TextSource } from "@shared/llm/wire_stream.ts";
import type { Message } from "../conversations/schemas.ts";
import type { Tool } from "../tools/tool.ts";
import { callsOf, lastChunk, reportOf } from "./report.ts";
import type { TurnAnswer } from "./turn_answer.ts";

/** What a turn's stream needs to know beside its answer. */
type Turned = {
  answer: TurnAnswer;
  /** The assistant's, called here: the client sees none of their calls but those that wait. */
  tools: readonly Tool[];
  includeUsage: boolean;
  /** The last chunk's own fields, from what was kept. */
  describe(kept: Message[]): object;
  keep(): Promise<Message[]>;
  keepFailure(error: unknown): Promise<void>;
};

/**
 * All rounds of a turn as one stream of OpenAI's chunks. Before `[DONE]` the answer is kept, and a chunk
 * without choices tells the usage of the whole, where the conversation is, and what waits for approval.
 */
export async function openTurnStream(turned: Turned): Promise<TextSource> {
  try {
    await turned.answer.open();
  } catch (error) {
    await turned.keepFailure(error);
    throw error;
  }
  return new TurnStream(turned);
}

class TurnStream implements TextSource {
  #isOver = false;
  #isCanceled = false;
  #id: string | undefined;

  constructor(private readonly turned: Turned) {}

  async next(): Promise<string | undefined> {
    if (this.#isOver) return undefined;
    const { answer } = this.turned;
    try {
      const stream = await answer.open();
      const events = await stream.next();
      if (events !== undefined) return events.map((event) => this.#text(event)).join("");
      if (await answer.goOn()) return "";
      if (this.#isOver) return undefined;
      this.#isOver = true;
      return this.#ending(await this.turned.keep());
    } catch (error) {
      // What is canceled keeps itself.
      if (this.#isCanceled) throw error;
      this.#isOver = true;
      await answer.giveUp();
      await this.turned.keepFailure(error);
      throw error;
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = this.#isCanceled = true;
    inBackground("keep_turn", async () => {
      await this.turned.answer.giveUp();
      await this.turned.keepFailure(undefined);
    });
  }

  #text({ data, chunk }: ChatEvent): string {
    if (typeof chunk.id === "string") this.#id ??= chunk.id;
    const [choice, ...others] = Array.isArray(chunk.choices) ? chunk.choices : [];
    const isPlain = chunk.usage === undefined || chunk.usage === null;
    if (choice === undefined) return isPlain ? `data: ${data}\n\n` : "";
    const isHidden = this.turned.tools.length > 0 && others.length === 0 && isJsonObject(choice) &&
      (choice.finish_reason === "tool_calls" ||
        isJsonObject(choice.delta) && Array.isArray(choice.delta.tool_calls));
    if (isHidden) return "";
    // Usage is told once, of all rounds together.
    const { usage: _, ...rest } = chunk;
    return `data: ${isPlain ? data : JSON.stringify(rest)}\n\n`;
  }

  #ending(kept: Message[]): string {
    const { answer, tools, includeUsage, describe } = this.turned;
    const report = reportOf(answer.messages, tools);
    const base = {
      id: this.#id ?? `chatcmpl-${crypto.randomUUID()}`,
      object: "chat.completion.chunk",
      created: Math.floor(Date.now() / 1000),
      model: report.model ?? "",
    };
    // Those of the client's own tools have been told as they came.
    const isWaiting = tools.length > 0 && report.calls.length > 0;
    const choice = { index: 0, delta: callsOf(report), finish_reason: "tool_calls" };
    const asks = isWaiting ? [{ ...base, choices: [choice] }] : [];
    const last = { ...base, ...lastChunk(report, includeUsage), ...describe(kept) };
    return [...asks, last].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("") +
      "data: [DONE]\n\n";
  }
}
