/** Thrown in place of work that the worker has no computing time left for. */
export class BudgetSpent extends Error {}

/**
 * The computing of one worker: what keeps the processor busy runs one at a time, so that its wall
 * time is its computing time. Steps that wait for a network go on beside it.
 */
export class Computing {
  #spentMs = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param budgetMs after which no further work is begun */
  constructor(private readonly budgetMs: number) {}

  get isSpent(): boolean {
    return this.#spentMs >= this.budgetMs;
  }

  /**
   * Runs `work` after all computing before it.
   *
   * @throws {BudgetSpent} when its turn comes too late
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      if (this.isSpent) throw new BudgetSpent();
      const started = performance.now();
      try {
        return await work();
      } finally {
        this.#spentMs += performance.now() - started;
      }
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}
