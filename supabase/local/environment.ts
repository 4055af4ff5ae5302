import { parseEnv } from "node:util";
import { DEMO_PATH } from "./demo_model.ts";
import { processVariable } from "./edge_runtime.ts";
import type { Secrets } from "./secrets.ts";

/** Where a stack is reached. */
export interface Addresses {
  readonly url: string;
  readonly dbUrl: string;
}

/**
 * The variables that functions get beyond those of the process: the platform's own, what
 * `supabase functions serve` reads from `.env`, and Edgeloom's keys. What the developer has set in
 * the process's environment comes first, but for the platform's names, which are this stack's.
 */
export async function functionVariables(
  { url, dbUrl }: Addresses,
  secrets: Secrets,
  envFile: string,
): Promise<Map<string, string>> {
  const platform = {
    SUPABASE_URL: url,
    SUPABASE_DB_URL: dbUrl,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: secrets.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: secrets.secretKey }),
    SUPABASE_JWT_SECRET: secrets.jwtSecret,
  };
  const defaults: Record<string, string> = {
    EDGELOOM_JWT_KEY: secrets.jwtSecret,
    EDGELOOM_ENCRYPTION_KEYS: JSON.stringify(secrets.encryptionKeys),
    ...await readEnvFile(envFile),
  };
  if (!PROVIDER.some((name) => processVariable(name) || defaults[name])) {
    Object.assign(defaults, demoProvider(url));
  }
  const unset = Object.entries(defaults).filter(([name]) => processVariable(name) === undefined);
  return new Map([...unset, ...Object.entries(platform)]);
}

/** What configures a provider of models for the platform. */
const PROVIDER = ["OPENAI_API_KEY", "OPENAI_BASE_URL"];

/** The demo model, set like every other provider: functions don't know of it. */
const demoProvider = (url: string) => ({
  OPENAI_API_KEY: "demo",
  OPENAI_BASE_URL: `${url}${DEMO_PATH}`,
  EDGELOOM_CHAT_MODEL: "demo-chat",
  EDGELOOM_EMBEDDING_MODEL: "demo-embedding",
});

/** Whether functions with these variables are served by the demo model. */
export const usesDemoModel = (variables: ReadonlyMap<string, string>): boolean =>
  variables.get("OPENAI_BASE_URL")?.endsWith(DEMO_PATH) ?? false;

async function readEnvFile(file: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(file).catch(() => "");
  const read = Object.entries(parseEnv(text)).map(([name, value]) => [name, value ?? ""]);
  return Object.fromEntries(read);
}
