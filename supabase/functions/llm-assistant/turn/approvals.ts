import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import type { AnswerMessage } from "../conversations/turns.ts";
import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";
import type { Tool, ToolContext } from "../tools/tool.ts";
import { needApproval, runCalls } from "./tool_rounds.ts";
import { toolCallsOf } from "./wire_messages.ts";

const leafSchema = z.object({ tool_calls: z.array(jsonSchema).nullable() });

/**
 * Runs what a person has agreed to, of the calls that the conversation's last message waits with, and
 * returns the messages that answer all of them.
 *
 * @throws {ApiError} `conflict` where nothing waits; `validation_failed` where not each call that waits
 *   is decided on
 */
export async function decideCalls(
  database: DatabaseClient,
  leafId: string | null,
  approvals: ReadonlyMap<string, boolean>,
  tools: readonly Tool[],
  context: ToolContext,
): Promise<AnswerMessage[]> {
  const leaf = leafId === null ? null : await unwrap(
    database.from("messages").select("tool_calls").eq("id", leafId).maybeSingle(),
  );
  const calls = leaf ? toolCallsOf(leafSchema.parse(leaf)) : [];
  if (calls.length === 0) {
    throw new ApiError("conflict", "No call of a tool waits for approval in this conversation");
  }
  const waiting = needApproval(calls, tools).map(({ id }) => id);
  const undecided = waiting.filter((id) => !approvals.has(id));
  const unknown = [...approvals.keys()].filter((id) => !waiting.includes(id));
  const wrong = undecided[0] ?? unknown[0];
  if (wrong !== undefined) {
    const message = undecided.length > 0
      ? `Say of each call that waits whether it is approved: of ${wrong} it is not said`
      : `No call with the id ${wrong} waits for approval`;
    throw new ApiError("validation_failed", message, {
      errors: [{ path: "toolApprovals", message }],
    });
  }
  return await runCalls(calls, tools, { ...context, callId: leafId ?? "" }, approvals);
}
