import { NetworkError } from "@shared/network_error.ts";
import { SandboxError } from "@shared/sandbox_error.ts";

/** Where in the author's text it happened: lines and columns from 1, offsets in characters from 0. */
export type Position = { line?: number; column?: number; offset?: number };

/** What a failed step is reported with. */
export type StepFailure = {
  /** Stable, for programs: `code_timeout`, `jsonata_T2001`, `row_invalid`, … */
  code: string;
  /** For people; it names the position where there is one. */
  message: string;
  /** Whether the same step may succeed later; false unless said. */
  retryable?: boolean;
  /** How long the other side asked to wait. */
  retryAfterSeconds?: number;
  position?: Position;
};

/** The one error that execution throws for whatever is not our own fault. */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;
  readonly position?: Position;

  constructor({ code, message, retryable = false, retryAfterSeconds, position }: StepFailure) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.retryAfterSeconds = retryAfterSeconds;
    this.position = position;
  }
}

/** Network failures that may pass by themselves. */
const PASSING: readonly string[] = ["timeout", "unreachable"];

/**
 * Turns what the sandbox and the network throw into a {@link StepError}; anything else stays what it
 * is, because it is a fault of ours.
 *
 * @example
 * ```ts
 * const result = await runSandboxed(source, input).catch(rethrowAsStepError);
 * ```
 */
export function rethrowAsStepError(error: unknown): never {
  if (error instanceof SandboxError) {
    const { kind, located, line, column } = error;
    throw new StepError({
      code: `code_${kind}`,
      message: located,
      position: line === undefined ? undefined : { line, column },
    });
  }
  if (error instanceof NetworkError) {
    const { code, message } = error;
    throw new StepError({ code: `network_${code}`, message, retryable: PASSING.includes(code) });
  }
  throw error;
}
