import { sha256Hex } from "@shared/hash.ts";
import type { ToolCall } from "@shared/llm/accumulator.ts";
import type { AnswerMessage } from "../conversations/turns.ts";
import { MAX_TOOL_CALLS, runTool, type ToolResult } from "../tools/run_tool.ts";
import type { Tool, ToolContext } from "../tools/tool.ts";

/** Calls of tools that a model makes in its answer. */

/** Whether a person has to agree before these are run. */
export const needApproval = (calls: readonly ToolCall[], tools: readonly Tool[]): ToolCall[] =>
  calls.filter((call) => toolOf(call, tools)?.approval === "always");

const toolOf = ({ function: { name } }: ToolCall, tools: readonly Tool[]) =>
  tools.find((tool) => tool.name === name);

/**
 * Runs calls one after the other and returns the messages that answer them, in their order. Whatever
 * goes wrong is an answer, too. What comes after the signal is aborted is not run, and has none.
 *
 * @param approvals what a person said of calls that wait for it
 */
export async function runCalls(
  calls: readonly ToolCall[],
  tools: readonly Tool[],
  context: ToolContext,
  approvals?: ReadonlyMap<string, boolean>,
): Promise<AnswerMessage[]> {
  const answers: AnswerMessage[] = [];
  for (const [index, call] of calls.entries()) {
    if (context.signal?.aborted) break;
    const { content, is_error, duration_ms } = await answer(call, index);
    answers.push({
      role: "tool",
      content,
      tool_call_id: call.id,
      response_time_ms: duration_ms,
      metadata: { name: call.function.name, is_error },
    });
  }
  return answers;

  async function answer(call: ToolCall, index: number): Promise<ToolResult> {
    const tool = toolOf(call, tools);
    if (!tool) return refusal("There is no tool of this name");
    if (index >= MAX_TOOL_CALLS) {
      return refusal(`Not run: ${MAX_TOOL_CALLS} calls at most are made at once`);
    }
    if (tool.approval === "always" && approvals?.get(call.id) !== true) {
      return refusal("Not run: the user declined it");
    }
    // Not by the provider's id, which is another one when a killed turn is tried again, and with some
    // providers the same in each round.
    const { name, arguments: given } = call.function;
    const callId = await sha256Hex(JSON.stringify([context.callId, index, name, given]));
    return await runTool(tool, given, { ...context, callId });
  }
}

const refusal = (content: string): ToolResult => ({ content, is_error: true, duration_ms: 0 });

/** What a model is told of the tools that it may call. */
export const describeTools = (tools: readonly Tool[]) =>
  tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
