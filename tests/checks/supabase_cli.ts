import { REPOSITORY } from "../../supabase/local/paths.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import { type Result, run } from "./command.ts";
import { Finding } from "./report.ts";

/** The Supabase CLI of package.json, run as a stranger: no login, no settings, no telemetry. */
export class SupabaseCli implements AsyncDisposable {
  readonly #home: string;

  private constructor(home: string) {
    this.#home = home;
  }

  /** Its settings live in a folder that ends with the scope. */
  static async open(): Promise<SupabaseCli> {
    return new SupabaseCli(await Deno.makeTempDir({ prefix: "edgeloom_cli_" }));
  }

  /** Runs a command to its end, however it ends. */
  run(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
    return run(`${REPOSITORY}/node_modules/.bin/supabase`, args, {
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: this.#home,
        SUPABASE_HOME: this.#home,
        SUPABASE_NO_UPDATE_NOTIFIER: "1",
        DO_NOT_TRACK: "1",
        ...env,
      },
    });
  }

  /**
   * Runs a command against a stack's database.
   * @throws Finding with what it said, unless it ended with 0
   */
  async onDatabase(stack: Stack, ...args: string[]): Promise<Result> {
    const result = await this.run([...args, remote(stack)]);
    if (result.code === 0) return result;
    throw new Finding(`supabase ${args.join(" ")} ended with ${result.code}.\n${result.stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#home, { recursive: true });
  }
}

/** The flag that points the CLI at a stack's database. */
export function remote(stack: Stack): string {
  return `--remote=${stack.dbUrl}?sslmode=disable`;
}
