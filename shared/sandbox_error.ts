/**
 * Why the sandbox stopped: the source does not parse, it threw, it ran too long, it took too much
 * memory, or what it returned is not JSON.
 */
export type SandboxErrorKind = "syntax" | "runtime" | "timeout" | "memory" | "output";

/** What {@link SandboxError} knows beside its message; lines and columns count from 1. */
export type SandboxErrorDetail = { line?: number; column?: number };

/** A failure of the author's code, never of ours: its message may be shown to the author. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  readonly line?: number;
  readonly column?: number;

  constructor(readonly kind: SandboxErrorKind, message: string, detail: SandboxErrorDetail = {}) {
    super(message);
    this.line = detail.line;
    this.column = detail.column;
  }

  /** The message with its place: `unexpected token (line 2, column 5)`. */
  get located(): string {
    const { message, line, column } = this;
    return line === undefined ? message : `${message} (line ${line}, column ${column})`;
  }
}
