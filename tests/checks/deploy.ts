import { REPOSITORY } from "../../supabase/local/paths.ts";
import { start } from "./command.ts";
import { ManagementApi, type Upload } from "./management_api.ts";
import { expectNone, Finding, type Outcome } from "./report.ts";
import type { SupabaseCli } from "./supabase_cli.ts";

/** What a project takes when it bundles a function itself. */
const MAX_BYTES = 5_000_000;

/**
 * Every function is deployed by the CLI and then started by plain Deno from nothing but the files
 * that were uploaded, as the platform does; it answers its health and its OpenAPI document.
 */
export async function checkDeploy(cli: SupabaseCli): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_deploy_" });
  try {
    const uploads = await deploy(cli, folder);
    const names = [...Deno.readDirSync(`${REPOSITORY}/supabase/functions`)]
      .filter(({ isDirectory, name }) => isDirectory && !/^[._]/.test(name)).map(({ name }) =>
        name
      );
    const missing = names.filter((name) => !uploads.some((upload) => upload.name === name));
    expectNone([
      ...missing.map((name) => `${name} was not uploaded`),
      ...uploads.filter(({ verify_jwt }) => verify_jwt)
        .map(({ name }) => `config.toml: [functions.${name}] needs verify_jwt = false`),
      ...uploads.filter(({ bytes }) => bytes > MAX_BYTES)
        .map(({ name, bytes }) => `${name} is ${bytes} bytes, ${MAX_BYTES} are the limit`),
    ]);
    for (const upload of uploads) await checkBoot(upload);
    return {
      passed: uploads.length,
      note: uploads.map(({ name, bytes }) => `${name} ${Math.round(bytes / 1000)} kB`).join(", "),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function deploy(cli: SupabaseCli, folder: string): Promise<readonly Upload[]> {
  await using api = new ManagementApi(folder);
  const profile = `${folder}/profile.json`;
  await api.writeProfile(profile);
  const target = ["--profile", profile, `--remote=${"x".repeat(20)}`];
  const result = await cli.run(["functions", "deploy", "--use-api", "--yes", ...target], {
    // Of the right form, and known to nobody.
    SUPABASE_ACCESS_TOKEN: `sbp_${"0".repeat(40)}`,
  });
  if (result.code !== 0) throw new Finding(`functions deploy failed.\n${result.stderr}`);
  return api.uploads;
}

/**
 * The packages come from this repository's node_modules, so that nothing is downloaded; all else
 * that the function may read is its own folder.
 */
async function checkBoot({ name, folder, entrypoint_path, import_map_path }: Upload) {
  await Deno.symlink(`${REPOSITORY}/node_modules`, `${folder}/node_modules`);
  const args = ["run", "--no-lock", "--no-prompt", "--node-modules-dir=manual"];
  args.push("--allow-net", "--allow-env", `--allow-read=${folder}`);
  args.push(`--config=${folder}/${import_map_path}`, `${folder}/${entrypoint_path}`);
  await using child = start(Deno.execPath(), args, {
    clearEnv: true,
    cwd: folder,
    env: { ...hostedVariables(), HOME: folder, DENO_DIR: `${folder}/.deno` },
  });
  const url = await addressOf(child.process, name);
  for (const path of ["health", "openapi.json"]) {
    const answer = await fetch(`${url}/${name}/${path}`);
    const body = await answer.text();
    if (answer.status === 200 && body.startsWith("{")) continue;
    throw new Finding(`Deployed, GET /${name}/${path} answers ${answer.status}: ${body}`);
  }
}

function hostedVariables(): Record<string, string> {
  return {
    DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
    SUPABASE_URL: "http://127.0.0.1:1",
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_none" }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_none" }),
  };
}

/** Deno says where it listens on one of its streams; a function that ends says why on the other. */
async function addressOf({ stdout, stderr }: Deno.ChildProcess, name: string): Promise<string> {
  const said = { text: "" };
  const find = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      said.text += chunk;
      const [, url] = /Listening on (http:\S+?)\/?\s/.exec(said.text) ?? [];
      if (url) return url;
    }
    throw new Error("The stream ended.");
  };
  try {
    return await Promise.any([find(stdout), find(stderr)]);
  } catch {
    throw new Finding(`The deployed ${name} does not start.\n${said.text}`);
  }
}
