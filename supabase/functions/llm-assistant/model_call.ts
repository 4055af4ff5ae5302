import type { ErrorCode } from "@shared/errors.ts";

/** What the routes that call models have in common. */
export const modelCall = {
  auth: "user",
  scope: "llm-assistant:run",
  // Pictures and long texts come in the body.
  maxBytes: 4 * 1024 * 1024,
} as const;

/** What can go wrong with any call of a model. */
export const CALL_ERRORS: readonly ErrorCode[] = [
  "organization_required",
  "budget_exceeded",
  "model_not_found",
  "model_not_priced",
  "provider_refused",
  "encryption_not_configured",
  "provider_error",
  "provider_not_configured",
  "provider_timeout",
];

/** And with one in a conversation, or by an assistant. */
export const TURN_ERRORS: readonly ErrorCode[] = [
  ...CALL_ERRORS,
  "not_found",
  "assistant_not_approved",
  "conversation_archived",
  "request_in_flight",
  "idempotency_key_reused",
];
