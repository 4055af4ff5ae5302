import { ApiError, type FieldError } from "@shared/errors.ts";
import { type Json, nestsDeeper, parseJson } from "@shared/json.ts";
import type { Contract } from "@shared/route.ts";
import type { z } from "zod";

const MAX_BYTES = 1024 * 1024;

/** What is wrong with an input, by path; `prefix` says where the input came from. */
export function fieldErrors(error: z.ZodError, prefix: string[] = []): FieldError[] {
  return error.issues.map((issue) => ({
    path: [...prefix, ...issue.path.map(String)].join("."),
    message: issue.message,
  }));
}

function check(schema: z.ZodType, value: unknown, prefix: string[] = []): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = fieldErrors(result.error, prefix);
  const [first] = errors;
  throw new ApiError(
    "validation_failed",
    first?.path ? `${first.path}: ${first.message}` : "The input is not valid",
    {
      errors,
    },
  );
}

/** Path parameters; one of the wrong shape names nothing, which is a 404. */
export function readParams(contract: Contract, params: Record<string, string>): unknown {
  if (!contract.params) return undefined;
  const result = contract.params.safeParse(params);
  if (result.success) return result.data;
  throw new ApiError(
    "not_found",
    `There is nothing at this path: ${fieldErrors(result.error)[0]?.message}`,
  );
}

/** Query parameters; one that is given several times is taken once, the last. */
export function readQuery(contract: Contract, search: URLSearchParams): unknown {
  return contract.query ? check(contract.query, Object.fromEntries(search), ["query"]) : undefined;
}

/**
 * The JSON body and its text. An absent one counts as `{}`, so that a body of options may be left out.
 *
 * @throws {ApiError} `body_too_large`, `invalid_json`, `validation_failed`
 */
export async function readBody(
  contract: Contract,
  request: Request,
): Promise<{ text: string; value: unknown }> {
  if (!contract.body) return { text: "", value: undefined };
  const text = new TextDecoder().decode(await readBytes(request, contract.maxBytes));
  const value = text.trim() === "" ? {} : parseBody(text);
  return { text, value: check(contract.body, value) };
}

/** Levels of nesting that a body may have: what walks it recurses, here and in the database. */
const MAX_DEPTH = 500;

/**
 * Parses a body's text.
 *
 * @throws {ApiError} `invalid_json`; `validation_failed` where it nests too deeply
 */
export function parseBody(text: string): Json {
  if (nestsDeeper(text, MAX_DEPTH)) {
    throw new ApiError("validation_failed", `The body nests deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return parseJson(text);
  } catch (cause) {
    // The parser quotes the body, which may hold a secret, so only the place is told.
    const place = /(?:at|in JSON at) position \d+(?: \(line \d+ column \d+\))?/.exec(String(cause))
      ?.[0];
    throw new ApiError("invalid_json", `The body is not JSON${place ? `: see ${place}` : ""}`);
  }
}

/** How much of a body that is too large is still taken. */
const DROPPED_BYTES = 16 * 1024 * 1024;

/**
 * The body's bytes, kept no further than the limit.
 *
 * @throws {ApiError} `body_too_large`
 */
export async function readBytes(
  request: Request,
  maxBytes: number = MAX_BYTES,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new ApiError("body_too_large", `The body is larger than ${maxBytes} bytes`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  // What is too large is read on for a while and dropped: a client that is cut off while it sends never
  // hears why.
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length <= maxBytes) chunks.push(chunk);
    else if (length > maxBytes + DROPPED_BYTES) break;
  }
  if (length > maxBytes) throw tooLarge();
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
