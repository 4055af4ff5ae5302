type Values = Record<string, unknown>;
type Insert = (table: string, values: Values) => Promise<string>;
type Plain<S> = (table: string, values: () => Values | Promise<Values>, change: Values) => S;

const unique = () => crypto.randomUUID();
const LONG_AGO = "2026-01-01T00:00:00+00:00";

/** Runs on Dagster that have ended, so that the stack's worker looks at none. */
export function dagsterSubjects<S>(
  organization_id: string,
  insert: Insert,
  plain: Plain<S>,
): Record<string, S> {
  const name = () => `pipeline_${unique().replaceAll("-", "")}_0123456789abcdef`;
  const pipeline = () => insert("pipelines", { organization_id, name: unique() });
  const job = async () => ({
    organization_id,
    pipeline_id: await pipeline(),
    name: name(),
    definition: { name: "p", ops: [] },
    last_used_at: LONG_AGO,
  });
  const run = async () => ({
    organization_id,
    pipeline_id: await pipeline(),
    definition: {},
    status: "canceled",
    finished_at: LONG_AGO,
  });
  const link = async () => ({
    organization_id,
    run_id: await insert("pipeline_runs", await run()),
    job_id: await insert("dagster_jobs", await job()),
    ended_at: LONG_AGO,
  });
  // Not one that counts: other tests have no Dagster.
  const access = () => ({ is_active: false, url: `https://${unique()}.example.com` });
  return {
    dagster_access: plain("dagster_access", access, { location: "forged" }),
    dagster_jobs: plain("dagster_jobs", job, { last_used_at: "2026-02-01T00:00:00+00:00" }),
    dagster_runs: plain("dagster_runs", link, { cursor: "forged" }),
  };
}
