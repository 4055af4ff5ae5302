import { parseEnv } from "node:util";
import postgres from "postgres";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import type { Answer } from "./answer.ts";
import { readAnswer } from "./client.ts";

/** A stack in a process of its own, so that all that it and its functions say can be read. */
export class WatchedStack {
  private constructor(
    readonly url: string,
    readonly publishableKey: string,
    readonly secretKey: string,
    readonly sql: postgres.Sql,
    /** What was said so far. */
    readonly said: () => string,
  ) {}

  /** Runs a test with a stack that is gone afterwards; over the server of `db`, if there is one. */
  static async with(
    { db, env }: { db?: string; env: Record<string, string> },
    test: (stack: WatchedStack) => Promise<void>,
  ): Promise<void> {
    const data = await Deno.makeTempDir({ prefix: "edgeloom_watched_" });
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "run",
          "--no-lock",
          "--no-check",
          "--allow-all",
          `${REPOSITORY}/supabase/local/main.ts`,
        ],
        ...["--data", data, "--port", "0", "--db-port", "0", "--debug"],
        ...(db ? ["--db", db] : []),
      ],
      env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { promise: started, resolve } = Promise.withResolvers<boolean>();
    let text = "";
    const listen = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const part of stream.pipeThrough(new TextDecoderStream())) {
        text += part;
        if (text.includes("Try it:")) resolve(true);
      }
    };
    let isRunning = true;
    const ended = Promise.all([listen(child.stdout), listen(child.stderr), child.status])
      .finally(() => {
        isRunning = false;
        resolve(false);
      });
    try {
      if (!await started) throw new Error(`The stack did not start: ${text}`);
      const given = parseEnv(await Deno.readTextFile(`${data}/stack.env`));
      const read = (name: string) => given[name] ?? "";
      const options = { max: 1, prepare: false, onnotice: () => {} };
      const sql = postgres(read("SUPABASE_DB_URL"), options);
      const keys = [read("SUPABASE_PUBLISHABLE_KEY"), read("SUPABASE_SECRET_KEY")] as const;
      await test(new WatchedStack(read("SUPABASE_URL"), ...keys, sql, () => text))
        .finally(() => sql.end());
    } finally {
      if (isRunning) child.kill("SIGTERM");
      await ended;
      await Deno.remove(data, { recursive: true });
    }
  }

  /** Sends what a test likes; nothing of the answer is checked. */
  async send(
    method: string,
    path: string,
    { body, ...headers }: Record<string, unknown> = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        apikey: this.publishableKey,
        "content-type": "application/json",
        "idempotency-key": crypto.randomUUID(),
        ...Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, String(value)]),
        ),
      },
      body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
    });
    return await readAnswer(response);
  }

  /** Every row of every table of every schema, the catalog's among them, and what sessions last said. */
  async dump(): Promise<string> {
    const tables = await this.sql`
      select n.nspname as schema, c.relname as name
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm')`;
    const parts: string[] = [];
    for (const { schema, name } of tables) {
      const rows = await this.sql`select t::text as row from ${this.sql(schema)}.${
        this.sql(name)
      } t`;
      parts.push(`${schema}.${name}`, ...rows.map(({ row }) => row));
    }
    const sessions = await this.sql`select query from pg_catalog.pg_stat_activity`;
    return [...parts, ...sessions.map(({ query }) => query ?? "")].join("\n");
  }
}
