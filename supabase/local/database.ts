import type { Connection } from "@supabase/lite";

/** One row of an answer, by column name. */
export type Row = Record<string, unknown>;

/** The database under the stack: PGlite, or a PostgreSQL server. */
export interface Database {
  /** What Supabase Lite talks through. */
  readonly connection: Connection;
  /** Runs `work` while nothing else uses the session, where there is only one. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** One statement with `$1` parameters. */
  query(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** A script of many statements; the rows of each. */
  script(sql: string): Promise<Row[][]>;
  /** Applies a script and one statement after it as one transaction. */
  apply(script: string, record: string, params: readonly unknown[]): Promise<void>;
  close(): Promise<void>;
}

/** The `search_path` of a hosted project's sessions. */
export const SEARCH_PATH = `"$user", public, extensions`;

/** Whether a statement may change what tables and functions there are. */
export function changesSchema(sql: string): boolean {
  return /\b(create|alter|drop|comment|grant|revoke|import)\b/i.test(sql);
}

/** The type that PostgREST answers with in ISO 8601, and Lite as the database writes it. */
export const TIMESTAMPTZ = 1184;

/** `2026-11-20 23:08:51.13+00` as PostgREST has it: `2026-11-20T23:08:51.13+00:00`. */
export function isoTime(text: string): string {
  return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}

/**
 * Lite grants everything on every table to every API role when the first request comes, and by
 * default on all future ones; that would undo the narrow grants of our migrations. Our own set-up
 * (`roles.sql`) has made what it needs, so it is told that this is done.
 */
export function keepGrants(connection: Connection): void {
  Reflect.set(connection, "rlsState", "active");
}
