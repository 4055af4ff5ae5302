import { describeError, log } from "@shared/log.ts";
import { NetworkError, publicFetch } from "@shared/network.ts";
import { retryAfterSeconds } from "../execution/answer.ts";
import type { ClaimedDelivery, Outcome } from "./claim.ts";
import { recordResponse } from "./record.ts";
import { openSecrets, signedHeaders } from "./sign.ts";

const TIMEOUT_MS = 15_000;
/** An answer is to say that a message came in: one longer than this counts as none. */
const RESPONSE_BYTES = 256 * 1024;

/** Statuses that tell when to come back. */
const BUSY = [429, 503];

/** Sends a message once. Never throws: what goes wrong is the outcome. */
export async function sendDelivery(delivery: ClaimedDelivery): Promise<Outcome> {
  const started = performance.now();
  const duration = () => Math.round(performance.now() - started);
  const secrets = await openSecrets(delivery).catch((error) => {
    log("error", { delivery: delivery.delivery_id, error: describeError(error) });
    return undefined;
  });
  if (!secrets || secrets.length === 0) {
    const message = "The endpoint's secret can't be read: rotate it";
    return { error: { code: "secret_unreadable", message }, duration_ms: duration() };
  }
  const request_headers = await signedHeaders(delivery, secrets);
  try {
    const response = await publicFetch(delivery.url, {
      method: "POST",
      headers: request_headers,
      body: delivery.body,
      maxBytes: RESPONSE_BYTES,
      timeoutMs: TIMEOUT_MS,
      maxRedirects: 0,
    });
    const { status, headers } = response;
    return {
      request_headers,
      ...recordResponse(response, secrets),
      error: status >= 200 && status < 300
        ? null
        : { code: "http_status", message: `The receiver answered ${status}` },
      duration_ms: duration(),
      retry_after_seconds: BUSY.includes(status)
        ? retryAfterSeconds(headers["retry-after"])
        : undefined,
    };
  } catch (error) {
    return { request_headers, error: describeFailure(error), duration_ms: duration() };
  }
}

function describeFailure(error: unknown): { code: string; message: string } {
  if (!(error instanceof NetworkError)) {
    log("error", { delivery: "send", error: describeError(error) });
    return { code: "internal_error", message: "Something went wrong on our side" };
  }
  const { code, message } = error;
  return code === "too_many_redirects"
    ? { code: "redirect_refused", message: "The receiver redirects, which is not followed" }
    : { code, message };
}
