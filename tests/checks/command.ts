import process from "node:process";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import { Finding } from "./report.ts";

/** What a program said and how it ended. */
export type Result = { code: number; stdout: string; stderr: string };

/** How a program is run: in the repository, with this process's environment and `env`. */
export type CommandOptions = {
  env?: Record<string, string>;
  /** Only what `env` holds is in its environment. */
  clearEnv?: boolean;
  cwd?: string;
  /** Show what it says while it runs. */
  show?: boolean;
};

/** Programs write to a pipe here, so they can't see whether a person reads it. */
const COLOUR: Record<string, string> = Deno.stdout.isTerminal() && !Deno.noColor
  ? { FORCE_COLOR: "1" }
  : { NO_COLOR: "1" };

const running = new Set<number>();

/** Runs a program to its end. It leads a process group, and nothing of the group outlives it. */
export async function run(
  program: string,
  args: readonly string[],
  { show = false, cwd = REPOSITORY, ...options }: CommandOptions = {},
): Promise<Result> {
  await using child = start(program, args, { ...options, cwd });
  const [stdout, stderr, { code }] = await Promise.all([
    textOf(child.process.stdout, show),
    textOf(child.process.stderr, show),
    child.process.status,
  ]);
  return { code, stdout, stderr };
}

/** @throws Finding with what the program said, unless it ended with 0 */
export async function succeed(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Result> {
  const result = await run(program, args, options);
  if (result.code === 0) return result;
  const said = options.show ? "" : `\n${`${result.stdout}${result.stderr}`.trim()}`;
  throw new Finding(`${program.split("/").at(-1)} ${args[0]} ended with ${result.code}.${said}`);
}

/** A program that goes on until the end of the scope; its output is piped. */
export type Child = AsyncDisposable & { process: Deno.ChildProcess };

/** Starts a program as the leader of a process group. */
export function start(program: string, args: readonly string[], options: CommandOptions): Child {
  const { env, clearEnv, cwd } = options;
  const child = new Deno.Command(program, {
    args: [...args],
    env: { ...COLOUR, ...env },
    clearEnv,
    cwd,
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(child.pid);
  return {
    process: child,
    async [Symbol.asyncDispose]() {
      endGroup(child.pid);
      running.delete(child.pid);
      await child.status;
    },
  };
}

/** Ends all programs at once, for when this process has to end. */
export function endAll(): void {
  for (const pid of running) endGroup(pid);
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // The whole group has ended, which is as it should be.
  }
}

async function textOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>, show: boolean) {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (show) process.stdout.write(chunk);
  }
  return text;
}
