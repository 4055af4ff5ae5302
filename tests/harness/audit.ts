import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { sql } from "./sql.ts";
import type { User } from "./tenant.ts";

/** What the log holds of an organization, oldest first, without its reads; past RLS. */
export async function trail(organizationId: string): Promise<Body[]> {
  return await sql`
    select * from public.audit_logs
    where organization_id = ${organizationId} and action_type <> 'READ'
    order by occurred_at, id`;
}

/** The rows that `work` adds to the log of the user's organization. */
export async function trailOf(user: User, work: () => Promise<unknown>): Promise<Body[]> {
  const before = new Set((await trail(user.organizationId)).map(({ id }) => id));
  await work();
  return (await trail(user.organizationId)).filter(({ id }) => !before.has(id));
}

/** The first page of `GET /audit/logs` with this query. */
export async function logs(user: User, query = ""): Promise<Body[]> {
  return expect(await user.get(`/audit/logs?limit=100&${query}`), 200).data;
}
