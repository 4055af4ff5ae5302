import { connect } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import { ProviderFailure, retryAfterSeconds } from "@shared/llm/provider_failure.ts";
import type { BlockContext } from "../context.ts";
import { StepError } from "../step_error.ts";

/** Providers are called on behalf of the run's user, with their keys and within their budgets and its key's. */
export const llmContext = (
  { organizationId, userId, apiKeyId, runId, stepId, signal }: BlockContext,
): LlmContext => ({
  service: connect({ kind: "service" }),
  organizationId,
  userId,
  apiKeyId,
  runId,
  stepId,
  signal,
});

/** Refusals of ours that pass: a rate limit's window ends, a database comes back. */
const PASSING: readonly string[] = ["rate_limited", "database_unavailable"];

/** What a call of a provider fails with, as the step's failure. */
export function rethrowProviderError(error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  const { code, message, options } = error;
  throw new StepError({
    code,
    message,
    retryable: error instanceof ProviderFailure ? error.retryable : PASSING.includes(code),
    retryAfterSeconds: retryAfterSeconds(options.headers?.["retry-after"] ?? null),
  });
}
