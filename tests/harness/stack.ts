import process from "node:process";
import { startOwnStack } from "./own_stack.ts";

/** Where the stack under test answers. */
export type TestStack = {
  url: string;
  dbUrl: string;
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
};

function fromEnvironment(): TestStack | undefined {
  const {
    SUPABASE_URL,
    SUPABASE_DB_URL,
    SUPABASE_PUBLISHABLE_KEY,
    SUPABASE_SECRET_KEY,
    SUPABASE_JWT_SECRET,
  } = process.env;
  return SUPABASE_URL && SUPABASE_DB_URL && SUPABASE_PUBLISHABLE_KEY && SUPABASE_SECRET_KEY &&
      SUPABASE_JWT_SECRET
    ? {
      url: SUPABASE_URL,
      dbUrl: SUPABASE_DB_URL,
      publishableKey: SUPABASE_PUBLISHABLE_KEY,
      secretKey: SUPABASE_SECRET_KEY,
      jwtSecret: SUPABASE_JWT_SECRET,
    }
    : undefined;
}

/**
 * The stack that all tests share: the one that `npm test` started, or any whose `stack.env` is in
 * the environment; a test file run by itself starts one in memory, which ends with its process.
 */
export const stack: TestStack = fromEnvironment() ?? await startOwnStack();
