import { isJsonObject, type Json } from "@shared/json.ts";
import { readJson } from "@shared/llm/completion.ts";
import { exchange } from "@shared/llm/exchange.ts";
import { findTarget } from "@shared/llm/resolve.ts";
import type { Source } from "@shared/llm/sources.ts";
import { readTimeouts } from "@shared/llm/timeouts.ts";

/** How much of a list is read: its bytes, its models, and the characters of a model's name. */
const [LIST_BYTES, LIST_LENGTH, NAME_LENGTH] = [2 * 1024 * 1024, 1_000, 200];

/** A model in OpenAI's format. `owned_by` is the provider that serves it. */
export type Model = { id: string; object: "model"; created: number; owned_by: string };

/**
 * The models of all providers that can be called, each by the name that reaches it. A provider that
 * does not answer is left out; where none does, the first one's failure is thrown.
 *
 * @throws {ApiError} `provider_error`, `provider_timeout`
 */
export async function listModels(sources: readonly Source[]): Promise<Model[]> {
  const lists = await Promise.allSettled(sources.map((source) => listOf(source, sources)));
  const models = lists.flatMap((list) => list.status === "fulfilled" ? list.value : []);
  const [first] = lists;
  if (first?.status === "rejected" && lists.every(({ status }) => status === "rejected")) {
    throw first.reason;
  }
  // Of one name, the one that a request for it reaches.
  return [...new Map(models.reverse().map((model) => [model.id, model])).values()].reverse();
}

async function listOf(source: Source, sources: readonly Source[]): Promise<Model[]> {
  const known = readTimeouts();
  const timeouts = { ...known, total: known.list };
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort("total"), timeouts.total * 1000);
  try {
    const key = await source.key();
    const response = await exchange({
      source,
      key,
      method: "GET",
      path: "/models",
      headers: source.endpoint.headers,
      timeouts,
      signal: abort.signal,
    });
    const answer = { target: { source }, key, response, timeouts, abort };
    const { value } = await readJson(answer, LIST_BYTES);
    return itemsOf(value).flatMap((item): Model[] => {
      if (!isJsonObject(item) || typeof item.id !== "string") return [];
      if (item.id.length > NAME_LENGTH) return [];
      // Gemini's names begin with its collection's.
      const name = item.id.replace(/^models\//, "");
      const isReached = findTarget(sources, name)?.source === source;
      const created = typeof item.created === "number" ? item.created : 0;
      const id = isReached ? name : `${source.provider}/${name}`;
      return [{ id, object: "model", created, owned_by: source.provider }];
    });
  } finally {
    clearTimeout(timer);
  }
}

const itemsOf = (value: Json): Json[] => {
  const list = isJsonObject(value) ? value.data ?? null : value;
  return Array.isArray(list) ? list.slice(0, LIST_LENGTH) : [];
};
