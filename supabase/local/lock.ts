/** A first-in, first-out lock: a chain of promises. */
export class Lock {
  #tail: Promise<void> = Promise.resolve();

  /** Waits for its turn and returns the function that gives the lock back. */
  async acquire(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = this.#tail;
    this.#tail = turn.then(() => promise);
    await turn;
    return resolve;
  }

  /** Runs `work` alone. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.acquire();
    try {
      return await work();
    } finally {
      release();
    }
  }
}
