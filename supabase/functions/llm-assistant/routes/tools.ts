import { ApiError } from "@shared/errors.ts";
import { createResource } from "@shared/resource.ts";
import type { Route } from "@shared/route.ts";
import { z } from "zod";
import { checkTool } from "../tools/check_tool.ts";
import { newToolSchema, toolChangeSchema, toolSchema } from "../tools/schemas.ts";

/** The route, with the schema and the code of its body checked first. */
const checked = ({ contract, handle }: Route): Route => ({
  contract,
  handle: async (context) => {
    const errors = await checkTool(toolChangeSchema.loose().parse(context.body));
    const [first] = errors;
    if (first) {
      throw new ApiError("validation_failed", `${first.path}: ${first.message}`, { errors });
    }
    return await handle(context);
  },
});

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
  operations: ["list", "get", "create", "update", "delete"],
}).map((route) => route.contract.body ? checked(route) : route);
