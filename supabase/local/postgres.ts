import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import type postgres from "postgres";
import {
  changesSchema,
  type Database,
  isoTime,
  keepGrants,
  type Row,
  SEARCH_PATH,
  TIMESTAMPTZ,
} from "./database.ts";
import { messageOf, StackError } from "./errors.ts";

/** A PostgreSQL server: every request has a session of its own, so there is no lock. */
export class PostgresDatabase implements Database {
  readonly connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.connection = connection;
    keepGrants(connection);
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  async query(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    const rows = await this.connection.driver.unsafe(sql, parameters(params));
    if (changesSchema(sql)) await this.connection.clearSchemaCache();
    return [...rows];
  }

  async script(sql: string): Promise<Row[][]> {
    const session = await this.connection.driver.reserve();
    try {
      const answer = await session.unsafe(sql).simple();
      const results: unknown[] = Array.isArray(answer[0]) ? answer : [answer];
      return results.map((rows) => Array.isArray(rows) ? rows : []);
    } finally {
      await session.unsafe("rollback; discard all").simple().catch(() => {});
      session.release();
      await this.connection.clearSchemaCache();
    }
  }

  async apply(script: string, record: string, params: readonly unknown[]): Promise<void> {
    await this.connection.driver.begin(async (transaction) => {
      await transaction.unsafe(script).simple();
      await transaction.unsafe(record, parameters(params));
    });
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

/**
 * Connects to a server.
 * @throws StackError when it can't be reached or refuses
 */
export async function openPostgres(url: string): Promise<PostgresDatabase> {
  const database = new PostgresDatabase(createPostgresConnection({
    url,
    postgresOptions: {
      connection: { search_path: SEARCH_PATH },
      // "… already exists, skipping" is no news to anyone.
      onnotice: () => {},
      connect_timeout: 10,
      types: {
        // Lite hands JSON over as text already; as with PGlite's driver, text is not quoted again.
        json: asJson(114),
        jsonb: asJson(3802),
        timestamptz: {
          to: TIMESTAMPTZ,
          from: [TIMESTAMPTZ],
          serialize: (value: string) => value,
          parse: isoTime,
        },
      },
    },
  }));
  try {
    await database.query("select 1");
    return database;
  } catch (error) {
    await database.close();
    throw new StackError(`The database of --db can't be used: ${messageOf(error)}.`);
  }
}

const asJson = (oid: number) => ({
  to: oid,
  from: [oid],
  serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
  parse: (text: string): unknown => JSON.parse(text),
});

/** The driver serializes by the parameter's type on the server; this is only what it may be given. */
function parameters(params: readonly unknown[]): postgres.ParameterOrJSON<never>[] {
  return params.map((value) => {
    if (value === null || value === undefined) return null;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return value;
    }
    if (value instanceof Date || value instanceof Uint8Array) return value;
    if (Array.isArray(value)) return value.map(String);
    return JSON.stringify(value);
  });
}
