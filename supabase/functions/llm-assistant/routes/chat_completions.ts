import { prepareChat } from "@shared/llm/chat.ts";
import { streamText } from "@shared/llm/wire_stream.ts";
import { createRoute, type RouteContext } from "@shared/route.ts";
import { callContext } from "../openai/call_context.ts";
import {
  type ChatCompletionRequest,
  chatCompletionSchema,
  chatRequestSchema,
} from "../openai/chat_schema.ts";
import { checkRequest } from "../openai/check_request.ts";
import { completeTurn } from "../openai/complete_turn.ts";
import { passOn } from "../openai/pass_on.ts";
import { modelCall, TURN_ERRORS } from "../model_call.ts";

export const createChatCompletion = createRoute({
  ...modelCall,
  method: "post",
  path: "/v1/chat/completions",
  operationId: "create_chat_completion",
  summary: "Complete a chat, in OpenAI's format",
  description:
    "What `openai` clients of any language call. The provider that serves the model is called with your own key, " +
    "else your organization's, else the platform's. It is asked again, or `fallback_models` are, while nothing of " +
    "an answer has come. With `conversation_id` the turn is kept there, with `assistant_id` an approved assistant " +
    "answers. Fields that are not listed here are passed on.",
  idempotent: "own",
  body: chatRequestSchema,
  example: { model: "demo-chat", messages: [{ role: "user", content: "Hello" }] },
  answers: {
    200: {
      description: "The answer; with `stream`, its chunks as they come, and `[DONE]`.",
      schema: chatCompletionSchema,
      content: {
        "text/event-stream": {
          example: 'data: {"object":"chat.completion.chunk","choices":[…]}\n\ndata: [DONE]\n\n',
        },
      },
    },
  },
  errors: TURN_ERRORS,
}, async (context) => {
  const { body } = context;
  await checkRequest(body);
  // A turn that is kept knows its Idempotency-Key by itself.
  if (body.conversation_id !== undefined) return await completeTurn(context);
  return await context.once(() =>
    body.assistant_id === undefined ? complete(context) : completeTurn(context)
  );
});

/** Asks the provider alone: nothing is kept. */
async function complete(
  context: RouteContext<unknown, unknown, ChatCompletionRequest>,
): Promise<Response> {
  const { body, requestId } = context;
  const chat = await prepareChat(await callContext(context), body);
  const { headers } = chat;
  if (!body.stream) {
    const { text } = await chat.complete();
    return new Response(text, { headers: { ...headers, "content-type": "application/json" } });
  }
  const includeUsage = body.stream_options?.include_usage === true;
  const opening = chat.stream().then((stream) => passOn(stream, includeUsage));
  return await streamText(opening, { headers, requestId, abort: () => chat.abort() });
}
