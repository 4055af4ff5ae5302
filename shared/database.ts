import { PostgrestClient, type PostgrestError } from "@supabase/postgrest-js";
import type { Caller } from "@shared/access.ts";
import type { Database } from "@shared/database.types.ts";
import { publishableKeys, secretKeys, supabaseUrl } from "@shared/env.ts";
import { databaseError } from "@shared/errors.ts";

/** The Data API, spoken to as one caller. */
export type DatabaseClient = PostgrestClient<Database>;

/** Headers of a request that the audit log records with what the request changes. */
export const forwardedHeaders = ["user-agent", "x-forwarded-for", "x-request-id"] as const;

/** Credentials of a caller for PostgREST and Storage: RLS applies to all but the service. */
export function credentials(caller: Caller): Record<string, string> {
  if (caller.kind !== "service") {
    const apikey = publishableKeys()[0] ?? "";
    return caller.kind === "user"
      ? { apikey, authorization: `Bearer ${caller.token}` }
      : { apikey };
  }
  const apikey = secretKeys()[0] ?? "";
  // A legacy secret key is a JWT, and PostgREST takes its role from the bearer.
  return apikey.startsWith("sb_") ? { apikey } : { apikey, authorization: `Bearer ${apikey}` };
}

/** A client that acts as `caller`; `headers` come from the request that it serves. */
export function connect(caller: Caller, headers: Record<string, string> = {}): DatabaseClient {
  return new PostgrestClient<Database>(`${supabaseUrl()}/rest/v1`, {
    headers: { ...headers, ...credentials(caller) },
  });
}

type Answer = { data: unknown; error: PostgrestError | null; status: number };

/**
 * The data of a PostgREST answer.
 *
 * @throws {ApiError} what {@link databaseError} makes of a refusal
 */
export async function unwrap<A extends Answer>(
  query: PromiseLike<A>,
): Promise<Extract<A, { error: null }>["data"]> {
  const { data, error, status } = await query;
  if (error) throw databaseError(error, status);
  return data;
}
