import { changesSchema } from "./database.ts";
import { messageOf } from "./errors.ts";
import type { PgliteDatabase } from "./pglite.ts";
import { PLAIN, READ_SETTINGS, type SessionSettings, settingsSql } from "./session.ts";
import { CopyIn } from "./wire_copy.ts";
import {
  concat,
  errorResponse,
  type Message,
  message,
  readCString,
  readyForQuery,
  split,
} from "./wire_messages.ts";
import { readOpening, requestedSettings, welcome } from "./wire_startup.ts";
import { Statements } from "./wire_statements.ts";

/** How long a client may keep a transaction open without a word: nobody else gets on meanwhile. */
const IDLE_IN_TRANSACTION_MS = 60_000;

let clients = 0;

/** Wire messages after which what came so far must be answered: Query, Sync, Flush. */
const ENDS_BATCH = new Set(["Q", "S", "H"]);

/** One client of the database's port, from its first byte to its last. */
export class WireClient {
  readonly #conn: Deno.TcpConn;
  readonly #database: PgliteDatabase;
  readonly #statements = new Statements(++clients);
  #settings: SessionSettings = PLAIN;
  #batch: Message[] = [];
  #copy: CopyIn | null = null;
  #started = false;
  /** Gives the lock back; held from a batch's start to the end of its transaction. */
  #release: (() => void) | null = null;

  constructor(conn: Deno.TcpConn, database: PgliteDatabase) {
    this.#conn = conn;
    this.#database = database;
  }

  /** Answers until the client leaves, and leaves nothing of it behind in the session. */
  async serve(): Promise<void> {
    try {
      const rest = await this.#open();
      if (rest !== null) await this.#converse(rest);
    } catch {
      // The connection broke or the client spoke another protocol; either way it is gone.
    } finally {
      await this.#leave();
      closeQuietly(this.#conn);
    }
  }

  async #open(): Promise<Uint8Array | null> {
    let pending: Uint8Array = new Uint8Array(0);
    for (;;) {
      const read = readOpening(pending);
      if (read === null) {
        const chunk = await this.#read();
        if (chunk === null) return null;
        pending = concat([pending, chunk]);
        continue;
      }
      pending = read.rest;
      if (read.opening.kind === "unknown") return null;
      if (read.opening.kind === "encryption") {
        await this.#write(new TextEncoder().encode("N"));
        continue;
      }
      return await this.#admit(read.opening.parameters) ? pending : null;
    }
  }

  async #admit(parameters: ReadonlyMap<string, string>): Promise<boolean> {
    const user = parameters.get("user") ?? "postgres";
    const name = parameters.get("database") ?? user;
    const settings = requestedSettings(parameters);
    if (user !== "postgres") settings.set("role", user);
    if (settings.size > 0) this.#settings = settings;
    try {
      if (name !== "postgres") throw new Error(`database "${name}" does not exist`);
      const release = await this.#database.acquire(this.#settings);
      release();
    } catch (error) {
      await this.#write(errorResponse("FATAL", "28000", messageOf(error)));
      return false;
    }
    this.#started = true;
    await this.#write(welcome(await serverParameters(this.#database)));
    return true;
  }

  async #converse(first: Uint8Array): Promise<void> {
    let pending = first;
    for (;;) {
      const { messages, rest } = split(pending);
      for (const incoming of messages) {
        if (incoming.type === "X") return;
        await this.#receive(incoming);
      }
      const chunk = await this.#read();
      if (chunk === null) return;
      pending = concat([rest, chunk]);
    }
  }

  async #receive(incoming: Message): Promise<void> {
    if (this.#copy) {
      this.#copy.add(incoming);
      if (!this.#copy.complete) return;
      const copy = this.#copy;
      this.#copy = null;
      if (copy.failed) return this.#write(concat([copy.failed, readyForQuery(this.#status)]));
      return this.#write(copy.withoutRequest(await this.#run(copy.query, copy.bytes())));
    }
    if (incoming.type === "Q") {
      const { text } = readCString(incoming.body);
      if (CopyIn.isAskedFor(text)) {
        this.#copy = new CopyIn(incoming);
        return this.#write(CopyIn.request());
      }
    }
    this.#batch.push(incoming);
    if (!ENDS_BATCH.has(incoming.type)) return;
    const batch = this.#batch;
    this.#batch = [];
    const bytes = concat(batch.map((each) => this.#statements.rename(each)));
    const text = batch.filter(({ type }) => type === "Q" || type === "P").map(({ body }) =>
      new TextDecoder().decode(body)
    ).join("\n");
    await this.#write(await this.#run(text, bytes));
  }

  #status: "I" | "T" | "E" = "I";

  /** Runs a batch under the lock, which stays taken while its transaction is open. */
  async #run(text: string, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    this.#release ??= await this.#database.acquire(this.#settings);
    const stale = this.#statements.closeStale();
    if (stale.length > 0) await this.#exec(stale);
    const answer = await this.#exec(bytes);
    const ready = split(answer).messages.findLast(({ type }) => type === "Z");
    if (changesSchema(text)) await this.#database.connection.clearSchemaCache();
    if (!ready) return answer;
    const status = String.fromCharCode(ready.body[0] ?? 0);
    this.#status = status === "T" || status === "E" ? status : "I";
    if (this.#status === "I") {
      if (/\b(set|reset|set_config|discard)\b/i.test(text)) await this.#keepSettings();
      this.#release();
      this.#release = null;
    }
    return answer;
  }

  async #exec(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const { driver } = this.#database;
    const answer = await driver.runExclusive(() => driver.execProtocolRaw(bytes));
    return new Uint8Array(answer);
  }

  /** Remembers what the client has set, to be set again after someone else's turn. */
  async #keepSettings(): Promise<void> {
    const { rows } = await this.#database.driver.query<{ name: string; setting: string }>(
      READ_SETTINGS,
    );
    const made = rows.map(({ name, setting }): [string, string] => [name, setting]);
    this.#settings = made.length > 0 ? new Map(made) : PLAIN;
    this.#database.settingsAre(this.#settings);
  }

  async #leave(): Promise<void> {
    if (!this.#started) return;
    const { driver } = this.#database;
    const release = this.#release ?? await this.#database.acquire(PLAIN);
    try {
      if (driver.isInTransaction()) await driver.exec("rollback");
      await this.#exec(concat([this.#statements.closeAll(), message("S")]));
      await driver.exec(
        `close all; unlisten *; select pg_advisory_unlock_all(); discard temp; ${
          settingsSql(PLAIN)
        }`,
      );
      this.#database.settingsAre(PLAIN);
    } finally {
      release();
    }
  }

  async #read(): Promise<Uint8Array | null> {
    const timer = this.#release && setTimeout(() => this.#expire(), IDLE_IN_TRANSACTION_MS);
    try {
      const buffer = new Uint8Array(64 * 1024);
      const length = await this.#conn.read(buffer);
      return length === null ? null : buffer.subarray(0, length);
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }

  async #expire(): Promise<void> {
    const why = "terminating connection due to idle-in-transaction timeout";
    await this.#write(errorResponse("FATAL", "25P03", why)).catch(() => {});
    closeQuietly(this.#conn);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) at += await this.#conn.write(bytes.subarray(at));
  }
}

async function serverParameters(database: PgliteDatabase): Promise<Record<string, string>> {
  const names = [
    "server_version",
    "server_encoding",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
  ];
  const rows = await database.query(
    "select name, current_setting(name) as value from unnest($1::text[]) as name",
    [names],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [String(name), String(value)]));
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Already closed by the other side or by the end of the stack.
  }
}
