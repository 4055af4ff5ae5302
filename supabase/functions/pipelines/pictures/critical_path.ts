/** What the critical path is found from; times are milliseconds of the epoch. */
export type PathStep = {
  id: string;
  parents: readonly string[];
  /** When it was ready, if it was. */
  ready: number | null;
  /** When it ended, or now if it still goes on; null for what took no time: skipped, reused, not ready. */
  end: number | null;
};

/**
 * The steps that made a run take as long as it did: from the one that ended last back to the parent
 * that it waited for, and so on.
 */
export function criticalPath(steps: readonly PathStep[]): string[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const path: string[] = [];
  let step = latest(steps);
  while (step && !path.includes(step.id)) {
    path.unshift(step.id);
    step = latest(step.parents.flatMap((id) => byId.get(id) ?? []));
  }
  return path;
}

/** What ended last; of several, what was ready first. */
function latest(steps: readonly PathStep[]): PathStep | undefined {
  return steps.filter(({ end }) => end !== null)
    .toSorted((a, b) => (b.end ?? 0) - (a.end ?? 0) || (a.ready ?? 0) - (b.ready ?? 0))[0];
}
