import { unwrap } from "@shared/database.ts";
import { decrypt, type Owner, type Sealed } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { parseJson } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { NetworkError, publicFetch, type PublicResponse } from "@shared/network.ts";
import { type Endpoint, endpointOf } from "@shared/providers.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { getProviderKey } from "../read_rows.ts";
import { providerKeySchema } from "../schemas.ts";

export const verifyProviderKey = createRoute({
  method: "post",
  path: "/providers/{id}/verify",
  auth: "user",
  scope: "keys:run",
  operationId: "verify_provider_key",
  summary: "Verify a provider's key",
  description:
    "Asks the provider for its models with the key, and notes whether it took it. That the key was used is logged.",
  params: z.object({ id: z.uuid() }),
  answers: {
    200: {
      description: "The key; `verified` is what the provider said.",
      schema: providerKeySchema,
    },
  },
  errors: ["conflict", "encryption_not_configured", "provider_error"],
}, async ({ params: { id }, database, service }) => {
  await unwrap(database.rpc("log_provider_key_read", { key_id: id }));
  // The key and its address are read together: they can be replaced at any moment.
  const { organization_id, provider, base_url, ciphertext, key_version } = await unwrap(
    service().from("provider_keys")
      .select("organization_id,provider,base_url,ciphertext,key_version").eq("id", id).single(),
  );
  const sealed = { ciphertext, key_version };
  const key = await decryptOrRefuse(sealed, { organizationId: organization_id, rowId: id });
  const verified = await isTaken(endpointOf(provider, base_url), key);
  await unwrap(service().rpc("note_provider_verdict", { key_id: id, ciphertext, verified }));
  return await getProviderKey(database, id);
});

function decryptOrRefuse(sealed: Sealed, owner: Owner): Promise<string> {
  return decrypt(sealed, owner).catch((error) => {
    if (error instanceof ApiError) throw error;
    log("error", { provider_key: owner.rowId, error: describeError(error) });
    const message =
      "The key can't be decrypted: it was changed or moved in the database; set it again";
    throw new ApiError("conflict", message);
  });
}

async function isTaken(endpoint: Endpoint, key: string): Promise<boolean> {
  const { status, body } = await ask(endpoint, key);
  if (endpoint.refusals.includes(status)) return false;
  if (status < 200 || status >= 300) {
    throw new ApiError("provider_error", `The provider answered ${status}`);
  }
  // A page that greets everyone has not taken the key.
  if (isJson(body)) return true;
  throw new ApiError(
    "provider_error",
    "The provider's answer is not a list of models: is base_url right?",
  );
}

async function ask({ modelsUrl, headers }: Endpoint, key: string): Promise<PublicResponse> {
  const request = {
    headers: { accept: "application/json", ...headers(key) },
    maxBytes: 5_000_000,
    timeoutMs: 15_000,
    // A key is for the address that it was given for.
    maxRedirects: 0,
  };
  try {
    return await publicFetch(modelsUrl, request);
  } catch (cause) {
    if (!(cause instanceof NetworkError)) throw cause;
    throw new ApiError(
      "provider_error",
      cause.code === "too_many_redirects"
        ? "The provider answered with a redirect, and a key is for its address alone: set it with another base_url"
        : `The provider could not be asked: ${cause.message}`,
    );
  }
}

/** Lists come in an object or, with some providers, by themselves. */
function isJson(body: Uint8Array): boolean {
  try {
    const value = parseJson(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}
