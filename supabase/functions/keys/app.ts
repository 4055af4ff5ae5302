import type { Api } from "@shared/app.ts";
import { createApiKey } from "./routes/create_key.ts";
import { apiKeys } from "./routes/keys.ts";
import { providerKeys } from "./routes/provider_keys.ts";
import { putProviderKey } from "./routes/put_provider_key.ts";
import { reencryptSecrets } from "./routes/reencrypt_secrets.ts";
import { revokeApiKey } from "./routes/revoke_key.ts";
import { rotateApiKey } from "./routes/rotate_key.ts";
import { verifyApiKey } from "./routes/verify_key.ts";
import { verifyProviderKey } from "./routes/verify_provider_key.ts";

/** What the keys function answers. A fixed path comes before one with a parameter in its place. */
export const api: Api = {
  description: "Keys to call the API with, and keys that providers of models are called with.",
  routes: [
    verifyApiKey,
    ...providerKeys,
    putProviderKey,
    reencryptSecrets,
    verifyProviderKey,
    createApiKey,
    ...apiKeys,
    revokeApiKey,
    rotateApiKey,
  ],
};
