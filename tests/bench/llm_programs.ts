import { REPOSITORY } from "../../supabase/local/paths.ts";
import { readLines } from "./system.ts";

/** A server in a process of its own. */
export type Program = { url: string; pid: number; stop(): Promise<void> };

const POLL_MS = 100;
const START_MS = 120_000;

/** Starts a program of this folder; it listens when this returns. */
export async function startDeno(file: string, ...args: string[]): Promise<Program> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-all", `${REPOSITORY}/tests/bench/${file}`, ...args],
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  let said = "";
  readLines(child.stderr, (line) => {
    said = `${said}\n${line}`.slice(-2_000);
    const found = /Listening on (http:\S+?)\/?( |$)/.exec(line)?.[1];
    if (found) resolve(found);
  }).then(() => reject(new Error(`${file} did not start: ${said}`)));
  return { url: await url, pid: child.pid, stop: () => end(child) };
}

/**
 * Starts another server, on the port that `args` is given, and waits until it answers at `health`.
 *
 * @throws when it ends before, or takes longer than two minutes
 */
export async function startServer(
  program: string,
  args: (port: number) => string[],
  { health, env = {} }: { health: string; env?: Record<string, string> },
): Promise<Program> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = new Deno.Command(program, {
    args: args(port),
    env: { NO_PROXY: "127.0.0.1", ...env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  let hasEnded = false;
  readLines(child.stderr, (line) => {
    said = `${said}\n${line}`.slice(-2_000);
  });
  child.status.then(() => {
    hasEnded = true;
  });
  const until = performance.now() + START_MS;
  while (!await isThere(`${url}${health}`)) {
    if (hasEnded) throw new Error(`${program} did not start: ${said}`);
    if (performance.now() > until) {
      await end(child);
      throw new Error(`${program} took too long to start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { url, pid: child.pid, stop: () => end(child) };
}

async function end(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await child.status;
}

async function isThere(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
