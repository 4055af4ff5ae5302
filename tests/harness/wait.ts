const INTERVAL_MS = 25;

/**
 * Asks again and again, quickly, until there is an answer other than `undefined` or `false`, and
 * returns it. What the condition throws is what the test fails with when the time (ms) is up.
 */
export async function waitFor<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeout = 20_000, what = "the condition" } = {},
): Promise<T> {
  const deadline = Date.now() + timeout;
  while (true) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${timeout} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}
