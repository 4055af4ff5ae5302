import type { PublicResponse } from "@shared/network.ts";
import { isPassing, retryAfterSeconds } from "../answer.ts";
import { StepError } from "../step_error.ts";

/**
 * Lets a 2xx answer pass.
 *
 * @throws {StepError} `http_status`, retryable after 408, 425, 429 and 5xx
 */
export function assertSuccess({ status, headers, url }: PublicResponse): void {
  if (status >= 200 && status < 300) return;
  throw new StepError({
    code: "http_status",
    message: `${new URL(url).host} answered ${status}`,
    retryable: isPassing(status),
    retryAfterSeconds: retryAfterSeconds(headers["retry-after"]),
  });
}
