/**
 * What the developer can put right: a flag, a port, a folder, a migration. Its message is one whole
 * sentence for the terminal, without a stack trace.
 */
export class StackError extends Error {
  override name = "StackError";
}

/** The sentence of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
