import { ApiError } from "@shared/errors.ts";
import { listModels } from "@shared/llm/models.ts";
import { readSources } from "@shared/llm/sources.ts";
import { createRoute, type Route } from "@shared/route.ts";
import { z } from "zod";
import { callContext } from "../openai/call_context.ts";

const modelSchema = z.looseObject({
  id: z.string().describe("What a request names it by."),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string().describe("The provider that serves it."),
}).meta({ id: "Model", description: "OpenAI's description of a model." });

const common = { method: "get", auth: "user", scope: "llm-assistant:read" } as const;
const errors = [
  "organization_required",
  "encryption_not_configured",
  "provider_error",
  "provider_timeout",
] as const;

const list = createRoute({
  ...common,
  path: "/v1/models",
  operationId: "list_models",
  summary: "List models, in OpenAI's format",
  description:
    "The models of each provider that you can call; one that does not answer is left out.",
  answers: {
    200: {
      description: "The models.",
      schema: z.object({ object: z.literal("list"), data: z.array(modelSchema) }),
    },
  },
  errors,
}, async (context) => {
  const data = await listModels(await readSources(await callContext(context)));
  return { object: "list", data };
});

/** Some names of models have a slash, which is a path's, too, unless a client escapes it. */
const getAt = (path: string, operationId: string, shape: z.ZodRawShape): Route =>
  createRoute({
    ...common,
    path,
    operationId,
    summary: "Get a model, in OpenAI's format",
    description: "One of the models that the list has.",
    params: z.object(shape),
    answers: { 200: { description: "The model.", schema: modelSchema } },
    errors: [...errors, "model_not_found"],
  }, async (context) => {
    const id = Object.keys(shape).map((name) => Reflect.get(context.params, name)).join("/");
    const models = await listModels(await readSources(await callContext(context)));
    const model = models.find((candidate) =>
      candidate.id === id || `${candidate.owned_by}/${candidate.id}` === id
    );
    if (model) return { ...model, id };
    throw new ApiError("model_not_found", `The model ${id} does not exist or you can't use it`);
  });

const segment = z.string().min(1).max(200);

export const models = [
  list,
  getAt("/v1/models/{model}", "get_model", { model: segment }),
  getAt("/v1/models/{provider}/{model}", "get_model_of", { provider: segment, model: segment }),
];
