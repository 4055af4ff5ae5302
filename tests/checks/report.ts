/** How a check ended. One that finds nothing wrong counts as one that passed. */
export type Outcome = { passed?: number; failed?: number; note?: string };

/** What is wrong, for the person who has to mend it; its message is printed without a stack trace. */
export class Finding extends Error {
  override name = "Finding";
}

/**
 * @param problems a line each
 * @throws Finding when there are any
 */
export function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Finding(problems.join("\n"));
}

/** Runs checks one after the other, tells how each ended, and counts. */
export class Report {
  #passed = 0;
  #failed = 0;

  get failed(): number {
    return this.#failed;
  }

  /** Runs one check; a check that throws has failed, and the next one is run all the same. */
  async run(name: string, check: () => Promise<Outcome | void> | Outcome | void): Promise<void> {
    const began = performance.now();
    const outcome = await attempt(check);
    const { passed = 1, failed = 0, note } = outcome;
    this.#passed += passed;
    this.#failed += failed;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${failed > 0 ? "✗" : "✓"} ${name} (${seconds} s)${note ? ` ${note}` : ""}`);
  }

  /** The last line of a run. */
  summary(): string {
    return `${this.#passed} passed, ${this.#failed} failed`;
  }
}

async function attempt(check: () => Promise<Outcome | void> | Outcome | void): Promise<Outcome> {
  try {
    return await check() ?? {};
  } catch (error) {
    const text = error instanceof Finding ? error.message : Deno.inspect(error);
    console.log(text.replaceAll(/^/gm, "  "));
    return { passed: 0, failed: 1 };
  }
}
