import { ApiError, type ErrorCode } from "@shared/errors.ts";

/** An error as OpenAI's format has it, and its status. */
export type WireError = {
  status: number;
  message: string;
  type: string;
  param: string | null;
  code: string | null;
};

/** A provider that gave no answer to pass on. */
export class ProviderFailure extends ApiError {
  /** Whether the same request may succeed, here or elsewhere. */
  readonly retryable: boolean;
  /** Whether the request has not come to it at all. */
  readonly unreached: boolean;
  /** How long the provider asked to wait. */
  readonly retryAfterSeconds?: number;
  /** The provider's own words, where the fault is the request's. */
  readonly wire?: WireError;

  /** @param options `cause` is for the log alone: no key may be in it */
  constructor(code: ErrorCode, message: string, options: {
    retryable?: boolean;
    unreached?: boolean;
    retryAfterSeconds?: number;
    wire?: WireError;
    cause?: unknown;
  } = {}) {
    const { retryable = false, unreached = false, retryAfterSeconds, wire, cause } = options;
    super(code, message, {
      cause,
      headers: retryAfterSeconds === undefined
        ? undefined
        : { "retry-after": String(Math.ceil(retryAfterSeconds)) },
    });
    this.retryable = retryable;
    this.unreached = unreached;
    this.retryAfterSeconds = retryAfterSeconds;
    this.wire = wire;
  }
}

/** Seconds from a Retry-After header: a number, or an HTTP date. */
export function retryAfterSeconds(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
