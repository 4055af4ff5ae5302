import { duration, llmRateLimitHeaders } from "@shared/llm/rate_limit_headers.ts";
import assert from "node:assert/strict";

Deno.test("durations are written as OpenAI does", () => {
  const written = [
    [0, "0s"],
    [-1, "0s"],
    [0.0004, "1ms"],
    [0.02, "20ms"],
    [0.9991, "1s"],
    [1, "1s"],
    [59.2, "1m0s"],
    [60, "1m0s"],
    [90.5, "1m31s"],
    [360, "6m0s"],
    [3600, "1h0m0s"],
    [3661, "1h1m1s"],
  ] as const;
  for (const [seconds, expected] of written) assert.equal(duration(seconds), expected);
});

Deno.test("rate limits become OpenAI's headers", () => {
  assert.deepEqual(llmRateLimitHeaders(null), {});
  assert.deepEqual(llmRateLimitHeaders({ requests: null, tokens: null }), {});
  assert.deepEqual(
    llmRateLimitHeaders({
      requests: { limit: 60, remaining: 59, reset_seconds: 1 },
      tokens: { limit: 150000, remaining: 149984, reset_seconds: 360 },
    }),
    {
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "150000",
      "x-ratelimit-remaining-tokens": "149984",
      "x-ratelimit-reset-tokens": "6m0s",
    },
  );
});
