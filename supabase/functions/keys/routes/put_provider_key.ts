import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { encrypt } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { PROVIDERS } from "@shared/providers.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { getProviderKey } from "../read_rows.ts";
import { nameSchema, providerKeySchema, providerSchema } from "../schemas.ts";

export const putProviderKey = createRoute({
  method: "put",
  path: "/providers/{provider}",
  auth: "user",
  scope: "keys:write",
  operationId: "put_provider_key",
  summary: "Set a provider's key",
  description:
    "Your own key with a provider, or the organization's (role admin), in place of the one before. It is encrypted " +
    "before it is stored and never shown again.",
  params: z.object({ provider: providerSchema }),
  body: z.strictObject({
    key: z.string().trim().min(8).max(4000).regex(
      /^[!-~]*$/,
      "A key is ASCII without spaces: it is sent in a header",
    ),
    name: nameSchema.optional().describe("The provider's name, unless told."),
    scope: z.enum(["user", "organization"]).default("user"),
    // The rule is the database's as well.
    base_url: z.url().regex(
      /^https?:\/\/[^\s@?#]+$/,
      "An address is http or https, without credentials, query and fragment",
    ).max(1000).optional().describe(
      "Where the provider speaks OpenAI's format; needed for one that we don't know.",
    ),
  }),
  example: { key: "sk-proj-0123456789", scope: "organization" },
  answers: {
    200: { description: "The key is set, without the key itself.", schema: providerKeySchema },
  },
  errors: ["organization_required", "conflict", "encryption_not_configured"],
}, async ({ params: { provider }, body, caller, database, organizationId }) => {
  if (!body.base_url && !PROVIDERS.has(provider)) {
    const message = `We don't know where ${provider} is: give its base_url`;
    throw new ApiError("validation_failed", message, { errors: [{ path: "base_url", message }] });
  }
  const organization_id = await organizationId();
  const user_id = body.scope === "user" && caller.kind === "user" ? caller.userId : null;
  const key_id = await findId(database, { organization_id, user_id, provider }) ??
    crypto.randomUUID();
  await unwrap(database.rpc("put_provider_key", {
    key_id,
    organization_id,
    is_own: body.scope === "user",
    key: {
      provider,
      name: body.name ?? provider,
      base_url: body.base_url ?? null,
      last_four: body.key.slice(-4),
      ...await encrypt(body.key, { organizationId: organization_id, rowId: key_id }),
    },
  }));
  return new Reply(await getProviderKey(database, key_id));
});

/** A key is encrypted for its row, so one that replaces another takes its id. */
async function findId(
  database: DatabaseClient,
  { user_id, ...row }: { organization_id: string; user_id: string | null; provider: string },
): Promise<string | undefined> {
  const rows = database.from("provider_keys").select("id").match(row);
  const own = user_id === null ? rows.is("user_id", null) : rows.eq("user_id", user_id);
  return (await unwrap(own.maybeSingle()))?.id;
}
