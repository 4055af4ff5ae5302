import assert from "node:assert/strict";
import { REPOSITORY } from "../../supabase/local/paths.ts";

/** Runs `npm start` with flags to its end. */
export async function start(...flags: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await command(flags).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** A running `npm start`. */
export interface Program {
  readonly process: Deno.ChildProcess;
  /** What `stack.env` says. */
  readonly env: Record<string, string>;
  /** Ends it by a signal to the launcher and returns the exit code. */
  end(signal: Deno.Signal): Promise<number>;
}

/** Starts it on a data folder and waits until it has said that it runs. */
export async function running(data: string, ...flags: string[]): Promise<Program> {
  const process = command(["--data", data, "--port", "0", "--db-port", "0", ...flags]).spawn();
  const said = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("Try it:")) {
    const { value, done } = await said.read();
    if (done) assert.fail(`npm start ended: ${new TextDecoder().decode(await rest(process))}`);
    text += value;
  }
  const lines = (await Deno.readTextFile(`${data}/stack.env`)).trim().split("\n");
  return {
    process,
    env: Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2))),
    async end(signal) {
      process.kill(signal);
      await said.cancel();
      await process.stderr.cancel();
      return (await process.status).code;
    },
  };
}

/** The process id of the stack behind the launcher. */
export async function stackPid(data: string): Promise<number> {
  return Number(await Deno.readTextFile(`${data}/lock`));
}

async function rest(process: Deno.ChildProcess): Promise<Uint8Array> {
  return await new Response(process.stderr).bytes();
}

function command(flags: string[]): Deno.Command {
  return new Deno.Command("node", {
    args: [`${REPOSITORY}/supabase/local/launch.mjs`, "supabase/local/main.ts", ...flags],
    stdout: "piped",
    stderr: "piped",
  });
}
