import process from "node:process";
import { PGlite } from "@electric-sql/pglite";
import { citext } from "@electric-sql/pglite/contrib/citext";
import { pg_trgm } from "@electric-sql/pglite/contrib/pg_trgm";
import { pgcrypto } from "@electric-sql/pglite/contrib/pgcrypto";
import { unaccent } from "@electric-sql/pglite/contrib/unaccent";
import { uuid_ossp } from "@electric-sql/pglite/contrib/uuid_ossp";
import { pgtap } from "@electric-sql/pglite/pgtap";
import { vector } from "@electric-sql/pglite/vector";
import { createPgliteConnection, type PgliteConnection } from "@supabase/lite/pglite";
import {
  changesSchema,
  type Database,
  isoTime,
  keepGrants,
  type Row,
  SEARCH_PATH,
  TIMESTAMPTZ,
} from "./database.ts";
import { Lock } from "./lock.ts";
import { PLAIN, type SessionSettings, settingsSql } from "./session.ts";

/**
 * PGlite has one session for everyone. Lite's transactions of parallel requests would interleave
 * in it, and one caller's claims would reach another's query, so whoever uses it holds the lock.
 */
export class PgliteDatabase implements Database {
  readonly connection: PgliteConnection;
  readonly #lock = new Lock();
  #settings: SessionSettings = PLAIN;

  constructor(connection: PgliteConnection) {
    this.connection = connection;
    keepGrants(connection);
  }

  get driver(): PGlite {
    return this.connection.driver;
  }

  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.acquire(PLAIN);
    const { exitCode } = process;
    try {
      return await work();
    } finally {
      // PGlite's own C code sets it on each refused statement; it is the program's to set.
      process.exitCode = exitCode;
      await this.#leaveTransaction().finally(release);
    }
  }

  /** Takes the session over with the settings of its next user. */
  async acquire(settings: SessionSettings): Promise<() => void> {
    const release = await this.#lock.acquire();
    if (settings === this.#settings) return release;
    try {
      await this.driver.exec(settingsSql(settings));
      this.#settings = settings;
      return release;
    } catch (error) {
      await this.driver.exec(settingsSql(PLAIN)).finally(release);
      this.#settings = PLAIN;
      throw error;
    }
  }

  /** Tells what the settings are now that the lock's holder has changed them. */
  settingsAre(settings: SessionSettings): void {
    this.#settings = settings;
  }

  query(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.exclusive(async () => {
      const { rows } = await this.driver.query<Row>(sql, [...params]);
      if (changesSchema(sql)) await this.connection.clearSchemaCache();
      return rows;
    });
  }

  script(sql: string): Promise<Row[][]> {
    return this.exclusive(async () => {
      try {
        const results = await this.driver.exec(sql);
        return results.map(({ rows }) => rows);
      } finally {
        await this.#leaveTransaction();
        await this.driver.exec(settingsSql(PLAIN));
        await this.connection.clearSchemaCache();
      }
    });
  }

  apply(script: string, record: string, params: readonly unknown[]): Promise<void> {
    return this.exclusive(async () => {
      await this.driver.exec("begin");
      await this.driver.exec(script);
      await this.driver.query(record, [...params]);
      await this.driver.exec(`commit; ${settingsSql(PLAIN)}`);
    });
  }

  /** The whole database as a tar archive, to start another one from. */
  snapshot(): Promise<Blob> {
    return this.exclusive(async () => {
      // A checkpoint leaves nothing to recover, so a stack that starts from it is up sooner.
      await this.driver.exec("checkpoint");
      return this.driver.dumpDataDir("none");
    });
  }

  async close(): Promise<void> {
    const release = await this.#lock.acquire();
    await this.connection.close().finally(release);
  }

  async #leaveTransaction(): Promise<void> {
    if (this.driver.isInTransaction()) await this.driver.exec("rollback");
  }
}

/**
 * Opens PGlite in a folder, or in memory without one.
 * @param snapshot a data directory of `PgliteDatabase.snapshot` to start from
 */
export async function openPglite(
  folder: string | null,
  snapshot?: Blob,
): Promise<PgliteDatabase> {
  const startParams = PGlite.defaultStartParams.map((parameter) =>
    parameter.startsWith("search_path=") ? `search_path=${SEARCH_PATH}` : parameter
  );
  const connection = await createPgliteConnection({
    url: folder ?? "memory://",
    pgliteOptions: {
      startParams: [...startParams, "-c", "TimeZone=UTC"],
      loadDataDir: snapshot,
      parsers: { [TIMESTAMPTZ]: isoTime },
      extensions: { citext, pg_trgm, pgcrypto, pgtap, unaccent, uuid_ossp, vector },
    },
  });
  await connection.driver.waitReady;
  return new PgliteDatabase(connection);
}
