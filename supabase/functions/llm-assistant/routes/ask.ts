import { ApiError } from "@shared/errors.ts";
import { streamText } from "@shared/llm/wire_stream.ts";
import { createRoute } from "@shared/route.ts";
import { turnAnswerSchema } from "../turn/answer_schema.ts";
import { askSchema } from "../turn/ask_schema.ts";
import { fromAsk } from "../turn/from_ask.ts";
import { idempotencyKeyOf } from "../turn/idempotency_key.ts";
import { beginAnswer } from "../turn/keep_answer.ts";
import { prepareTurn } from "../turn/prepare_turn.ts";
import { replayStream, replayTurn } from "../turn/replay_turn.ts";
import { answerWhole, streamAnswer } from "../turn/send_answer.ts";
import { modelCall, TURN_ERRORS } from "../model_call.ts";

export const ask = createRoute({
  ...modelCall,
  method: "post",
  path: "/",
  operationId: "ask",
  summary: "Ask, and keep what is said",
  description:
    "One turn of a conversation: what you say is kept at once, the answer when it is whole. `assistantId` asks an " +
    "approved assistant, whose tools are called as you; `context` tells the model of a project's schema. With an " +
    "Idempotency-Key a retry is given the answer that is there, and never a second one.",
  idempotent: "own",
  body: askSchema,
  example: { messages: [{ role: "user", content: "Help me design a table of users." }] },
  answers: {
    200: {
      description:
        "The answer; with `stream`, OpenAI's chunks as they come, the last of which has `conversation_id`, `message_id` and `cost`.",
      schema: turnAnswerSchema,
      content: {
        "text/event-stream": {
          example: 'data: {"object":"chat.completion.chunk","choices":[…]}\n\ndata: [DONE]\n\n',
        },
      },
    },
  },
  errors: [...TURN_ERRORS, "conflict"],
}, async (context) => {
  const { body } = context;
  // Documents come with a domain of their own: until then there is none to be seen.
  const [documentId] = body.context?.documentIds ?? [];
  if (documentId) throw new ApiError("not_found", `No document with id ${documentId}`);
  const prepared = await prepareTurn(context, fromAsk(body, idempotencyKeyOf(context)));
  const known = prepared.turn?.answer;
  if (known) {
    return body.stream
      ? replayStream(prepared, known, { includeUsage: true })
      : replayTurn(prepared, known);
  }
  const answer = await beginAnswer(context, prepared);
  if (!body.stream) return await answerWhole(context, prepared, answer);
  const { requestId } = context;
  const { opening, headers } = streamAnswer(context, prepared, answer, { includeUsage: true });
  return await streamText(opening, { headers, requestId, abort: () => answer.giveUp() });
});
