import { parseEnv } from "node:util";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import { loadSecrets } from "../../supabase/local/secrets.ts";
import { readLines } from "./system.ts";

/** Where a stack that is measured answers. */
export type StackProcess = {
  url: string;
  dbUrl: string;
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
  pid: number;
  stop(): Promise<void>;
};

/**
 * Starts a local stack on an empty data folder, over PGlite or over the server of `db`; in a process
 * of its own, because the client that measures must not take its turn from it.
 */
export async function startStackProcess(db?: string): Promise<StackProcess> {
  const data = await Deno.makeTempDir({ prefix: "edgeloom_bench_" });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-lock", "--allow-all", `${REPOSITORY}/supabase/local/main.ts`],
      ...["--data", data, "--port", "0", "--db-port", "0"],
      ...(db ? ["--db", db] : []),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const end = async () => {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(data, { recursive: true });
  };
  try {
    await untilStarted(child);
    const variables = parseEnv(await Deno.readTextFile(`${data}/stack.env`));
    const read = (name: string) => variables[name] ?? "";
    return {
      url: read("SUPABASE_URL"),
      dbUrl: read("SUPABASE_DB_URL"),
      publishableKey: read("SUPABASE_PUBLISHABLE_KEY"),
      secretKey: read("SUPABASE_SECRET_KEY"),
      jwtSecret: (await loadSecrets(data)).jwtSecret,
      pid: child.pid,
      stop: end,
    };
  } catch (error) {
    await Deno.remove(data, { recursive: true });
    throw error;
  }
}

/** Reads what the stack says until it runs, and goes on emptying it: its request log is long. */
function untilStarted(child: Deno.ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  readLines(child.stdout, (line) => line.startsWith("Try it:") && resolve())
    .then(() => reject(new Error("The stack did not start; its message is above.")));
  return promise;
}
