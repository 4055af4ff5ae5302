import { z } from "zod";
import { messageSchema } from "../conversations/schemas.ts";

/** Tokens and cost of a turn, as `POST /llm-assistant` tells them. */
export const turnUsageSchema = z.object({
  input_tokens: z.int().describe("All of the input, cached tokens among them."),
  cached_tokens: z.int(),
  output_tokens: z.int().describe("All of the output, reasoning tokens among them."),
  reasoning_tokens: z.int(),
  is_estimated: z.boolean().describe("The counts are ours, because the provider told none."),
});

const toolCallSchema = z.looseObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

/** What `POST /llm-assistant` answers with. */
export const turnAnswerSchema = z.object({
  id: z.uuid().describe("The answer's last message."),
  conversation_id: z.uuid(),
  message: z.object({
    role: z.literal("assistant"),
    content: z.string(),
    tool_calls: z.array(toolCallSchema).optional().describe(
      "Calls that wait for your approval: answer with `toolApprovals`.",
    ),
  }),
  model: z.string().nullable(),
  usage: turnUsageSchema,
  cost: z.number().nullable().describe("In US dollars; null where the model has no price."),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })).describe(
    "What advisory budgets say, and whether old messages were left out (`history_cut`).",
  ),
  messages: z.array(messageSchema).describe(
    "All that was kept of the answer, results of tools too.",
  ),
}).meta({ id: "TurnAnswer", description: "The answer to a turn, and where it is kept." });
