import { DOMAINS, VERBS } from "@shared/access.ts";
import { z } from "zod";

const time = z.string().describe("ISO 8601.");

export const nameSchema = z.string().trim().min(1).max(200);

const scopes: string[] = DOMAINS.flatMap((domain) =>
  [...VERBS, "*"].map((verb) => `${domain}:${verb}`)
);

export const scopesSchema = z.array(z.enum(scopes)).min(1).max(40).transform((given) => [
  ...new Set(given),
]).describe("`<domain>:<verb>`, or `<domain>:*` for all of a domain.");

/** What a key may be given and may be changed. */
export const keyOptions = {
  expires_at: z.iso.datetime({ offset: true }).nullable().describe("null: never."),
  rate_limit: z.int().min(1).max(1_000_000).nullable().describe("Calls a window; null: no limit."),
  rate_window_seconds: z.int().min(1).max(86_400).describe("How long a window is."),
};

export const apiKeySchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  user_id: z.uuid().describe("Who the key acts as."),
  name: z.string(),
  prefix: z.string().describe("How the key begins."),
  last_four: z.string().describe("How its secret ends."),
  scopes: z.array(z.string()),
  expires_at: time.nullable(),
  is_active: z.boolean(),
  revoked_at: time.nullable().describe("In the future while the grace of a rotation lasts."),
  replaced_by: z.uuid().nullable(),
  rate_limit: z.int().nullable(),
  rate_window_seconds: z.int(),
  last_used_at: time.nullable().describe("To the minute."),
  last_used_ip: z.string().nullable(),
  created_at: time,
  updated_at: time,
}).meta({ id: "ApiKey", description: "An issued key, without the key itself." });

/** The columns that clients may read: all but the hash. */
export const API_KEY_COLUMNS = Object.keys(apiKeySchema.shape).join(",");

export const createdKeySchema = apiKeySchema.extend({
  key: z.string().describe("Shown this once."),
}).meta({ id: "CreatedApiKey", description: "An issued key with the key itself." });

export const providerSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,49}$/)
  .describe("openai, anthropic, gemini … or a name of your own for another address.");

export const providerKeySchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  user_id: z.uuid().nullable().describe("Whose own it is; null: the organization's."),
  provider: providerSchema,
  name: z.string(),
  base_url: z.string().nullable().describe("null: the provider's own address."),
  key_version: z.int().describe("Which key-encryption key wraps it."),
  last_four: z.string(),
  verified: z.boolean().describe("Whether the provider took it when asked last."),
  verified_at: time.nullable(),
  is_active: z.boolean(),
  created_at: time,
  updated_at: time,
}).meta({ id: "ProviderKey", description: "A provider's key, without the key itself." });

/** The columns that clients may read: all but the ciphertext. */
export const PROVIDER_KEY_COLUMNS = Object.keys(providerKeySchema.shape).join(",");
