import type { Act, Boundary, Fate, Verdict } from "./boundaries.ts";
import type { Interference } from "./gate.ts";
import type { Life } from "./life.ts";
import type { Random } from "./random.ts";
import { literal, type ProofServer } from "./server.ts";

/** A step that has been tried so often is left in peace: its backoff would soon be longer than the proof. */
const TIRED = 3;
/** How long the database may take to give up what a silent worker holds. */
const GIVE_UP_MS = 25_000;

/** Deals fates to workers and makes them come true. */
export class Chaos implements Interference {
  /** Fates that came true, by act and boundary. */
  readonly done: { act: Act; boundary: Boundary }[] = [];
  /** Runs that somebody tried to cancel. */
  readonly canceled = new Set<string>();
  /** Workers that were still thought to live when their time was long over. */
  readonly violations: string[] = [];
  lastFaultAt = 0;
  readonly #tasks = new Set<Promise<void>>();

  /** @param deck what shall happen, the last one first */
  constructor(
    private readonly server: ProofServer,
    private readonly cancelRun: (runId: string) => Promise<void>,
    private readonly deck: Fate[],
    private readonly random: Random,
  ) {}

  /** Fates that nobody has been dealt. */
  get left(): number {
    return this.deck.length;
  }

  deal(life: Life): void {
    if (life.state !== "dead") life.fate ??= this.deck.pop();
  }

  async at(life: Life, boundary: Boundary): Promise<Verdict> {
    if (life.state === "dead") return "drop";
    const { fate } = life;
    if (fate?.boundary !== boundary) return "proceed";
    if ([...life.held.values()].some(({ attempt }) => attempt > TIRED)) return "proceed";
    if (fate.skip > 0) {
      fate.skip -= 1;
      return "proceed";
    }
    life.fate = undefined;
    const verdict = await this.#act(life, fate);
    this.done.push(fate);
    this.lastFaultAt = Date.now();
    return verdict;
  }

  async outlasted(life: Life): Promise<void> {
    const held = [...life.held].map(([id, { attempt }]) => `(${literal(id)}::uuid, ${attempt})`);
    if (held.length === 0) return;
    const deadline = Date.now() + GIVE_UP_MS;
    while (true) {
      const [row] = await this.server.ask(`select exists (select from public.run_steps s
        where s.status = 'running' and (s.id, s.attempt) in (${held})) as held`);
      if (!row?.held) return;
      if (Date.now() > deadline) {
        this.violations.push(`worker ${life.number} holds steps long after its lease`);
        return;
      }
      await pause(100);
    }
  }

  /** Whether something that takes its time is under way. */
  get isBusy(): boolean {
    return this.#tasks.size > 0;
  }

  async #act(life: Life, { act, boundary }: Fate): Promise<Verdict> {
    switch (act) {
      case "kill":
        await life.kill();
        return "drop";
      case "kill, request late":
        await life.kill();
        return "late";
      case "zombie":
        life.pause();
        this.#begin(() => this.outlasted(life).then(() => life.resume()));
        return boundary === "before commit" ? "late" : "proceed";
      case "request twice":
        return "twice";
      case "reply lost":
        return "drop";
      case "cancel run": {
        const runId = this.random.pick([...life.held.values()])?.runId;
        if (runId) this.#begin(() => this.#cancel(runId));
        return "proceed";
      }
      case "terminate backends":
        this.#begin(() => this.server.terminateBackends(), 8);
        return "proceed";
      case "restart server":
        this.#begin(() => this.server.restart(), 8);
        return "proceed";
    }
  }

  async #cancel(runId: string): Promise<void> {
    this.canceled.add(runId);
    await this.cancelRun(runId);
  }

  /** Work beside the worker's request, up to so many ms later. */
  #begin(work: () => Promise<void>, jostleMs = 4): void {
    const task = pause(this.random.below(jostleMs + 1)).then(work).finally(() => {
      this.#tasks.delete(task);
      this.lastFaultAt = Date.now();
    });
    this.#tasks.add(task);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
