import { parseEnv } from "node:util";
import { z } from "zod";

const envSchema = z.object({
  SUPABASE_URL: z.string(),
  SUPABASE_PUBLISHABLE_KEY: z.string(),
});

const repository = new URL("../../", import.meta.url);

async function readEnv(folder: string) {
  try {
    const env = envSchema.parse(parseEnv(await Deno.readTextFile(`${folder}/stack.env`)));
    const health = await fetch(`${env.SUPABASE_URL}/functions/v1/pipelines/health`);
    await health.body?.cancel();
    return health.ok ? env : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The local stack to talk to: the one that `npm start` runs, or else one of our own, which is started
 * as `npm start` would and ends with the demo.
 */
export async function findStack() {
  const running = await readEnv(new URL("supabase/.temp/stack", repository).pathname);
  if (running) return { ...running, async [Symbol.asyncDispose]() {} };

  const folder = await Deno.makeTempDir({ prefix: "edgeloom-demo-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "supabase/local/main.ts",
      "--data",
      folder,
      "--port",
      "0",
      "--db-port",
      "0",
    ],
    cwd: repository,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  let env: z.infer<typeof envSchema> | undefined;
  while (!env) {
    if (ended) throw new Error("The local stack did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
    env = await readEnv(folder);
  }
  return {
    ...env,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
