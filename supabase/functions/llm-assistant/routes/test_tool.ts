import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { jsonSchema } from "@shared/json.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { executeTool } from "../tools/execute_tool.ts";
import { toolTestSchema } from "../tools/schemas.ts";
import { ToolError, toolForUseSchema } from "../tools/tool.ts";

export const testTool = createRoute({
  method: "post",
  path: "/tools/{id}/test",
  auth: "user",
  scope: "llm-assistant:run",
  operationId: "test_tool",
  summary: "Test a tool",
  description:
    "Calls the tool with these arguments, as a model would: what goes wrong is in `error`.",
  params: z.object({ id: z.uuid() }),
  body: z.strictObject({ arguments: z.record(z.string(), jsonSchema).default({}) }),
  example: { arguments: { fahrenheit: 68 } },
  answers: { 200: { description: "Its output, or why there is none.", schema: toolTestSchema } },
}, async ({ params, body, database, caller }) => {
  const row = await unwrap(database.from("tools").select("*").eq("id", params.id).maybeSingle());
  if (!row) throw new ApiError("not_found", `No tool with id ${params.id}`);
  const tool = toolForUseSchema.parse({ ...row, built_in: false });
  const context = { database, caller, organizationId: row.organization_id };
  const started = performance.now();
  const duration = () => Math.round(performance.now() - started);
  try {
    const output = await executeTool(tool, JSON.stringify(body.arguments), context);
    return { output, duration_ms: duration() };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { error: { code: error.code, message: error.message }, duration_ms: duration() };
  }
});
