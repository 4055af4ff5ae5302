import { REPOSITORY } from "../../supabase/local/paths.ts";
import { readLines } from "../bench/system.ts";

/** A function alone in a process, as the platform runs it. */
export type FunctionProcess = {
  /** What the function's own path (`/audit/…`) is appended to. */
  url: string;
  pid: number;
  /** All that it has written to its log. */
  log(): string;
  /** Ends it; by SIGKILL as a crash does. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
};

/** The project that a function works for; its API may be reached by another URL than the stack's. */
type Project = { url: string; publishableKey: string; secretKey: string; jwtSecret: string };

/** Starts a function by itself; it answers when this returns. `env` is added to what the platform sets. */
export async function startFunction(
  name: string,
  project: Project,
  env: Record<string, string> = {},
): Promise<FunctionProcess> {
  const file = `${REPOSITORY}/supabase/functions/${name}/index.ts`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--no-check", "--allow-all", file],
    env: {
      SUPABASE_URL: project.url,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: project.publishableKey }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: project.secretKey }),
      SUPABASE_JWT_SECRET: project.jwtSecret,
      EDGELOOM_LOG: "off",
      DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
      NO_COLOR: "1",
      ...env,
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  const said: string[] = [];
  const printed = readLines(child.stdout, (line) => said.push(line));
  const ended = readLines(child.stderr, (line) => {
    said.push(line);
    const found = /Listening on (http:\S+?)\/?( |$)/.exec(line)?.[1];
    if (found) resolve(found);
  }).then(() => reject(new Error(`The function ${name} did not start: ${said.join("\n")}`)));
  return {
    url: await url,
    pid: child.pid,
    log: () => said.join("\n"),
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await Promise.all([child.status, printed, ended]);
    },
  };
}
