import { REPOSITORY } from "../../supabase/local/paths.ts";
import { succeed } from "../checks/command.ts";
import { preparePython } from "../python/environment.ts";
import { type ChatTarget } from "./llm_client.ts";
import { type Program, startServer } from "./llm_programs.ts";
import { directTarget } from "./llm_setting.ts";
import { modelOf, type Shape } from "./llm_shape.ts";

/** Gateways that others have made, as their own documents start them. */

const PORTKEY = "1.15.2";
const TEMPORARY = `${REPOSITORY}/supabase/.temp`;
const MASTER_KEY = "sk-bench-master";

/** A gateway before the upstream. */
export type Rival = { name: string; target: ChatTarget; stop(): Promise<void> };

/** Starts `@portkey-ai/gateway`, from npm; it is installed at the first call and kept. */
export async function startPortkey(upstream: Program, shape: Shape): Promise<Rival> {
  const folder = `${TEMPORARY}/portkey-${PORTKEY}`;
  const file = `${folder}/node_modules/@portkey-ai/gateway/build/start-server.js`;
  if (!await isThere(file)) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/package.json`, '{"private": true}');
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"];
    await succeed("npm", [
      ...["install", "--prefix", folder, ...options],
      `@portkey-ai/gateway@${PORTKEY}`,
    ]);
  }
  const program = await startServer("node", (port) => [file, "--headless", `--port=${port}`], {
    health: "/",
    env: { NODE_ENV: "production" },
  });
  const headers = {
    authorization: "Bearer sk-bench",
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `${upstream.url}/v1`,
  };
  const target = { ...directTarget(program.url, shape, false), headers };
  return { name: `@portkey-ai/gateway ${PORTKEY}`, target, stop: program.stop };
}

/** Starts LiteLLM's proxy, from PyPI, with one worker and no database of its own. */
export async function startLiteLlm(upstream: Program, shape: Shape): Promise<Rival> {
  const requirements = "tests/bench/llm_requirements.txt";
  const programs = await preparePython({ name: "LiteLLM", file: requirements, folder: "litellm" });
  const version = /==(\S+)/.exec(await Deno.readTextFile(`${REPOSITORY}/${requirements}`))?.[1];
  const config = await Deno.makeTempFile({ prefix: "edgeloom_bench_", suffix: ".json" });
  const model = modelOf(shape);
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      model_list: [{
        model_name: model,
        litellm_params: {
          model: `openai/${model}`,
          api_base: `${upstream.url}/v1`,
          api_key: "sk-bench",
        },
      }],
      general_settings: { master_key: MASTER_KEY },
    }),
  );
  const program = await startServer(
    `${programs}/litellm`,
    (port) => ["--config", config, "--host", "127.0.0.1", "--port", String(port)],
    {
      health: "/health/liveliness",
      env: {
        LITELLM_TELEMETRY: "False",
        LITELLM_LOCAL_MODEL_COST_MAP: "True",
        LITELLM_LOG: "ERROR",
      },
    },
  );
  const headers = { authorization: `Bearer ${MASTER_KEY}` };
  return {
    name: `litellm ${version}`,
    target: { ...directTarget(program.url, shape, false), headers },
    stop: async () => {
      await program.stop();
      await Deno.remove(config);
    },
  };
}

const isThere = (path: string) => Deno.stat(path).then(() => true, () => false);
