import { findServer, readLines, userIds } from "./system.ts";

/** A PostgreSQL server to measure against. */
export type Server = { url: string; version: string; stop(): Promise<void> };

/**
 * Measures on the server of `db`, or else on a temporary one.
 * @returns null, with a line that says so, when there is neither
 */
export async function withServer<T>(
  db: string | undefined,
  measure: (server: Server) => Promise<T>,
): Promise<T | null> {
  const given = db ? { url: db, version: "PostgreSQL", stop: () => Promise.resolve() } : null;
  const server = given ?? await startServer();
  if (!server) {
    console.log("Skipped: no PostgreSQL on this machine (initdb, postgres); --db names a server.");
    return null;
  }
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

/** A server of the machine's own binaries, on loopback, with the settings that `initdb` leaves. */
async function startServer(): Promise<Server | null> {
  const programs = await findServer();
  if (!programs) return null;
  const { initdb, postgres } = programs;
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_bench_" });
  const removeFolder = () => Deno.remove(folder, { recursive: true });
  try {
    // A server refuses to run as root.
    const owner = Deno.uid() === 0 ? await userIds("postgres") : null;
    if (owner) await Deno.chown(folder, owner.uid, owner.gid);
    await run(owner, initdb, ["-D", `${folder}/data`, "-U", "postgres", "-A", "trust", ...LOCALE]);
    const port = freePort();
    const server = command(owner, postgres, [
      ...["-D", `${folder}/data`, "-k", folder, "-p", String(port)],
      ...["-c", "listen_addresses=127.0.0.1"],
    ], "piped").spawn();
    const version = await untilReady(server);
    return {
      url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
      version,
      async stop() {
        // A fast shutdown: sessions are ended, the data is written.
        server.kill("SIGINT");
        await server.status;
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

const LOCALE = ["--encoding=UTF8", "--locale=C"];

type Owner = { uid: number; gid: number } | null;

function command(owner: Owner, program: string, args: string[], stderr: "piped" | "null") {
  // A folder that the server's user may be in: the repository may be closed to them.
  return new Deno.Command(program, { args, ...owner, cwd: "/", stdout: "null", stderr });
}

async function run(owner: Owner, program: string, args: string[]): Promise<void> {
  const { success, stderr } = await command(owner, program, args, "piped").output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Reads the server's log until it takes connections, and goes on emptying it afterwards. */
function untilReady(server: Deno.ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let version = "PostgreSQL";
  let said = "";
  readLines(server.stderr, (line) => {
    version = /starting (PostgreSQL \S+)/.exec(line)?.[1] ?? version;
    said = `${said}\n${line}`.slice(-2000);
    if (line.includes("ready to accept connections")) resolve(version);
  }).then(() => reject(new Error(`The PostgreSQL server did not start:${said}`)));
  return promise;
}
