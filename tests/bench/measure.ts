/** Something timed from its call to the end of its promise. */
export type Work = () => Promise<unknown>;

/** Times in ms of two pieces of work that took turns, and how the second compares to the first. */
export type Comparison = {
  base: number[];
  subject: number[];
  /** p50 of the subject through p50 of the base: the median over the rounds. */
  ratio: number;
  /** The lowest and the highest round's ratio: how much the machine's noise leaves open. */
  spread: [low: number, high: number];
};

/** The value below which a share `q` (0 to 1) of the values lies. NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position % 1);
}

/** The middle value. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** How long `work` takes, in ms. */
export async function time(work: Work): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** What two pieces of work gave in one round, in the order of their turns. */
export type Round<T> = { base: T[]; subject: T[] };

/**
 * Lets two pieces of work take turns (A B, B A, A B …), for several rounds, after a round that does
 * not count. What else the machine does meets both alike, and a round that it spoils is outvoted.
 */
export async function takeTurns<T>(
  base: () => Promise<T>,
  subject: () => Promise<T>,
  { rounds, turns }: { rounds: number; turns: number },
): Promise<Round<T>[]> {
  const all: Round<T>[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const own: Round<T> = { base: [], subject: [] };
    for (let turn = 0; turn < turns; turn += 1) {
      if (turn % 2 === 0) own.base.push(await base());
      own.subject.push(await subject());
      if (turn % 2 === 1) own.base.push(await base());
    }
    if (round >= 0) all.push(own);
  }
  return all;
}

/** How the second piece of work compares to the first, by one figure of what they gave. */
export function comparisonOf<T>(rounds: readonly Round<T>[], of: (turn: T) => number): Comparison {
  const ratios = rounds.map(({ base, subject }) => median(subject.map(of)) / median(base.map(of)));
  return {
    base: rounds.flatMap(({ base }) => base.map(of)),
    subject: rounds.flatMap(({ subject }) => subject.map(of)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** The times of two pieces of work that take turns. */
export async function compare(
  base: Work,
  subject: Work,
  plan: { rounds: number; turns: number },
): Promise<Comparison> {
  const rounds = await takeTurns(() => time(base), () => time(subject), plan);
  return comparisonOf(rounds, (ms) => ms);
}
