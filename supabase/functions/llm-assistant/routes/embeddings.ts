import { createEmbeddings as embed } from "@shared/llm/embeddings.ts";
import { createRoute } from "@shared/route.ts";
import { callContext } from "../openai/call_context.ts";
import { embeddingListSchema, embeddingRequestSchema } from "../openai/embedding_schema.ts";
import { CALL_ERRORS, modelCall } from "../model_call.ts";

export const createEmbeddings = createRoute({
  ...modelCall,
  method: "post",
  path: "/v1/embeddings",
  operationId: "create_embeddings",
  summary: "Embed texts, in OpenAI's format",
  description: "Vectors of texts, as numbers or base64. The provider is found as for chats.",
  idempotent: true,
  body: embeddingRequestSchema,
  example: { model: "demo-embedding", input: ["rain in Seattle"] },
  answers: { 200: { description: "A vector for each text.", schema: embeddingListSchema } },
  errors: CALL_ERRORS,
}, async (context) => {
  const { body, headers } = await embed(await callContext(context), context.body);
  return Response.json(body, { headers });
});
