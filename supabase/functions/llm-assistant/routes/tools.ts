import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { checkTool } from "../tools/check_tool.ts";
import { newToolSchema, toolChangeSchema, toolSchema } from "../tools/schemas.ts";

/** An organization's own tools. */
export const tools = createResource({
  domain: "llm-assistant",
  name: "tool",
  table: "tools",
  path: "/tools",
  item: toolSchema,
  select: Object.keys(toolSchema.shape).join(","),
  inOrganization: true,
  versioned: true,
  filters: z.object({
    name: z.string().optional().describe("The tool of exactly this name."),
    is_active: z.enum(["true", "false"]).optional(),
  }),
  create: {
    body: newToolSchema,
    example: {
      name: "celsius",
      description: "Turns degrees Fahrenheit into Celsius",
      parameters: {
        type: "object",
        required: ["fahrenheit"],
        properties: { fahrenheit: { type: "number" } },
      },
      code: "return Math.round((input.fahrenheit - 32) / 0.18) / 10;",
    },
  },
  update: { body: toolChangeSchema, example: { approval: "always" } },
  check: checkTool,
  operations: ["list", "get", "create", "update", "delete"],
});
