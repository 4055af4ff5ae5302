/** Chance that comes out the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 or more, and less than 1. */
  next(): number {
    // The generator mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 on, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of them; none of an empty list. */
  pick<T>(values: readonly T[]): T | undefined {
    return values[this.below(values.length)];
  }

  shuffle<T>(values: readonly T[]): T[] {
    return values.map((value) => ({ value, place: this.next() }))
      .toSorted((a, b) => a.place - b.place).map(({ value }) => value);
  }
}
