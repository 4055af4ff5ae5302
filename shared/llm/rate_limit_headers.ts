import { z } from "zod";

const limitSchema = z.object({
  limit: z.number(),
  remaining: z.number(),
  /** Until nothing that was counted weighs on the limit any more. */
  reset_seconds: z.number(),
});

/** Zod's schema of {@link LlmRateLimits}. */
export const rateLimitsSchema = z.object({
  requests: limitSchema.nullable(),
  tokens: limitSchema.nullable(),
});

/** Where a caller stands with their limits a minute; null for what isn't limited. */
export type LlmRateLimits = z.output<typeof rateLimitsSchema>;

/**
 * A duration as OpenAI writes it, rounded up: milliseconds below a second, else hours, minutes and
 * seconds from the largest that isn't 0.
 *
 * @example
 * ```ts
 * duration(0.02); // "20ms"
 * duration(360); // "6m0s"
 * ```
 */
export function duration(seconds: number): string {
  if (seconds <= 0) return "0s";
  const milliseconds = Math.ceil(seconds * 1000);
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return [
    hours > 0 ? `${hours}h` : "",
    hours > 0 || minutes > 0 ? `${minutes}m` : "",
    `${whole % 60}s`,
  ].join("");
}

/**
 * OpenAI's headers `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; none for what isn't limited.
 *
 * @example
 * ```ts
 * llmRateLimitHeaders({ requests: { limit: 60, remaining: 59, reset_seconds: 1 }, tokens: null });
 * // { "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59",
 * //   "x-ratelimit-reset-requests": "1s" }
 * ```
 */
export function llmRateLimitHeaders(limits: LlmRateLimits | null): Record<string, string> {
  return Object.fromEntries((["requests", "tokens"] as const).flatMap((name) => {
    const limit = limits?.[name];
    return limit
      ? [
        [`x-ratelimit-limit-${name}`, String(limit.limit)],
        [`x-ratelimit-remaining-${name}`, String(limit.remaining)],
        [`x-ratelimit-reset-${name}`, duration(limit.reset_seconds)],
      ]
      : [];
  }));
}
