import postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import { startPostgres } from "../local/postgres_server.ts";

/** See {@link Server.open}. */
export type OpenTransaction = {
  sql: postgres.Sql;
  end(how: "commit" | "rollback"): Promise<void>;
  kill(): Promise<void>;
};

/** A migrated database of a PostgreSQL server, for what only happens between real sessions. */
export class Server {
  private constructor(readonly sql: postgres.Sql, private readonly url: string) {}

  /** Runs a test with a server that is gone afterwards. Ask `HAS_SERVER` first. */
  static async with(test: (server: Server) => Promise<void>): Promise<void> {
    const folder = await Deno.makeTempDir({ prefix: "edgeloom_server_" });
    const started = await startPostgres(folder);
    try {
      const stack = await startStack({ db: started.url, scheduler: false });
      await stack.stop();
      const sql = postgres(started.url, { max: 20, onnotice: () => {} });
      await test(new Server(sql, started.url)).finally(() => sql.end());
    } finally {
      await started.stop();
      await Deno.remove(folder, { recursive: true });
    }
  }

  /** A session by itself, in a transaction that stays open until it is told how to end. */
  async open(): Promise<OpenTransaction> {
    const sql = postgres(this.url, { max: 1, onnotice: () => {} });
    await sql`begin`;
    const [row] = await sql`select pg_backend_pid() as pid`;
    return {
      sql,
      async end(how) {
        await sql.unsafe(how);
        await sql.end();
      },
      // By someone else's hand, as a crash ends it.
      kill: async () => {
        await this.sql`select pg_terminate_backend(${row?.pid}, 10000)`;
        await sql.end();
      },
    };
  }

  /** A user with a team. */
  async createTeam(): Promise<{ userId: string; organizationId: string }> {
    const userId = crypto.randomUUID();
    await this
      .sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
    const [row] = await this.sql`
      select id from private.create_organization('Team', ${`t-${
      userId.slice(0, 12)
    }`}, 'team', ${userId})`;
    return { userId, organizationId: row?.id };
  }

  /** Work as a signed-in user, in a transaction of its own. */
  as<T>(userId: string, work: (sql: postgres.TransactionSql) => Promise<T>) {
    return this.sql.begin(async (transaction) => {
      const claims = JSON.stringify({ sub: userId, role: "authenticated" });
      await transaction`select set_config('request.jwt.claims', ${claims}, true),
        set_config('role', 'authenticated', true)`;
      return await work(transaction);
    });
  }
}
