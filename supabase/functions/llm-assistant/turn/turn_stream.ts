import { inBackground } from "@shared/background.ts";
import { isJsonObject } from "@shared/json.ts";
import type { ChatEvent } from "@shared/llm/chat_stream.ts";
import type { TextSource } from "@shared/llm/wire_stream.ts";
import type { Message } from "../conversations/schemas.ts";
import type { TurnAnswer } from "./turn_answer.ts";

/** What a turn's stream needs to know beside its answer. */
type Turned = {
  answer: TurnAnswer;
  /** Whether the assistant's tools are called here: then the client sees none of their calls. */
  hasTools: boolean;
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
      this.#isOver = true;
      return this.#ending(await this.turned.keep());
    } catch (error) {
      // What is canceled keeps itself.
      if (this.#isOver) throw error;
      this.#isOver = true;
      await answer.giveUp();
      await this.turned.keepFailure(error);
      throw error;
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
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
    const isHidden = this.turned.hasTools && others.length === 0 && isJsonObject(choice) &&
      (choice.finish_reason === "tool_calls" ||
        isJsonObject(choice.delta) && Array.isArray(choice.delta.tool_calls));
    if (isHidden) return "";
    // Usage is told once, of all rounds together.
    const { usage: _, ...rest } = chunk;
    return `data: ${isPlain ? data : JSON.stringify(rest)}\n\n`;
  }

  #ending(kept: Message[]): string {
    const { answer, includeUsage, describe } = this.turned;
    const base = {
      id: this.#id ?? `chatcmpl-${crypto.randomUUID()}`,
      object: "chat.completion.chunk",
      created: Math.floor(Date.now() / 1000),
      model: answer.result?.model ?? "",
    };
    const { waiting } = answer;
    const calls = answer.result?.message.tool_calls ?? [];
    const delta = { tool_calls: calls.map((call, index) => ({ index, ...call })) };
    const choice = { index: 0, delta, finish_reason: "tool_calls" };
    const asks = waiting.length > 0 ? [{ ...base, choices: [choice] }] : [];
    const last = {
      ...base,
      choices: [],
      ...(includeUsage ? { usage: openAiUsage(answer) } : {}),
      ...describe(kept),
    };
    return [...asks, last].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("") +
      "data: [DONE]\n\n";
  }
}

/** The usage of all rounds, in OpenAI's format. */
export function openAiUsage({ usage }: TurnAnswer) {
  return {
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.input_tokens + usage.output_tokens,
    prompt_tokens_details: { cached_tokens: usage.cached_tokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
  };
}
