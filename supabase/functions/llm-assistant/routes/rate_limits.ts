import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { newRateLimitSchema, rateLimitChangeSchema, rateLimitSchema } from "../usage/schemas.ts";

/** Rate limits of calls to models: none unless an admin sets some. */
export const rateLimits = createResource({
  domain: "llm-assistant",
  name: "rate limit",
  table: "rate_limits",
  path: "/rate-limits",
  item: rateLimitSchema,
  select: Object.keys(rateLimitSchema.shape).join(","),
  inOrganization: true,
  filters: z.object({
    scope: rateLimitSchema.shape.scope.optional(),
    subject_id: z.uuid().optional(),
  }),
  create: {
    body: newRateLimitSchema,
    example: { scope: "user", requests_per_minute: 60, tokens_per_minute: 100_000 },
  },
  update: { body: rateLimitChangeSchema, example: { requests_per_minute: 120 } },
  operations: ["list", "get", "create", "update", "delete"],
});
