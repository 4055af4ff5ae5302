import assert from "node:assert/strict";
import { findServer } from "../bench/system.ts";

/** A PostgreSQL server for one test, on loopback, in a folder of its own. */
export interface PostgresServer {
  readonly url: string;
  /** What the server has logged. */
  log(): string;
  stop(): Promise<void>;
}

const programs = await findServer();

/** Whether this machine has a server to start. */
export const HAS_SERVER = programs !== null;

if (!HAS_SERVER) {
  console.warn("No PostgreSQL on this machine (initdb, postgres): what needs a server is skipped.");
}

/** Starts a server in an empty folder; `settings` are as in postgresql.conf. */
export async function startPostgres(
  folder: string,
  settings: Record<string, string> = {},
): Promise<PostgresServer> {
  assert.ok(programs, "Ask HAS_SERVER first");
  const { initdb, postgres } = programs;
  const data = `${folder}/server`;
  await Deno.mkdir(data);
  // The server refuses to be run by root; the folder and the process are someone else's then.
  const isRoot = Deno.uid() === 0;
  const account = isRoot
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    : [];
  if (isRoot) {
    await Deno.chmod(folder, 0o755);
    assert.ok(await runs("chown", "postgres", data));
  }
  assert.ok(await runs(...account, initdb, "-D", data, "-U", "postgres", "-A", "trust"));
  const port = freePort();
  const [program = "", ...args] = [
    ...account,
    ...[postgres, "-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1"],
    ...["-c", "unix_socket_directories=", "-c", "fsync=off"],
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const server = new Deno.Command(program, { args, stdout: "null", stderr: "piped", cwd: data });
  const process = server.spawn();
  const { promise: ready, resolve } = Promise.withResolvers<boolean>();
  let text = "";
  const reading = (async () => {
    for await (const part of process.stderr.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("ready to accept connections")) resolve(true);
    }
    resolve(false);
  })();
  if (!await ready) assert.fail(text);
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    log: () => text,
    async stop() {
      process.kill("SIGINT");
      await Promise.all([reading, process.status]);
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function runs(...[program = "", ...args]: string[]): Promise<boolean> {
  const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
  const { success } = await command.output().catch(() => ({ success: false }));
  return success;
}
