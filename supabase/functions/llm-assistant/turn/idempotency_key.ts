import { ApiError } from "@shared/errors.ts";
import type { RouteContext } from "@shared/route.ts";

/**
 * The request's Idempotency-Key. A turn keeps its own: an answer may be streamed, and one that broke off
 * is gone on with rather than replayed.
 *
 * @throws {ApiError} `invalid_request` for one that is too long
 */
export function idempotencyKeyOf({ request }: RouteContext<unknown, unknown, unknown>) {
  const key = request.headers.get("idempotency-key") ?? undefined;
  if (key !== undefined && key.length > 255) {
    throw new ApiError("invalid_request", "An Idempotency-Key has 255 characters at most");
  }
  return key;
}
