/** What the demo shows: a line a step, a live progress line, and tables. */

const isTerminal = Deno.stdout.isTerminal();
const encoder = new TextEncoder();
const write = (text: string) => Deno.stdout.writeSync(encoder.encode(text));

const paint = (code: number) => (text: string) => isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text;
export const bold = paint(1);
export const dim = paint(2);
export const green = paint(32);

let count = 0;

/** Announces a step of the story, does it, and says how it went. */
export async function step<T>(
  title: string,
  work: () => Promise<T>,
  outcome?: (value: T) => string,
): Promise<T> {
  count += 1;
  const value = await work();
  console.log(
    `${green("✓")} ${String(count).padStart(2)}. ${title}${
      outcome ? dim(` — ${outcome(value)}`) : ""
    }`,
  );
  return value;
}

/** One line that is drawn anew with each event; on anything but a terminal, a line an event. */
export function progress(text: string): void {
  write(isTerminal ? `\r\x1b[2K      ${text}` : `      ${text}\n`);
}

export function endProgress(): void {
  if (isTerminal) write("\n");
}

/** Rows as an aligned table. */
export function table(rows: Record<string, unknown>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((line) => line[index]?.length ?? 0))
  );
  const line = (values: string[]) =>
    `      ${values.map((value, index) => value.padEnd(widths[index] ?? 0)).join("  ")}`;
  console.log(bold(line(columns)));
  for (const values of cells) console.log(line(values));
}
