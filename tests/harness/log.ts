/** What is written to the log while work is done. */
export async function logOf(work: () => Promise<unknown>): Promise<string> {
  const lines: string[] = [];
  const { log, error } = console;
  const keep = (...given: unknown[]) => void lines.push(given.map(String).join(" "));
  Object.assign(console, { log: keep, error: keep });
  try {
    await work();
  } finally {
    Object.assign(console, { log, error });
  }
  return lines.join("\n");
}
