import { keyVerdictSchema, verifyKey } from "@shared/issued_key.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";

export const verifyApiKey = createRoute({
  method: "post",
  path: "/verify",
  auth: "service",
  scope: "keys:read",
  operationId: "verify_api_key",
  summary: "Verify a key",
  description:
    "For services of your own that take our keys. Always 200: `code` says what is wrong. A valid call counts `cost` " +
    "against the key's limit. Called with a key, it knows the keys of that key's organization alone.",
  body: z.strictObject({
    key: z.string(),
    scope: z.string().max(100).optional().describe("One that the key must hold."),
    cost: z.int().min(0).max(1_000_000).default(1).describe("0 looks without counting."),
  }),
  example: { key: "el_live_…", scope: "pipelines:run" },
  answers: { 200: { description: "What the key is worth.", schema: keyVerdictSchema } },
}, async ({ body: { key, ...options }, caller, forwarded }) => {
  const organizationId = caller.kind === "user" ? caller.organizationId : undefined;
  return await verifyKey(key, { ...options, organizationId }, forwarded);
});
