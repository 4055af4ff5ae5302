import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { sha256Hex } from "@shared/hash.ts";
import type { AnswerMessage } from "../conversations/turns.ts";
import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";
import type { Tool, ToolContext } from "../tools/tool.ts";
import { needApproval, runCalls } from "./tool_rounds.ts";
import { toolCallsOf } from "./wire_messages.ts";

const leafSchema = z.object({ tool_calls: z.array(jsonSchema).nullable() });

/**
 * Does the work of a decision on the calls that a message waits with, once: of two requests that decide on
 * them one does, also when they come at the same time.
 *
 * @throws {ApiError} `conflict` for the other one
 */
export async function decideOnce<T>(
  database: DatabaseClient,
  leafId: string,
  work: () => Promise<T>,
): Promise<T> {
  const claim = { operation: "decide_calls", key: leafId };
  const end = (answer: { status_code?: number }) =>
    unwrap(database.rpc("end_idempotent_request", { ...claim, ...answer }));
  const request_hash = await sha256Hex(leafId);
  const begun = await unwrap(database.rpc("begin_idempotent_request", { ...claim, request_hash }))
    .catch((error) => {
      if (error instanceof ApiError && error.code === "request_in_flight") return null;
      throw error;
    });
  if (!z.object({ state: z.literal("new") }).safeParse(begun).success) {
    throw new ApiError("conflict", "These calls have been decided on");
  }
  try {
    const result = await work();
    await end({ status_code: 200 });
    return result;
  } catch (error) {
    await end({}).catch(() => {}); // The error that matters is the one of the work.
    throw error;
  }
}

/**
 * Runs what a person has agreed to, of the calls that the conversation's last message waits with, and
 * returns the messages that answer all of them.
 *
 * @throws {ApiError} `conflict` where nothing waits; `validation_failed` where not each call that waits
 *   is decided on
 */
export async function decideCalls(
  database: DatabaseClient,
  leafId: string,
  approvals: ReadonlyMap<string, boolean>,
  tools: readonly Tool[],
  context: ToolContext,
): Promise<AnswerMessage[]> {
  const leaf = await unwrap(
    database.from("messages").select("tool_calls").eq("id", leafId).maybeSingle(),
  );
  const calls = leaf ? toolCallsOf(leafSchema.parse(leaf)) : [];
  if (calls.length === 0) throw nothingWaits();
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
  return await runCalls(calls, tools, { ...context, callId: leafId }, approvals);
}

/** What a decision is answered with where there is nothing to decide. */
export const nothingWaits = () =>
  new ApiError("conflict", "No call of a tool waits for approval in this conversation");
