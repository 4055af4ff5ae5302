import { createEmbeddings as embed } from "@shared/llm/embeddings.ts";
import { createRoute } from "@shared/route.ts";
import { callContext } from "../openai/call_context.ts";
import { embeddingListSchema, embeddingRequestSchema } from "../openai/embedding_schema.ts";

const MAX_BYTES = 4 * 1024 * 1024;

export const createEmbeddings = createRoute({
  method: "post",
  path: "/v1/embeddings",
  auth: "user",
  scope: "llm-assistant:run",
  operationId: "create_embeddings",
  summary: "Embed texts, in OpenAI's format",
  description: "Vectors of texts, as numbers or base64. The provider is found as for chats.",
  idempotent: true,
  body: embeddingRequestSchema,
  maxBytes: MAX_BYTES,
  example: { model: "demo-embedding", input: ["rain in Seattle"] },
  answers: { 200: { description: "A vector for each text.", schema: embeddingListSchema } },
  errors: [
    "organization_required",
    "budget_exceeded",
    "model_not_found",
    "model_not_priced",
    "provider_refused",
    "encryption_not_configured",
    "provider_error",
    "provider_not_configured",
    "provider_timeout",
  ],
}, async (context) => {
  const { body, headers } = await embed(await callContext(context), context.body);
  return Response.json(body, { headers });
});
