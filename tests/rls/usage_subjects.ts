type Values = Record<string, unknown>;
type Insert = (table: string, values: Values) => Promise<string>;
type Plain<S> = (table: string, values: () => Values | Promise<Values>, change: Values) => S;

const unique = () => crypto.randomUUID();
const LONG_AGO = "2026-01-01T00:00:00+00:00";

/** Usage, budgets, rate limits and prices: rows of the organization's or its owner's, no member's own. */
export function usageSubjects<S>(
  { organization_id, user_id }: { organization_id: string; user_id: string },
  insert: Insert,
  plain: Plain<S>,
): Record<string, S> {
  const digest = () => unique().replaceAll("-", "").repeat(2);
  const key = () =>
    insert("api_keys", {
      organization_id,
      user_id,
      name: unique(),
      prefix: `el_test_${unique().slice(0, 8)}`,
      last_four: "0000",
      key_hash: digest(),
      scopes: ["llm-assistant:read"],
    });
  const call = () => ({
    organization_id,
    user_id,
    operation: "chat",
    provider: "test",
    model: unique(),
    input_tokens: 1,
  });
  const event = () => ({ ...call(), status: "succeeded", cost: 1, is_priced: true });
  const reservation = () => ({ ...call(), max_output_tokens: 1 });
  const ofKey = async () => ({ organization_id, scope: "key", subject_id: await key() });
  const counter = () => ({
    organization_id,
    scope: "assistant",
    subject_id: unique(),
    period: "day",
    period_started_at: LONG_AGO,
    spent: 1,
    reserved: 0,
  });
  const budget = async () => ({ ...await ofKey(), period: "day", limit_usd: 10 });
  const limit = async () => ({ ...await ofKey(), requests_per_minute: 10 });
  const rateWindow = async () => ({ ...await ofKey(), started_at: LONG_AGO });
  const price = () => ({
    organization_id,
    provider: "test",
    model: unique(),
    input_price: 1,
    output_price: 1,
  });
  // Set by the organization: what an operator has set is for nobody else to change.
  const owned = (table: string, values: () => Promise<Values>, change: Values) => ({
    ...plain(table, values, change),
    row: async () => insert(table, { ...await values(), by_operator: false }),
  });
  return {
    usage_events: plain("usage_events", event, { cost: 0 }),
    usage_reservations: plain("usage_reservations", reservation, { input_tokens: 9 }),
    usage_counters: plain("usage_counters", counter, { spent: 0 }),
    budgets: owned("budgets", budget, { limit_usd: 99 }),
    rate_limits: owned("rate_limits", limit, { requests_per_minute: 99 }),
    rate_windows: plain("rate_windows", rateWindow, { requests: 99 }),
    model_prices: plain("model_prices", price, { input_price: 0 }),
  };
}
