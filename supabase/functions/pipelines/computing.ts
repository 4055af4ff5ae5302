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
   * How one step computes: its pieces each run after all computing before them. Only the first one is
   * refused for lack of time, so that a step which has begun gets through, whatever it takes.
   *
   * @returns a function that throws {@link BudgetSpent} when the step's turn comes too late
   */
  forStep(): Compute {
    let begun = false;
    return (work) => {
      const turn = this.#last.then(async () => {
        if (!begun && this.isSpent) throw new BudgetSpent();
        begun = true;
        const started = performance.now();
        try {
          return await work();
        } finally {
          this.#spentMs += performance.now() - started;
        }
      });
      this.#last = turn.catch(() => {});
      return turn;
    };
  }
}

export type Compute = <T>(work: () => Promise<T>) => Promise<T>;
