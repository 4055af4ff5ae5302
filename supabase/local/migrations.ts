import { splitSqlStatements } from "@supabase/lite";
import type { Database } from "./database.ts";
import { messageOf, StackError } from "./errors.ts";

/**
 * Applies what is not yet in the history, in the order of the names, each file in one transaction
 * with its record. The history is the Supabase CLI's, so `supabase db push` sees the same state.
 * @returns how many files were applied
 * @throws StackError with the file's name and the database's sentence
 */
export async function migrate(database: Database, folder: string): Promise<number> {
  const done = await database.query("select version from supabase_migrations.schema_migrations");
  const versions = new Set(done.map(({ version }) => version));
  const pending = (await migrationsIn(folder)).filter(({ version }) => !versions.has(version));
  for (const { file, version, name } of pending) {
    const sql = await Deno.readTextFile(`${folder}/${file}`);
    await apply(
      database,
      `Migration ${file}`,
      sql,
      "insert into supabase_migrations.schema_migrations (version, statements, name) values ($1, $2, $3)",
      [version, splitSqlStatements(sql), name],
    );
  }
  return pending.length;
}

/** Runs the seed of a new database, once, and records it as the Supabase CLI does. */
export async function seed(database: Database, file: string): Promise<void> {
  const sql = await Deno.readTextFile(file).catch(() => null);
  if (sql === null) return;
  const path = "supabase/seed.sql";
  const done = await database.query(
    "select 1 from supabase_migrations.seed_files where path = $1",
    [path],
  );
  if (done.length > 0) return;
  await apply(
    database,
    `Seed ${path}`,
    sql,
    "insert into supabase_migrations.seed_files (path, hash) values ($1, $2)",
    [path, await sha256(sql)],
  );
}

async function migrationsIn(folder: string) {
  const found: { file: string; version: string; name: string }[] = [];
  for await (const { name: file, isFile } of Deno.readDir(folder)) {
    const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
    if (isFile && version && name) found.push({ file, version, name });
  }
  return found.sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function apply(
  database: Database,
  what: string,
  sql: string,
  record: string,
  params: readonly unknown[],
): Promise<void> {
  try {
    await database.apply(sql, record, params);
  } catch (error) {
    throw new StackError(`${what} failed${lineOf(error, sql)}: ${messageOf(error)}${rest(error)}`);
  }
}

/** The database counts the position in characters from the start of the script. */
function lineOf(error: unknown, sql: string): string {
  const position = Number(field(error, "position"));
  return position > 0 ? ` at line ${sql.slice(0, position - 1).split("\n").length}` : "";
}

function rest(error: unknown): string {
  const more = [field(error, "detail"), field(error, "hint")].filter(Boolean);
  return more.length > 0 ? ` (${more.join(" ")})` : "";
}

function field(error: unknown, name: string): string {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : "";
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
