import { z } from "zod";

/** What the routes of usage, budgets, limits and prices take and answer. */

const time = z.string().describe("ISO 8601.");
const id = z.uuid();
const owned = { id, organization_id: id, created_at: time, updated_at: time };
const usd = z.number().min(0);
/** An amount as the database has it: as a number or as text. */
const amount = z.coerce.number().min(0);

export const scopeSchema = z.enum(["organization", "user", "assistant", "key", "platform"])
  .describe(
    "`platform`: what the organization calls with the platform's key; set by the platform's operator alone.",
  );
const byOperator = z.boolean().describe(
  "Set by who runs the platform: it can't be changed or removed here.",
);
export const periodSchema = z.enum(["day", "month"]);

const limitSchema = usd.max(10_000_000).describe(
  "USD a period; 0 lets nothing through that costs.",
);
const hardSchema = z.boolean().describe(
  "Whether calls beyond it are refused (402 `budget_exceeded`); otherwise they pass, with a warning.",
);
const budgetSubjectSchema = id.nullable().describe(
  "The user, assistant or key that the budget is for; null for the scopes `organization` and `platform`.",
);

export const budgetStatusSchema = z.object({
  spent_usd: amount.describe("By calls that have ended."),
  reserved_usd: amount.describe("What calls under way may cost at most."),
  remaining_usd: amount,
  period_started_at: time,
  resets_at: time,
}).describe("Where the budget stands in this period.");

export const budgetSchema = z.object({
  ...owned,
  scope: scopeSchema,
  subject_id: budgetSubjectSchema,
  period: periodSchema.describe("A day or a month of UTC."),
  limit_usd: amount.describe("USD a period."),
  hard: hardSchema,
  by_operator: byOperator,
  created_by: id.nullable(),
  status: budgetStatusSchema,
}).meta({
  id: "Budget",
  description:
    "What may be spent on models in a day or a month. Calls with a user's own provider key are theirs to " +
    "pay: they count for budgets of the scopes `user` and `key`, not of `organization` and `assistant`.",
});

export const newBudgetSchema = z.strictObject({
  scope: scopeSchema,
  subject_id: budgetSubjectSchema.optional(),
  period: periodSchema,
  limit_usd: limitSchema,
  hard: hardSchema.optional(),
}).refine(
  ({ scope, subject_id }) =>
    ["organization", "platform"].includes(scope) === ((subject_id ?? null) === null),
  {
    path: ["subject_id"],
    message: "Required for a user, an assistant or a key, and for these alone",
  },
);

export const budgetChangeSchema = z.strictObject({
  limit_usd: limitSchema.optional(),
  hard: hardSchema.optional(),
});

const perMinute = (what: string) =>
  z.int().min(1).max(2_000_000_000).nullable().describe(`${what} a minute; null: no limit.`);
const rates = {
  requests_per_minute: perMinute("Calls"),
  tokens_per_minute: perMinute("Tokens, of input and output together,"),
};
const rateScopeSchema = z.enum(["user", "key"]);
const rateSubjectSchema = id.nullable().describe(
  "The one user or key that it is for, in place of the limit for each; null: for each.",
);

export const rateLimitSchema = z.object({
  ...owned,
  scope: rateScopeSchema,
  subject_id: rateSubjectSchema,
  ...rates,
  by_operator: byOperator,
  created_by: id.nullable(),
}).meta({ id: "RateLimit", description: "Calls to models and tokens a minute." });

export const newRateLimitSchema = z.strictObject({
  scope: rateScopeSchema,
  subject_id: rateSubjectSchema.optional(),
  requests_per_minute: rates.requests_per_minute.optional(),
  tokens_per_minute: rates.tokens_per_minute.optional(),
});

export const rateLimitChangeSchema = z.strictObject(rates).partial();

const price = usd.max(1_000_000);
const providerSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,49}$/, "This names no provider");
const modelSchema = z.string().min(1).max(200);
const PRICES = {
  input: "USD per million tokens of input.",
  cached: "Of cached input; null: as of uncached.",
  output: "Of output.",
  reasoning: "Of reasoning; null: as of output.",
};
const prices = {
  variants: z.array(modelSchema).max(50).describe(
    "Other names at the same price; one that ends in `*` stands for all that begin so: `gpt-4o-20*`.",
  ),
  input_price: price.describe(PRICES.input),
  cached_input_price: price.nullable().describe(PRICES.cached),
  output_price: price.describe(PRICES.output),
  reasoning_price: price.nullable().describe(PRICES.reasoning),
  source: z.string().max(1000).nullable().describe("Where the price is from."),
  as_of: z.iso.date().describe("The day that the price is known for."),
};
const threshold = z.int().min(0).max(2_000_000_000).describe(
  "The price is for calls with more input tokens than this.",
);

export const priceSchema = z.object({
  ...owned,
  organization_id: id.nullable().describe("Whose price it is; null: the platform's, for all."),
  provider: providerSchema,
  model: modelSchema.describe("As the provider calls it; may end in `*`, as variants may."),
  above_input_tokens: threshold,
  ...prices,
  input_price: amount.describe(PRICES.input),
  cached_input_price: amount.nullable().describe(PRICES.cached),
  output_price: amount.describe(PRICES.output),
  reasoning_price: amount.nullable().describe(PRICES.reasoning),
}).meta({ id: "ModelPrice", description: "What a million tokens of a model cost." });

export const newPriceSchema = z.strictObject({
  provider: providerSchema,
  model: modelSchema,
  above_input_tokens: threshold.optional(),
  variants: prices.variants.optional(),
  input_price: prices.input_price,
  cached_input_price: prices.cached_input_price.optional(),
  output_price: prices.output_price,
  reasoning_price: prices.reasoning_price.optional(),
  source: prices.source.optional(),
  as_of: prices.as_of.optional(),
});

export const priceChangeSchema = z.strictObject(prices).partial();
