import { type FunctionProcess, startFunction } from "../harness/function_process.ts";
import type { Fate } from "./boundaries.ts";

const SECRET_KEY = "sb_secret_proof";

/** The pipelines function as it is deployed, in a process that may be killed at any moment. */
export class Life {
  /** Attempts in its hands, by step. */
  readonly held = new Map<string, { attempt: number; runId: string }>();
  fate: Fate | undefined;
  state: "alive" | "stopped" | "dead" = "alive";
  /** Hints that it has not answered. */
  working = 0;

  private constructor(readonly number: number, private readonly process: FunctionProcess) {}

  /** @param url where it finds its project: an address by which the proxy knows who calls */
  static async start(number: number, url: string): Promise<Life> {
    const keys = { publishableKey: "sb_publishable_proof", secretKey: SECRET_KEY };
    const project = { url, ...keys, jwtSecret: "a secret of a proof, long enough for HS256" };
    const env = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };
    return new Life(number, await startFunction("pipelines", project, env));
  }

  /** Tells it that there may be work. Whether it heard, and lives to answer, does not matter. */
  async hint(): Promise<void> {
    this.working += 1;
    try {
      const response = await fetch(`${this.process.url}/pipelines/worker`, {
        method: "POST",
        headers: { apikey: SECRET_KEY },
      });
      await response.body?.cancel();
    } catch {
      // It was killed.
    } finally {
      this.working -= 1;
      // What it gave up, because the database did not answer, is in its hands no more.
      if (this.working === 0) this.held.clear();
    }
  }

  /** Ends it by SIGKILL; it is gone when this returns. */
  async kill(): Promise<void> {
    if (this.state === "dead") return;
    this.state = "dead";
    await this.process.stop("SIGKILL");
  }

  pause(): void {
    this.state = "stopped";
    Deno.kill(this.process.pid, "SIGSTOP");
  }

  resume(): void {
    if (this.state !== "stopped") return;
    this.state = "alive";
    Deno.kill(this.process.pid, "SIGCONT");
  }
}
