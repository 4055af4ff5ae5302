import { z } from "zod";
import { claimSchema } from "../../supabase/functions/pipelines/claim.ts";
import type { Boundary, Verdict } from "./boundaries.ts";
import { callRpc, readRpc, type Rpc } from "./data_api.ts";
import type { Life } from "./life.ts";
import type { ProofServer } from "./server.ts";

/** The shortest that the database allows: the lease of the dead is what recovery waits for. */
const LEASE_SECONDS = 5;
/** Steps that a worker is given at once: each kill costs all of them an attempt. */
const HAND = 4;

const resultsSchema = z.array(z.object({
  step_id: z.string(),
  attempt: z.number(),
  succeeded: z.boolean().optional(),
}));
const acceptedSchema = z.object({ accepted: z.array(z.string()) });

/** What befalls workers at boundaries. */
export type Interference = {
  at(life: Life, boundary: Boundary): Promise<Verdict>;
  /** Ends when the database has given a worker's steps up. */
  outlasted(life: Life): Promise<void>;
};

/**
 * Stands between workers and the Data API, and sees each claim, each result and each reply: the
 * boundaries at which workers die, without a hook in what they run.
 */
export class Gate {
  /** Who claimed a step last. */
  readonly holders = new Map<string, Life>();
  /** Successes that were accepted, by step. */
  readonly accepted = new Map<string, number>();
  /** Results that were refused: they came late, or twice. */
  refused = 0;
  readonly violations: string[] = [];
  readonly #attempts = new Map<string, number>();
  readonly #lives = new Map<number, Life>();
  readonly #ended = new AbortController();
  readonly #http: Deno.HttpServer<Deno.NetAddr>;

  constructor(
    private readonly server: ProofServer,
    private readonly interference: Interference,
    private readonly onWake: () => void,
  ) {
    const { signal } = this.#ended;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#http = Deno.serve(options, (request) => this.#handle(request));
  }

  /** The project's address, as this worker is told it. */
  urlOf(number: number): string {
    return `http://127.0.0.1:${this.#http.addr.port}/${number}`;
  }

  admit(life: Life): void {
    this.#lives.set(life.number, life);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#http.finished;
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const life = this.#lives.get(Number(pathname.split("/")[1]));
    if (!life) return new Response(null, { status: 404 });
    if (pathname.endsWith("/functions/v1/pipelines/worker")) {
      await request.body?.cancel();
      this.onWake();
      return Response.json({});
    }
    const rpc = await readRpc(request);
    if (rpc.command === "claim_steps") return await this.#claim(life, rpc);
    if (rpc.command === "finish_steps") return await this.#finish(life, rpc);
    const { answer, status } = await callRpc(this.server, rpc);
    return Response.json(answer, { status });
  }

  async #claim(life: Life, { command, body }: Rpc): Promise<Response> {
    if (await this.interference.at(life, "before claim") === "drop") return lost();
    const max_steps = Math.min(Number(body.max_steps), HAND);
    const wanted = { ...body, max_steps, lease_seconds: LEASE_SECONDS };
    const { status, answer } = await callRpc(this.server, { command, body: wanted });
    if (status === 200) {
      const { steps, again } = claimSchema.parse(answer);
      for (const step of steps) this.#hand(life, step);
      const isAtEnd = !again && life.held.size === 0;
      const boundary = steps.length > 0 ? "after claim" : isAtEnd ? "before reply" : undefined;
      if (boundary && await this.interference.at(life, boundary) === "drop") {
        // If it lives it does not know of them.
        for (const { step_id } of steps) life.held.delete(step_id);
        return lost();
      }
    }
    return Response.json(answer, { status });
  }

  #hand(life: Life, step: { step_id: string; attempt: number; run_id: string }): void {
    const { step_id, attempt, run_id } = step;
    const before = this.#attempts.get(step_id) ?? 0;
    if (attempt <= before) {
      this.violations.push(`attempt ${attempt} of step ${step_id} was claimed after ${before}`);
    }
    this.#attempts.set(step_id, Math.max(attempt, before));
    this.holders.set(step_id, life);
    life.held.set(step_id, { attempt, runId: run_id });
  }

  async #finish(life: Life, rpc: Rpc): Promise<Response> {
    const verdict = await this.interference.at(life, "before commit");
    if (verdict === "drop") return lost();
    if (verdict === "late") await this.interference.outlasted(life);
    const sent = [callRpc(this.server, rpc)];
    if (verdict === "twice") sent.push(callRpc(this.server, rpc));
    const answers = await Promise.all(sent);
    const results = resultsSchema.parse(rpc.body.results);
    for (const { status, answer } of answers) {
      if (status === 200) this.#note(results, acceptedSchema.parse(answer).accepted);
    }
    for (const { step_id } of results) life.held.delete(step_id);
    if (await this.interference.at(life, "after commit") === "drop") return lost();
    const [{ status, answer } = { status: 503, answer: null }] = answers;
    return Response.json(answer, { status });
  }

  #note(results: z.infer<typeof resultsSchema>, accepted: string[]): void {
    for (const { step_id, attempt, succeeded } of results) {
      if (!accepted.includes(step_id)) {
        this.refused += 1;
      } else if (succeeded) {
        this.accepted.set(step_id, (this.accepted.get(step_id) ?? 0) + 1);
        const latest = this.#attempts.get(step_id) ?? 0;
        if (attempt !== latest) {
          this.violations.push(
            `attempt ${attempt} of step ${step_id} was accepted in place of ${latest}`,
          );
        }
      }
    }
  }
}

/** A reply that breaks off: shorter than it says. */
const lost = () =>
  new Response(new ReadableStream({ start: (controller) => controller.close() }), {
    headers: { "content-length": "1" },
  });
