import { z } from "zod";

const sumSchema = z.object({ sum: z.number() });
const inputSchema = z.union([sumSchema, z.record(z.string(), sumSchema)]);
const isOne = (input: z.infer<typeof inputSchema>): input is z.infer<typeof sumSchema> =>
  typeof input.sum === "number";

/** What a service does with one input: one more than the sum of what comes in. */
export const effectOf = (sums: readonly number[]): number =>
  1 + sums.reduce((total, sum) => total + sum, 0);

/** An outside service: a real receiver on loopback, which keeps account of whom it served by key. */
export class Ledger {
  /** What came first with each `Idempotency-Key`, and how often it came. */
  readonly entries = new Map<string, { body: string; times: number; answer: string }>();
  /** Calls that made no sense, or came again with another body. */
  readonly violations: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ended = new AbortController();

  /**
   * @param onEffect awaited before an effect and after it, with the key; false when nobody waits any
   * more, before it so that it does not come about, after it so that it stays unanswered
   */
  constructor(onEffect: (key: string, when: "before effect" | "after effect") => Promise<boolean>) {
    const { signal } = this.#ended;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#server = Deno.serve(options, async (request) => {
      const key = request.headers.get("idempotency-key") ?? "";
      const body = await request.text();
      if (!await onEffect(key, "before effect")) return new Response(null, { status: 503 });
      const answer = this.#record(key, body);
      if (!await onEffect(key, "after effect")) return new Response(null, { status: 503 });
      return new Response(answer, { headers: { "content-type": "application/json" } });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/effect`;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#server.finished;
  }

  #record(key: string, body: string): string {
    const entry = this.entries.get(key);
    if (entry) {
      entry.times += 1;
      if (entry.body !== body) this.violations.push(`${key} came with ${entry.body} and ${body}`);
      return entry.answer;
    }
    const { data: input = {} } = inputSchema.safeParse(JSON.parse(body));
    const sums = isOne(input) ? [input.sum] : Object.values(input).map(({ sum }) => sum);
    if (sums.length === 0) this.violations.push(`${key} came with ${body}`);
    const answer = JSON.stringify({ sum: effectOf(sums) });
    this.entries.set(key, { body, times: 1, answer });
    return answer;
  }
}
