import { Chaos } from "./chaos.ts";
import { type Amounts, makeDeck } from "./deck.ts";
import { Client, type Flow } from "./flows.ts";
import { Gate } from "./gate.ts";
import { brokenRules, keepHistory } from "./history.ts";
import { Ledger } from "./ledger.ts";
import { Life } from "./life.ts";
import { Random } from "./random.ts";
import { literal, ProofServer } from "./server.ts";

/** What is to be proved with, and by how much. */
export type Plan = Amounts & {
  seed: number;
  /** Workers side by side. */
  workers: number;
};

const FLOWS = 12;
const TURN_MS = 60;
/** Every run must have ended so long after the last fault. */
const END_MS = 30_000;
/** A fate that finds no occasion in this time means that nothing gets on. */
const STALLED_MS = 90_000;

type Run = { id: string; flow: Flow; input: number };

/** A fleet of real workers on a real server, to which everything happens that may. */
export class Proof {
  readonly runs: Run[] = [];
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly chaos: Chaos;
  /** From the last fault to the end of the last run, in ms. */
  endedAfterMs = NaN;
  /** What must not have happened. */
  violations: string[] = [];
  readonly #random: Random;
  #lives: Life[] = [];
  #born = 0;

  private constructor(readonly server: ProofServer, readonly client: Client, readonly plan: Plan) {
    this.#random = new Random(plan.seed);
    const deck = makeDeck(plan, this.#random);
    this.chaos = new Chaos(server, (id) => client.cancel(id), deck, new Random(plan.seed + 1));
    this.gate = new Gate(server, this.chaos, () => this.#hint());
    this.ledger = new Ledger(async (key, when) => {
      const life = this.gate.holders.get(key.split(":")[1] ?? "");
      return !life || await this.chaos.at(life, when) !== "drop";
    });
  }

  /** Proves on a server of its own, and returns what happened. */
  static with<T>(plan: Plan, tell: (proof: Proof) => Promise<T>): Promise<T> {
    return ProofServer.with(async (server) => {
      const proof = new Proof(server, await Client.signUp(server), plan);
      try {
        await keepHistory(server);
        await proof.#run();
        return await tell(proof);
      } finally {
        await Promise.all(proof.#lives.map((life) => life.kill()));
        await Promise.all([proof.gate.stop(), proof.ledger.stop()]);
      }
    });
  }

  async #run(): Promise<void> {
    const flows: Flow[] = [];
    for (let flow = 0; flow < FLOWS; flow++) {
      flows.push(await this.client.createFlow(this.#random, this.ledger.url));
    }
    this.chaos.lastFaultAt = Date.now();
    while (this.#isDangerous && this.#isAdvancing) {
      await this.#replaceTheDead();
      await this.#startRuns(flows);
      await this.#sweep();
    }
    // The clock goes on: a zombie stays stopped until others have its steps, and idle workers want waking.
    while (this.chaos.isBusy) await this.#tick();
    const lastFaultAt = this.chaos.lastFaultAt;
    let open = await this.#countOpen();
    while (open > 0 && Date.now() - lastFaultAt < END_MS) {
      await this.#tick();
      open = await this.#countOpen();
    }
    this.endedAfterMs = Date.now() - lastFaultAt;
    this.violations = await this.#judge();
  }

  get #isDangerous(): boolean {
    return this.chaos.left > 0 || this.#lives.some(({ fate }) => fate !== undefined);
  }

  get #isAdvancing(): boolean {
    return Date.now() - this.chaos.lastFaultAt < STALLED_MS;
  }

  async #replaceTheDead(): Promise<void> {
    this.#lives = this.#lives.filter(({ state }) => state !== "dead");
    const alive = this.#lives.filter(({ state }) => state === "alive");
    const missing = Math.max(this.plan.workers - alive.length, 0);
    await Promise.all(Array.from({ length: missing }, async () => {
      const number = ++this.#born;
      const life = await Life.start(number, this.gate.urlOf(number));
      this.gate.admit(life);
      this.#lives.push(life);
      // The platform boots a worker because somebody called it.
      life.hint();
    }));
    for (const life of this.#lives) this.chaos.deal(life);
  }

  async #startRuns(flows: readonly Flow[]): Promise<void> {
    // Workers answer when there is nothing to do: those that shall die then would wait for ever.
    const ending = this.#lives.filter(({ fate }) => fate?.boundary === "before reply");
    if (ending.length > this.plan.workers / 3) return;
    const [row] = await this.server.ask(`select count(*)::integer as due from public.run_steps
      where status = 'ready' and run_at <= now()`);
    const missing = this.plan.workers - row?.due;
    for (let run = 0; run < missing; run++) {
      const flow = this.#random.pick(flows);
      if (!flow) return;
      const input = this.runs.length;
      const id = await this.client.start(flow, input);
      this.runs.push({ id, flow, input });
      this.#hint();
    }
  }

  /** A hint that gets lost, comes once, or comes twice. */
  #hint(): void {
    const able = this.#lives.filter(({ state }) => state === "alive");
    for (let copy = this.#random.below(3); copy > 0; copy--) this.#random.pick(able)?.hint();
  }

  async #tick(): Promise<void> {
    await this.#replaceTheDead();
    await this.#sweep();
  }

  /** What the clock does: it asks whether a worker is needed, and calls one. */
  async #sweep(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    const [row] = await this.server.ask("select private.worker_needed() as needed");
    const idle = this.#lives.filter(({ state, working }) => state === "alive" && working === 0);
    if (row?.needed) this.#random.pick(idle)?.hint();
  }

  async #countOpen(): Promise<number> {
    const [row] = await this.server.ask(`
      select count(*)::integer as open from public.pipeline_runs where finished_at is null`);
    return row?.open;
  }

  async #judge(): Promise<string[]> {
    const violations = [
      ...this.gate.violations,
      ...this.chaos.violations,
      ...await brokenRules(this.server),
      ...this.ledger.violations,
    ];
    if (this.#isDangerous) violations.push(`${this.chaos.left} fates found no occasion`);
    for (const [step, times] of this.gate.accepted) {
      if (times > 1) violations.push(`${times} completions of step ${step} were accepted`);
    }
    return [...violations, ...await this.#wrongOutputs()];
  }

  /** Runs that came to something else than they had to, and steps that the service does not know. */
  async #wrongOutputs(): Promise<string[]> {
    const wrong: string[] = [];
    const runs = await this.server.ask("select id, status, output from public.pipeline_runs");
    if (runs.length !== this.runs.length) {
      wrong.push(`${runs.length} runs, not ${this.runs.length}`);
    }
    for (const { id, flow, input } of this.runs) {
      const run = runs.find((row) => row.id === id);
      const isRight = run?.status === "canceled"
        ? this.chaos.canceled.has(id) && run.output === null
        : run?.output?.sum === flow.outputOf(input);
      if (!isRight) wrong.push(`run ${id} of ${input} ended as ${literal(run)}`);
    }
    const steps = await this.server.ask(`select run_id || ':' || id as key, output
      from public.run_steps where status = 'succeeded'`);
    for (const { key, output } of steps) {
      const entry = this.ledger.entries.get(key);
      if (!entry || JSON.parse(entry.answer).sum !== output?.sum) {
        wrong.push(`step ${key} has ${JSON.stringify(output)}, the service did ${entry?.answer}`);
      }
    }
    return wrong;
  }
}
