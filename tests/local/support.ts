import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { type Stack, type StackOptions, startStack } from "../../supabase/local/stack.ts";
import { templateSnapshot } from "../../supabase/local/template.ts";

/** The fixtures' folder. */
export const FIXTURES = new URL("fixtures", import.meta.url).pathname;

/** What a stack of the fixtures is made of. */
export const FIXTURE_OPTIONS = {
  migrationsDir: `${FIXTURES}/migrations`,
  functionsDir: `${FIXTURES}/functions`,
  configFile: `${FIXTURES}/config.toml`,
  scheduler: false,
} satisfies StackOptions;

/** Runs a test against a stack of the fixtures in memory. */
export async function withStack(
  test: (stack: Stack) => Promise<void>,
  options: StackOptions = {},
): Promise<void> {
  const snapshot = await templateSnapshot(FIXTURE_OPTIONS.migrationsDir);
  const stack = await startStack({ ...FIXTURE_OPTIONS, snapshot, ...options });
  try {
    await test(stack);
  } finally {
    await stack.stop();
  }
}

/** Runs a test with a folder that is gone afterwards. */
export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_test_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A client without a session. */
export function clientOf(stack: Stack, key = stack.publishableKey): SupabaseClient {
  return createClient(stack.url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
}

/** A new user's client. */
export async function signUp(stack: Stack): Promise<{ client: SupabaseClient; id: string }> {
  const client = clientOf(stack);
  const email = `${crypto.randomUUID()}@example.com`;
  const { data, error } = await client.auth.signUp({ email, password: "correct-horse-battery" });
  if (error || !data.user || !data.session) throw error ?? new Error("No session after sign-up.");
  return { client, id: data.user.id };
}
