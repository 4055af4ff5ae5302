import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { API_KEY_COLUMNS, apiKeySchema, keyOptions, nameSchema, scopesSchema } from "../schemas.ts";

export const apiKeys = createResource({
  domain: "keys",
  name: "api key",
  table: "api_keys",
  path: "/",
  item: apiKeySchema,
  select: API_KEY_COLUMNS,
  inOrganization: true,
  filters: z.object({ user_id: z.uuid().optional() }),
  update: {
    body: z.strictObject({
      name: nameSchema.optional(),
      scopes: scopesSchema.optional(),
      is_active: z.boolean().optional().describe("false switches the key off for now."),
      expires_at: keyOptions.expires_at.optional(),
      rate_limit: keyOptions.rate_limit.optional(),
      rate_window_seconds: keyOptions.rate_window_seconds.optional(),
    }),
    example: { is_active: false },
  },
  errors: ["insufficient_scope", "immutable"],
  operations: ["list", "get", "update"],
});
