import postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import { startPostgres } from "../local/postgres_server.ts";

/** A statement that is not answered within this is given up: its session died unnoticed. */
const TIMEOUT_MS = 10_000;

/** How long the harness asks again while the server is away. */
const AWAY_MS = 20_000;

/** A migrated PostgreSQL server that is made to crash. */
export class ProofServer {
  #restart: Promise<void> | undefined;

  private constructor(private readonly url: string, private readonly data: string) {}

  /** Runs a proof with a server that is gone afterwards. Ask `HAS_SERVER` first. */
  static async with<T>(proof: (server: ProofServer) => Promise<T>): Promise<T> {
    const folder = await Deno.makeTempDir({ prefix: "edgeloom_proof_" });
    try {
      const first = await startPostgres(folder);
      try {
        const stack = await startStack({ db: first.url, scheduler: false });
        await stack.stop();
      } finally {
        await first.stop();
      }
      const server = new ProofServer(first.url, `${folder}/server`);
      await server.#control("start", "-o", options(new URL(first.url).port));
      return await proof(server).finally(() => server.#control("stop", "-m", "fast"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  /** Whether it is being restarted. */
  get isAway(): boolean {
    return this.#restart !== undefined;
  }

  /**
   * One script in one transaction, in a session of its own, so that the end of one session is felt by
   * one request alone. Returns the rows of its last statement.
   */
  async run(script: string, timeoutMs = TIMEOUT_MS): Promise<postgres.Row[]> {
    const sql = postgres(this.url, { max: 1, fetch_types: false, onnotice: () => {} });
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const error = Object.assign(new Error("The session does not answer"), { code: "08006" });
    const timer = setTimeout(() => reject(error), timeoutMs);
    try {
      const answer = await Promise.race([sql.unsafe(script).simple(), expired]);
      const last: unknown = Array.isArray(answer[0]) ? answer.at(-1) : answer;
      return Array.isArray(last) ? last : [];
    } finally {
      clearTimeout(timer);
      await sql.end({ timeout: 0 });
    }
  }

  /** As {@link run}, again until the server answers: for what may be done twice. */
  async ask(script: string): Promise<postgres.Row[]> {
    const deadline = Date.now() + AWAY_MS;
    while (true) {
      try {
        return await this.run(script);
      } catch (error) {
        if (!isAbsence(error) || Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Ends the sessions of all requests in progress, as an administrator does. */
  async terminateBackends(): Promise<void> {
    await this.ask(`select pg_terminate_backend(pid) from pg_stat_activity
      where pid <> pg_backend_pid() and backend_type = 'client backend'`);
  }

  /** Crashes the server and lets it recover from its log. Twice at once is once. */
  restart(): Promise<void> {
    this.#restart ??= this.#control("restart", "-m", "immediate")
      .finally(() => this.#restart = undefined);
    return this.#restart;
  }

  async #control(...args: string[]): Promise<void> {
    // The server refuses to be run by root.
    const account = Deno.uid() === 0
      ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
      : [];
    const common = ["-D", this.data, "-w", "-l", `${this.data}/proof.log`];
    const [program = "", ...rest] = [...account, "pg_ctl", ...common, ...args];
    // Its output is null, not a pipe: the server would keep a pipe open.
    const command = new Deno.Command(program, {
      args: rest,
      cwd: "/",
      stdout: "null",
      stderr: "null",
    });
    const { code } = await command.output();
    if (code !== 0) throw new Error(`pg_ctl ${args.join(" ")} failed with ${code}`);
  }
}

const options = (port: string) =>
  `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`;

/** The SQLSTATE or, of a connection that failed, the system's name for it. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

/** Whether an error means that the server, or its session, is not there. */
export const isAbsence = (error: unknown): boolean =>
  /^(08|57|[A-Z]+_?[A-Z]+$)/.test(codeOf(error));

/** A value as a literal whose type the server finds out by itself. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return "null";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return `'${text.replaceAll("'", "''")}'`;
}
