import type { PostgrestError } from "@supabase/postgrest-js";
import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError, databaseError } from "@shared/errors.ts";
import { llmRateLimitHeaders, rateLimitsSchema } from "@shared/llm/rate_limit_headers.ts";
import type { Source } from "@shared/llm/sources.ts";
import { z } from "zod";

/** What a call to a provider is going to be, at most. */
export type UsageRequest = {
  organization_id: string;
  user_id: string;
  api_key_id?: string | null;
  assistant_id?: string | null;
  conversation_id?: string | null;
  run_id?: string | null;
  step_id?: string | null;
  operation: "chat" | "embedding" | "title";
  /** Whose key it is called with: what users call with their own counts for their own budgets alone. */
  key_level: Source["level"];
  provider: string;
  model: string;
  /** Estimate of all input tokens. */
  input_tokens: number;
  /** What the answer is limited to; 0 for embeddings. */
  max_output_tokens: number;
  /** A field of the request that leaves unknown what the call costs. */
  unpriced_field?: string | null;
  request_id?: string | null;
};

/** How a call ended. Token counts are as OpenAI counts them. */
export type UsageOutcome = {
  status: "succeeded" | "failed" | "partial" | "canceled";
  /** Who answered in the end; what was reserved for, unless told. */
  provider?: string;
  model?: string;
  /** What the provider calls the model that answered. The dearer of the two is charged. */
  answered_model?: string;
  /** All of the input, cached tokens among them. */
  input_tokens: number;
  cached_tokens?: number;
  /** All of the output, reasoning tokens among them. */
  output_tokens: number;
  reasoning_tokens?: number;
  /** The counts are ours, because the provider gave none. */
  is_estimated?: boolean;
  latency_ms?: number | null;
  first_token_ms?: number | null;
  error_code?: string | null;
};

const warningSchema = z.object({
  code: z.enum(["budget_exceeded", "model_not_priced"]),
  message: z.string(),
});

/** What an advisory (not hard) budget says of a call that it lets pass. */
export type BudgetWarning = z.output<typeof warningSchema>;

const reservationSchema = z.object({
  reservation_id: z.uuid(),
  reserved_cost: z.number().nullable(),
  rate_limits: rateLimitsSchema.nullable(),
  warnings: z.array(warningSchema),
});

/**
 * A place held in the budgets and rate limits. `reserved_cost` is in USD, null where its price is
 * unknown; `rate_limits` is null where the caller has none.
 */
export type Reservation = z.output<typeof reservationSchema>;

const settlementSchema = z.object({ cost: z.number().nullable(), is_priced: z.boolean() });

/** What a call cost in USD; null where its price is unknown. */
export type Settlement = z.output<typeof settlementSchema>;

const refusalSchema = z.object({
  retry_after_seconds: z.number().nullable(),
  rate_limits: rateLimitsSchema,
});

/**
 * Holds a place in every budget and rate limit that applies, in one round trip, before a provider is
 * called. Each reservation is to be settled; one that is not within 10 minutes counts as failed.
 *
 * @param service the database past RLS: no client may forge usage
 * @throws {ApiError} `budget_exceeded`; `rate_limited` with `retry-after` and OpenAI's headers;
 *   `model_not_priced` where a hard budget meets a call whose price is unknown
 */
export async function reserveUsage(
  service: DatabaseClient,
  request: UsageRequest,
): Promise<Reservation> {
  const { data, error, status } = await service.rpc("reserve_usage", { request });
  if (error) throw refusal(error) ?? databaseError(error, status);
  return reservationSchema.parse(data);
}

/**
 * Writes the call into the usage log and frees what was held for it. Once: settled again, the answer
 * is the first one's and nothing changes.
 *
 * @throws {ApiError} `not_found` for a reservation that never was
 */
export async function settleUsage(
  service: DatabaseClient,
  reservation_id: string,
  outcome: UsageOutcome,
): Promise<Settlement> {
  return settlementSchema.parse(
    await unwrap(service.rpc("settle_usage", { reservation_id, outcome })),
  );
}

/** A refusal by a rate limit, whose figures come as JSON in the detail. */
function refusal({ hint, message, details }: PostgrestError): ApiError | undefined {
  if (hint !== "rate_limited") return undefined;
  const { retry_after_seconds, rate_limits } = refusalSchema.parse(JSON.parse(details));
  const retryAfter = retry_after_seconds === null
    ? undefined
    : { "retry-after": String(Math.ceil(retry_after_seconds)) };
  return new ApiError("rate_limited", message, {
    headers: { ...retryAfter, ...llmRateLimitHeaders(rate_limits) },
  });
}
