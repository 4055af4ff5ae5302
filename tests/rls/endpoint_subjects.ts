type Values = Record<string, unknown>;
type Insert = (table: string, values: Values) => Promise<string>;
type Plain<S> = (table: string, values: () => Values | Promise<Values>, change: Values) => S;

const unique = () => crypto.randomUUID();
const LONG_AGO = "2026-01-01T00:00:00+00:00";

/** Outbound webhooks: nothing that the stack's worker would send. */
export function endpointSubjects<S>(
  organization_id: string,
  insert: Insert,
  plain: Plain<S>,
): Record<string, S> {
  const values = () => ({
    organization_id,
    url: `https://example.com/${unique()}`,
    events: ["run.failed"],
  });
  const endpoint = () => insert("pipeline_endpoints", values());
  const secret = async () => ({
    organization_id,
    endpoint_id: await endpoint(),
    ciphertext: unique(),
    key_version: 1,
  });
  const delivery = async () => ({
    organization_id,
    endpoint_id: await endpoint(),
    event_type: "run.failed",
    payload: {},
    status: "failed",
    next_attempt_at: null,
    finished_at: LONG_AGO,
  });
  const attempt = async () => ({
    organization_id,
    delivery_id: await insert("endpoint_deliveries", await delivery()),
    attempt: 1,
    url: "https://example.com/hook",
  });
  return {
    pipeline_endpoints: plain("pipeline_endpoints", values, { description: "changed" }),
    endpoint_secrets: plain("endpoint_secrets", secret, { key_version: 2 }),
    endpoint_deliveries: plain("endpoint_deliveries", delivery, { tries: 9 }),
    endpoint_attempts: plain("endpoint_attempts", attempt, { duration_ms: 9 }),
  };
}
