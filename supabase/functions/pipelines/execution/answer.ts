import { StepError } from "./step_error.ts";

/** Statuses after which the same request may succeed. */
const PASSING = [408, 425, 429];

/** Whether an answer of this status may be another one later. */
export function isPassing(status: number): boolean {
  return status >= 500 || PASSING.includes(status);
}

/** Seconds from a Retry-After header: a number, or an HTTP date. */
export function retryAfterSeconds(header: string | null | undefined): number | undefined {
  if (header === null || header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

/** @throws {StepError} when the bytes are no UTF-8 text */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new StepError({ code: "text_invalid", message: `${source} is not UTF-8 text` });
  }
}

/**
 * Reads a body up to a limit.
 *
 * @throws {StepError} `too_large`
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  source: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new StepError({
        code: "too_large",
        message: `${source} is larger than ${maxBytes} bytes`,
      });
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
