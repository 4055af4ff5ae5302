import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";

/** A call of a tool, as OpenAI's format has it. */
export type ToolCall = {
  /** As short as the database keeps it. */
  id: string;
  type: "function";
  function: { name: string; /** JSON text. */ arguments: string };
  /** What the provider wants to have back: Gemini's signature of its thoughts. */
  [member: string]: Json;
};

/** The answer of a model, as OpenAI's format has it. */
export type AssistantMessage = {
  role: "assistant";
  content: string | null;
  refusal?: string;
  tool_calls?: ToolCall[];
};

/** What a part of a call weighs beside its text: there may be any number of empty ones. */
const CALL_LENGTH = 50;
/** The longest id of a call that is kept, as the database has it. */
const ID_LENGTH = 200;

type PartialCall = { id: string; name: string; arguments: string[]; others: JsonObject };

/** Puts the first choice of a stream's chunks together again. */
export class Accumulator {
  /** What the provider calls the model that answered. */
  model: string | undefined;
  finishReason: string | null = null;
  /** The provider's own, when the stream tells it. */
  usage: JsonObject | undefined;
  /** Whether anything of an answer has come. */
  hasOutput = false;
  /** What is kept, in characters. */
  length = 0;
  /** Text of all choices, of tool calls too: what an estimate is made of. */
  readonly #output: string[] = [];
  readonly #content: string[] = [];
  readonly #refusal: string[] = [];
  readonly #calls: PartialCall[] = [];
  /** The call that a part of this index belongs to. */
  readonly #open = new Map<number, PartialCall>();

  add(chunk: JsonObject): void {
    if (this.model === undefined && typeof chunk.model === "string") this.model = chunk.model;
    if (isJsonObject(chunk.usage)) this.usage = chunk.usage;
    if (!Array.isArray(chunk.choices)) return;
    for (const choice of chunk.choices) {
      if (!isJsonObject(choice)) continue;
      // A whole answer says `message` where a chunk says `delta`.
      const delta = choice.delta ?? choice.message;
      const isFirst = choice.index === undefined || choice.index === 0;
      if (isJsonObject(delta)) this.#addDelta(delta, isFirst);
      if (isFirst && typeof choice.finish_reason === "string") {
        this.finishReason = choice.finish_reason;
      }
    }
  }

  /** All that came so far. */
  get message(): AssistantMessage {
    return {
      role: "assistant",
      content: this.#content.length > 0 ? this.#content.join("") : null,
      ...(this.#refusal.length > 0 ? { refusal: this.#refusal.join("") } : {}),
      ...(this.#calls.length > 0 ? { tool_calls: this.#calls.map(wholeCall) } : {}),
    };
  }

  /** Text of all choices together. */
  get output(): string {
    return this.#output.join("");
  }

  #addDelta(delta: JsonObject, isFirst: boolean): void {
    const { content, refusal, tool_calls } = delta;
    this.#addText(content, isFirst ? this.#content : undefined);
    this.#addText(refusal, isFirst ? this.#refusal : undefined);
    // Models that show their reasoning are paid for it, too.
    this.#addText(delta.reasoning_content ?? delta.reasoning, undefined);
    if (!Array.isArray(tool_calls)) return;
    tool_calls.forEach((call, position) => {
      if (isJsonObject(call)) this.#addCall(call, position, isFirst);
    });
  }

  #addText(text: Json | undefined, kept: string[] | undefined): void {
    if (typeof text !== "string" || text === "") return;
    this.hasOutput = true;
    this.length += text.length;
    this.#output.push(text);
    kept?.push(text);
  }

  #addCall(call: JsonObject, position: number, isFirst: boolean): void {
    this.hasOutput = true;
    const { id: givenId, index: givenIndex, function: given, ...others } = call;
    const parts = isJsonObject(given) ? given : {};
    const [id, name, text] = [asText(givenId), asText(parts.name), asText(parts.arguments)];
    this.length += CALL_LENGTH + name.length + text.length + JSON.stringify(others).length;
    this.#output.push(name, text);
    if (!isFirst) return;
    const index = typeof givenIndex === "number" ? givenIndex : position;
    let known = this.#open.get(index);
    if (!known || isAnother(known, id, name)) {
      known = { id: "", name: "", arguments: [], others: {} };
      this.#calls.push(known);
      this.#open.set(index, known);
    }
    known.id ||= id;
    known.name ||= name;
    known.arguments.push(text);
    Object.assign(known.others, others);
  }
}

const asText = (value: Json | undefined): string => typeof value === "string" ? value : "";

/** Gemini sends parallel calls with one index, or none; others leave the ids out, too. */
const isAnother = (known: PartialCall, id: string, name: string): boolean =>
  known.id === "" ? id === "" && known.name !== "" && name !== "" : id !== "" && id !== known.id;

function wholeCall(call: PartialCall): ToolCall {
  if (call.id === "" || call.id.length > ID_LENGTH) call.id = `call_${crypto.randomUUID()}`;
  const { id, name, arguments: parts, others } = call;
  return { ...others, id, type: "function", function: { name, arguments: parts.join("") } };
}
