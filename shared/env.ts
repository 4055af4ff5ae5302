import { z } from "zod";

/**
 * The one module that reads the environment: hosted names (JSON maps of keys), the legacy ones, and
 * what the local stack and `supabase functions serve` set. Read at each use, so that a function boots
 * without it, a missing value is an answer and not a crash, and stacks side by side keep apart.
 */

const keyMapSchema = z.record(z.string(), z.string());

/** Reads JSON of a secret. The parser's own error would quote from it, into a log. */
export function parseSecret(name: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(`${name} is not JSON`);
  }
}

function keyMap(name: string, legacyName: string): string[] {
  const json = Deno.env.get(name);
  const legacy = Deno.env.get(legacyName);
  const keys = json ? Object.values(keyMapSchema.parse(parseSecret(name, json))) : [];
  return legacy ? [...keys, legacy] : keys;
}

function required(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

/** The project's base URL, without a trailing slash. */
export const supabaseUrl = () => required("SUPABASE_URL").replace(/\/$/, "");

/** Keys that identify the project and nobody in it. The first one is what we send. */
export const publishableKeys = () => keyMap("SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_ANON_KEY");

/** Keys that open everything. The first one is what we send. */
export const secretKeys = () => keyMap("SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY");

/** JSON Web Key Set of the auth server, when the platform hands it over. */
export const jwks = () => Deno.env.get("SUPABASE_JWKS");

/**
 * The shared secret of HS256 user tokens: set by the local stack, and elsewhere equal to
 * EDGELOOM_JWT_KEY where that is a plain secret.
 */
export const jwtSecret = () => {
  const own = signingKey();
  return Deno.env.get("SUPABASE_JWT_SECRET") ?? (own?.startsWith("{") ? undefined : own);
};

/** What we sign short-lived user tokens with: the project's JWT secret, or a private JWK (JSON). */
export const signingKey = () => Deno.env.get("EDGELOOM_JWT_KEY");

/** The middle of the keys we issue, `el_<env>_…`: 2 to 10 lower case letters, `live` unless told. */
export function keyEnvironment(): string {
  const name = Deno.env.get("EDGELOOM_KEY_ENVIRONMENT") ?? "live";
  if (/^[a-z]{2,10}$/.test(name)) return name;
  throw new Error("EDGELOOM_KEY_ENVIRONMENT is not 2 to 10 lower case letters");
}

/** Key-encryption keys `{"<version>": "<base64 of 32 bytes>"}`; undefined while none are set. */
export const encryptionKeys = () => Deno.env.get("EDGELOOM_ENCRYPTION_KEYS");

/** Headers (JSON) that the deployment's Dagster asks for, as `{"Dagster-Cloud-Api-Token": "…"}`. */
export function dagsterHeaders(): Record<string, string> {
  const json = Deno.env.get("EDGELOOM_DAGSTER_HEADERS");
  return json ? keyMapSchema.parse(parseSecret("EDGELOOM_DAGSTER_HEADERS", json)) : {};
}

/** `EDGELOOM_LOG=off` keeps the request log quiet. */
export const logIsOff = () => Deno.env.get("EDGELOOM_LOG") === "off";

/** The platform's own provider of models, as OpenAI's own clients read it; "" where nothing is set. */
export const platformProvider = () => ({
  key: Deno.env.get("OPENAI_API_KEY") ?? "",
  baseUrl: (Deno.env.get("OPENAI_BASE_URL") ?? "").replace(/\/+$/, ""),
});

/** Models that are used where none is named; undefined: the provider's usual ones. */
export const defaultModels = () => ({
  chat: Deno.env.get("EDGELOOM_CHAT_MODEL") || undefined,
  embedding: Deno.env.get("EDGELOOM_EMBEDDING_MODEL") || undefined,
});

/** JSON of how long model providers are waited for; undefined while none is set. */
export const providerTimeouts = () => Deno.env.get("EDGELOOM_PROVIDER_TIMEOUTS") || undefined;
