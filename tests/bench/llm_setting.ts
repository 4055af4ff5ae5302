import assert from "node:assert/strict";
import { type FunctionProcess, startFunction } from "../harness/function_process.ts";
import type { ChatTarget } from "./llm_client.ts";
import { type Program, startDeno } from "./llm_programs.ts";
import { modelOf, type Shape } from "./llm_shape.ts";
import { signUp } from "./seed.ts";
import { type StackProcess, startStackProcess } from "./stack_process.ts";

const MESSAGES = [{ role: "user", content: "Tell me of the weather in Seattle, in many words." }];

/** Answers of one part that take no time. */
const AT_ONCE: Shape = { firstByteMs: 0, chunks: 1, gapMs: 0 };
/** Turns of one conversation, before another one is begun. */
const TURNS = 10;

/** The routes that stream, and what each of them keeps. */
export type Route = "ask" | "v1, kept" | "v1";
export const ROUTES: readonly Route[] = ["ask", "v1, kept", "v1"];

/** The assistant in a process of its own, as the platform runs it, over a stack and an upstream. */
export class LlmSetting {
  #turns = 0;
  #conversation: Promise<string> | undefined;

  private constructor(
    readonly upstream: Program,
    readonly stack: StackProcess,
    readonly assistant: FunctionProcess,
    readonly headers: Record<string, string>,
  ) {}

  /** Works with a stack over PGlite, or over the server of `db`; all is gone afterwards. */
  static async with<T>(
    upstream: Program,
    db: string | undefined,
    work: (setting: LlmSetting) => Promise<T>,
  ): Promise<T> {
    const stack = await startStackProcess(db);
    try {
      const assistant = await startAssistant(stack, upstream);
      try {
        const headers = { authorization: `Bearer ${await issueKey(stack)}` };
        return await work(new LlmSetting(upstream, stack, assistant, headers));
      } finally {
        await assistant.stop();
      }
    } finally {
      await stack.stop();
    }
  }

  /**
   * A request to a route of ours.
   *
   * @param options `url` of another process of the function; `conversation` to branch off in at its
   *   beginning, so that no history grows; without it what is kept goes on in one for some turns
   */
  target(
    route: Route,
    shape: Shape,
    options: { stream?: boolean; url?: string; conversation?: string } = {},
  ): ChatTarget {
    const { stream = true, url = this.assistant.url, conversation } = options;
    const common = { model: modelOf(shape), messages: MESSAGES, stream };
    const usage = stream ? { stream_options: { include_usage: true } } : {};
    const { headers } = this;
    if (route === "ask") {
      const where = async () =>
        conversation === undefined
          ? { conversationId: await this.#goOn() }
          : { conversationId: conversation, parentId: null };
      return {
        url: `${url}/llm-assistant`,
        headers,
        body: async () => ({ ...common, ...await where() }),
      };
    }
    const where = async () => route === "v1" ? {} : { conversation_id: await this.#goOn() };
    return {
      url: `${url}/llm-assistant/v1/chat/completions`,
      headers,
      body: async () => ({ ...common, ...usage, ...await where() }),
    };
  }

  /** A new conversation that has had its first turn, and with it its title. */
  async startConversation(): Promise<string> {
    const response = await fetch(`${this.assistant.url}/llm-assistant`, {
      method: "POST",
      headers: { ...this.headers, "content-type": "application/json" },
      body: JSON.stringify({ model: modelOf(AT_ONCE), messages: MESSAGES }),
    });
    const { conversation_id } = await response.json();
    assert.equal(typeof conversation_id, "string", "The first turn failed");
    return String(conversation_id);
  }

  #goOn(): Promise<string> {
    if (!this.#conversation || this.#turns % TURNS === 0) {
      this.#conversation = this.startConversation();
    }
    this.#turns += 1;
    return this.#conversation;
  }
}

async function issueKey(stack: StackProcess): Promise<string> {
  const { token } = await signUp(stack);
  const response = await fetch(`${stack.url}/functions/v1/keys`, {
    method: "POST",
    headers: {
      apikey: stack.publishableKey,
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ name: "bench", scopes: ["llm-assistant:run"] }),
  });
  const { key } = await response.json();
  assert.equal(typeof key, "string", "No key was issued");
  return String(key);
}

/** A request straight to the upstream, or to whoever speaks like it. */
export const directTarget = (url: string, shape: Shape, stream = true): ChatTarget => ({
  url: `${url}/v1/chat/completions`,
  body: () =>
    Promise.resolve({
      model: modelOf(shape),
      messages: MESSAGES,
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
    }),
});

/** Starts the function; `url` is where it finds the stack, if not at its own address. */
export function startAssistant(
  stack: StackProcess,
  upstream: Program,
  url = stack.url,
): Promise<FunctionProcess> {
  return startFunction("llm-assistant", { ...stack, url }, {
    EDGELOOM_JWT_KEY: stack.jwtSecret,
    OPENAI_API_KEY: "sk-bench",
    OPENAI_BASE_URL: `${upstream.url}/v1`,
  });
}

/** Works with an upstream, which is gone afterwards. */
export async function withUpstream<T>(work: (upstream: Program) => Promise<T>): Promise<T> {
  const upstream = await startDeno("llm_upstream.ts");
  try {
    return await work(upstream);
  } finally {
    await upstream.stop();
  }
}
