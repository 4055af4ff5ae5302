import type { Caller } from "@shared/access.ts";
import type { DatabaseClient } from "@shared/database.ts";
import { isJsonObject, type JsonObject, jsonSchema } from "@shared/json.ts";
import { z } from "zod";

const parametersSchema = z.custom<JsonObject>((value) => {
  const parsed = jsonSchema.safeParse(value);
  return parsed.success && isJsonObject(parsed.data);
}, "A JSON Schema of an object");

/** A tool as `get_assistant_for_use` gives it. */
export const toolForUseSchema = z.object({
  name: z.string(),
  description: z.string(),
  parameters: parametersSchema,
  code: z.string().nullable(),
  approval: z.enum(["never", "always"]),
  built_in: z.boolean(),
});

/** What a model may call; `code` is null for a built-in one. `approval: "always"`: a person agrees first. */
export type Tool = z.infer<typeof toolForUseSchema>;

/** Time that code may still take, in milliseconds. */
export type CodeTime = { leftMs: number };

/** Whom a tool works for. */
export type ToolContext = {
  /** The Data API as the caller, under RLS: never the service's. */
  database: DatabaseClient;
  caller: Caller;
  /** Where the conversation is: what a tool reads and starts is of this organization. */
  organizationId: string;
  /** What the call is known by: the same one again starts nothing twice. */
  callId?: string;
  /** What is left for the code of all own tools of a turn; a call by itself has its own limit alone. */
  codeTime?: CodeTime;
  /** Aborted when nobody waits for the result any more. */
  signal?: AbortSignal;
};

/** Why a tool gave no output: told to the model, so it holds nothing that the caller may not know. */
export class ToolError extends Error {
  override readonly name = "ToolError";

  constructor(readonly code: string, message: string) {
    super(message);
  }
}
