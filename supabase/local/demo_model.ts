import { isKnownModel } from "@shared/llm/adapters.ts";
import type { JsonObject } from "@shared/json.ts";
import { PROVIDERS } from "@shared/providers.ts";
import { complete } from "./demo_chat.ts";
import { embed } from "./demo_embedding.ts";

/** Where the gateway has it. */
export const DEMO_PATH = "/demo-model/v1";

/** Models of its own; those of known providers it stands in for. */
const MODELS = ["demo-chat", "demo-embedding"];

/**
 * A model for development, while no provider is configured: an endpoint that speaks OpenAI's format.
 * It understands nothing, is always of the same opinion, and says so.
 */
export async function demoModel(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const path = pathname.slice(DEMO_PATH.length);
  if (request.method === "GET") return describe(path);
  const handlers = { "/chat/completions": complete, "/embeddings": embed };
  const handler = Object.entries(handlers).find(([at]) => at === path)?.[1];
  if (request.method !== "POST" || !handler) return failure(404, `There is no ${path}`);
  const body: unknown = await request.json().catch(() => undefined);
  if (!isObject(body)) return failure(400, "The body is no JSON object");
  const { model } = body;
  if (typeof model !== "string") return failure(400, "A model is needed", "model");
  if (!isServed(model)) return unknownModel(model);
  return handler(body, model);
}

/** `openai/gpt-4o` is OpenAI's, other names with a slash are nobody's. */
function isServed(model: string): boolean {
  const [provider = "", name] = model.split("/");
  if (name === undefined) return MODELS.includes(model) || isKnownModel(model);
  return PROVIDERS.has(provider) && isKnownModel(name);
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function describe(path: string): Response {
  const models = MODELS.map((id) => ({ id, object: "model", created: 0, owned_by: "demo" }));
  if (path === "/models") return Response.json({ object: "list", data: models });
  const name = decodeURIComponent(path.replace(/^\/models\//, ""));
  const model = models.find(({ id }) => id === name);
  return model ? Response.json(model) : unknownModel(name);
}

const unknownModel = (name: string) =>
  failure(404, `The model ${name} does not exist`, "model", "model_not_found");

/** An error as OpenAI tells it. */
export function failure(
  status: number,
  message: string,
  param: string | null = null,
  code: string | null = null,
): Response {
  return Response.json({ error: { message, type: "invalid_request_error", param, code } }, {
    status,
  });
}
