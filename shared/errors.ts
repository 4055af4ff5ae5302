import type { PostgrestError } from "@supabase/postgrest-js";

/** Every error code the API answers with, and its HTTP status. The one place that knows both. */
export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_json: 400,
  invalid_cursor: 400,
  organization_required: 400,
  unauthorized: 401,
  invalid_token: 401,
  invalid_api_key: 401,
  invalid_signature: 401,
  budget_exceeded: 402,
  forbidden: 403,
  insufficient_scope: 403,
  model_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  in_use: 409,
  immutable: 409,
  cycle: 409,
  last_owner: 409,
  personal_organization: 409,
  assistant_not_approved: 409,
  conversation_archived: 409,
  block_archived: 409,
  edge_archived: 409,
  edge_not_verified: 409,
  invalid_transition: 409,
  pipeline_not_active: 409,
  pipeline_empty: 409,
  block_without_version: 409,
  block_not_writable: 409,
  executor_not_configured: 409,
  run_ended: 409,
  run_not_ended: 409,
  request_in_flight: 409,
  precondition_failed: 412,
  body_too_large: 413,
  validation_failed: 422,
  provider_refused: 422,
  model_not_priced: 422,
  idempotency_key_reused: 422,
  rate_limited: 429,
  internal_error: 500,
  provider_error: 502,
  database_unavailable: 503,
  encryption_not_configured: 503,
  provider_not_configured: 503,
  signing_not_configured: 503,
  provider_timeout: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** One thing wrong with the input: `path` as in `blocks.0.block_id`, or `query.limit`. */
export type FieldError = { path: string; message: string };

/** Thrown anywhere below a route; becomes an RFC 9457 problem with the code's status. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly options: {
      errors?: FieldError[];
      headers?: Record<string, string>;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = ERROR_STATUS[code];
  }
}

const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === "string" && Object.hasOwn(ERROR_STATUS, code);

/** The `application/problem+json` body. `message` repeats `detail`: Supabase clients look for it. */
export function problem(error: ApiError, requestId: string) {
  return {
    type: `https://edgeloom.dev/errors/${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: error.status,
    detail: error.message,
    code: error.code,
    message: error.message,
    request_id: requestId,
    ...(error.options.errors ? { errors: error.options.errors } : {}),
  };
}

/**
 * What a refusal by PostgREST means to our caller.
 *
 * Our own SQL raises `PTxyz` with our code as the hint and, for bad input, the field as the detail.
 * Constraint names and columns are told; statements and internals are not.
 */
export function databaseError(error: PostgrestError, status: number): ApiError {
  const { code, message, details, hint } = error;
  if (/^PT\d{3}$/.test(code) && isErrorCode(hint)) {
    const isField = hint === "validation_failed";
    return new ApiError(hint, details && !isField ? `${message}. ${details}` : message, {
      errors: details && isField ? [{ path: details, message }] : undefined,
    });
  }
  // The local stack passes a check violation on as text alone.
  const isCheck = code === "23514" || /violates check constraint/.test(message);
  if (isCheck) return new ApiError("validation_failed", describeCheck(message), { cause: error });
  if (code === "23505") {
    return new ApiError("conflict", describeDuplicate(details), { cause: error });
  }
  if (code === "23503") return new ApiError("in_use", describeReference(details), { cause: error });
  if (code === "23P01") {
    return new ApiError("conflict", "This overlaps an existing row", { cause: error });
  }
  if (/^(22|23502)/.test(code)) {
    return new ApiError("validation_failed", "A value does not fit its column", { cause: error });
  }
  if (code === "42501") {
    return new ApiError("forbidden", "You are not allowed to do this", { cause: error });
  }
  if (code === "PGRST116") {
    return new ApiError("not_found", "There is no such row", { cause: error });
  }
  if (status === 401) {
    return new ApiError("invalid_token", "The token was refused", { cause: error });
  }
  // PostgREST without its database, or a gateway without PostgREST, is 502 to 504.
  if (status === 0 || status >= 502 || /^(08|40|53|57)/.test(code)) {
    return new ApiError("database_unavailable", "The database is busy: try again", {
      headers: { "retry-after": "1" },
      cause: error,
    });
  }
  return new ApiError("internal_error", "Something went wrong on our side", { cause: error });
}

const describeCheck = (message: string) => {
  const name = /check constraint "([a-z_]+)"/.exec(message)?.[1];
  return name ? `This breaks the rule ${name}` : "This breaks a rule of the database";
};

const describeDuplicate = (details: string | null) => {
  const columns = /^Key \((.+?)\)=/.exec(details ?? "")?.[1];
  return columns
    ? `There is one with the same ${columns.replace("organization_id, ", "")} already`
    : "It exists already";
};

const describeReference = (details: string | null) =>
  /is still referenced from table "(?:\w+\.)?(\w+)"/.test(details ?? "")
    ? `It is still used by ${/from table "(?:\w+\.)?(\w+)"/.exec(details ?? "")?.[1]}`
    : "It refers to something that does not exist";
