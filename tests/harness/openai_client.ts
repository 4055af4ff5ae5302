import OpenAI from "openai";
import { stack } from "./stack.ts";
import { keyOf } from "./keys.ts";
import type { User } from "./tenant.ts";

/** The official client, as anyone would point it at us. */
export function openAi(key: string, functionsUrl = `${stack.url}/functions/v1`): OpenAI {
  return new OpenAI({ apiKey: key, baseURL: `${functionsUrl}/llm-assistant/v1`, maxRetries: 0 });
}

/** The official client with a new key of the user's. */
export async function openAiOf(user: User, functionsUrl?: string): Promise<OpenAI> {
  const { row } = await keyOf(user, ["llm-assistant:run", "llm-assistant:read"]);
  return openAi(row.key, functionsUrl);
}
