import { unwrap } from "@shared/database.ts";
import { keyEnvironment } from "@shared/env.ts";
import { createKey } from "@shared/key_format.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import {
  API_KEY_COLUMNS,
  apiKeySchema,
  createdKeySchema,
  keyOptions,
  nameSchema,
  scopesSchema,
} from "../schemas.ts";

export const createApiKey = createRoute({
  method: "post",
  path: "/",
  auth: "user",
  scope: "keys:write",
  operationId: "create_api_key",
  summary: "Issue a key",
  description:
    "A key that acts as you, in this organization, within its scopes. It can't hold a scope that you lack, and the " +
    "`admin` and `*` scopes are an administrator's to give. The key is shown once.",
  body: z.strictObject({
    name: nameSchema,
    scopes: scopesSchema,
    expires_at: keyOptions.expires_at.optional(),
    rate_limit: keyOptions.rate_limit.optional(),
    rate_window_seconds: keyOptions.rate_window_seconds.default(60),
  }),
  example: { name: "Nightly import", scopes: ["pipelines:read", "pipelines:run"] },
  answers: { 201: { description: "The key, this once.", schema: createdKeySchema } },
  errors: ["organization_required"],
}, async ({ body, database, organizationId }) => {
  const organization_id = await organizationId();
  const { key, record } = await createKey(keyEnvironment());
  const row = apiKeySchema.parse(
    await unwrap(
      database.from("api_keys").insert({ ...body, ...record, organization_id })
        .select(API_KEY_COLUMNS).single(),
    ),
  );
  return new Reply({ ...row, key }, { location: row.id });
});
