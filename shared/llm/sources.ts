import { unwrap } from "@shared/database.ts";
import { decrypt } from "@shared/envelope.ts";
import { platformProvider } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { type Adapter, adapterAt, providerAt } from "@shared/llm/adapters.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { describeError, log } from "@shared/log.ts";
import { type Endpoint, endpointOf, PROVIDERS } from "@shared/providers.ts";

/** A provider that can be called, with whose key. */
export type Source = {
  /** What `<provider>/<model>` names it by, and usage notes. */
  provider: string;
  /** Whose the key is; the user's own comes before the organization's, and that before the platform's. */
  level: "user" | "organization" | "platform";
  endpoint: Endpoint;
  /** A tenant wrote the address: it must be public. */
  isTenantAddress: boolean;
  /** Whether it is asked for any model, for nobody knows what it has. */
  servesAny: boolean;
  adapter: Adapter;
  /** The key, decrypted for the call; "" where none is needed. @throws {ApiError} */
  key(): Promise<string>;
};

const RANK = { user: 0, organization: 1, platform: 2 };

/**
 * The providers that a user can call in an organization, those whose keys come first before the
 * others. Keys stay encrypted until one is used.
 */
export async function readSources(
  { service, organizationId, userId }: Pick<LlmContext, "service" | "organizationId" | "userId">,
): Promise<Source[]> {
  const rows = await unwrap(
    service.from("provider_keys")
      .select("id,user_id,provider,base_url,ciphertext,key_version")
      .match({ organization_id: organizationId, is_active: true })
      .or(`user_id.is.null,user_id.eq.${userId}`)
      .order("provider"),
  );
  const own = rows.flatMap((row): Source[] => {
    const { id, provider, base_url, ciphertext, key_version } = row;
    // A client that writes to the database itself can leave out the address of a provider of its own.
    if (base_url === null && !PROVIDERS.has(provider)) return [];
    const endpoint = endpointOf(provider, base_url);
    const level = row.user_id === null ? "organization" : "user";
    const owner = { organizationId, rowId: id };
    return [{
      provider,
      level,
      endpoint,
      isTenantAddress: base_url !== null,
      servesAny: providerAt(endpoint.baseUrl) === undefined,
      adapter: adapterAt(endpoint.baseUrl),
      key: () =>
        decrypt({ ciphertext, key_version }, owner).catch((error) => {
          if (error instanceof ApiError) throw error;
          log("error", { provider_key: id, error: describeError(error) });
          throw new ApiError(
            "provider_error",
            `The ${level}'s key for ${provider} can't be decrypted: set it again`,
          );
        }),
    }];
  });
  return [...own, ...platformSource()].sort((a, b) => RANK[a.level] - RANK[b.level]);
}

/** The platform's provider, for whoever has no key of their own: none, or one. */
export function platformSource(): Source[] {
  const { key, baseUrl: given } = platformProvider();
  if (key === "" && given === "") return [];
  const endpoint = endpointOf(providerAt(given) ?? "openai", given || null);
  const known = providerAt(endpoint.baseUrl);
  return [{
    provider: known ?? "platform",
    level: "platform",
    endpoint,
    isTenantAddress: false,
    servesAny: known === undefined,
    adapter: adapterAt(endpoint.baseUrl),
    key: () => Promise.resolve(key),
  }];
}
