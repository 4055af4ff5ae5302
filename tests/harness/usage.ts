import { ApiError } from "@shared/errors.ts";
import assert from "node:assert/strict";
import { PostgrestClient } from "@supabase/postgrest-js";
import type { Database } from "@shared/database.types.ts";
import {
  type Reservation,
  reserveUsage,
  settleUsage,
  type UsageOutcome,
  type UsageRequest,
} from "@shared/llm/usage.ts";
import type postgres from "postgres";
import { sql, withSql } from "./sql.ts";
import { stack } from "./stack.ts";
import type { User } from "./tenant.ts";

/** The database as the functions' service has it. */
export const service = new PostgrestClient<Database>(`${stack.url}/rest/v1`, {
  headers: { apikey: stack.secretKey },
});

/** A model whose price is 1 USD a million tokens of input and 2 of output, in the user's organization. */
export async function pricedModel({ organizationId }: User): Promise<string> {
  const model = `model-${crypto.randomUUID()}`;
  await sql`insert into public.model_prices (organization_id, provider, model, input_price, output_price)
    values (${organizationId}, 'test', ${model}, 1, 2)`;
  return model;
}

/** A call by the user that may cost 1 USD: a million tokens of input, unless told otherwise. */
export function reserve(
  user: User,
  model: string,
  options: Partial<UsageRequest> = {},
): Promise<Reservation> {
  return reserveUsage(service, {
    organization_id: user.organizationId,
    user_id: user.id,
    operation: "chat",
    key_level: "organization",
    provider: "test",
    model,
    input_tokens: 1_000_000,
    max_output_tokens: 0,
    ...options,
  });
}

/** Settles a call that used what it had reserved, unless told otherwise. */
export const settle = (id: string, outcome: Partial<UsageOutcome> = {}) =>
  settleUsage(service, id, {
    status: "succeeded",
    input_tokens: 1_000_000,
    output_tokens: 0,
    ...outcome,
  });

/** A whole call. */
export async function spend(
  user: User,
  model: string,
  options: Partial<UsageRequest> = {},
  outcome: Partial<UsageOutcome> = {},
): Promise<string> {
  const { reservation_id } = await reserve(user, model, options);
  await settle(reservation_id, outcome);
  return reservation_id;
}

/** Asserts that a call is refused, and returns what it says. */
export async function isRefused(call: Promise<unknown>, code: string): Promise<string> {
  const error = await call.then(() => undefined, (error) => error);
  assert.ok(error instanceof ApiError, `refused with ${code}, not ${error}`);
  assert.equal(error.code, code, error.message);
  return error.message;
}

/** Has a call begin at another time, which nobody can otherwise. */
export const backdate = (id: string, at: Date) =>
  past(async (sql) => {
    await sql`update public.usage_events set created_at = ${at} where id = ${id}`;
    await sql`update public.usage_reservations set created_at = ${at} where id = ${id}`;
  });

/** Work past the triggers. */
export const past = (work: (sql: postgres.TransactionSql) => Promise<void>) =>
  withSql((connection) =>
    connection.begin(async (sql) => {
      await sql`set local session_replication_role = 'replica'`;
      await work(sql);
    })
  );

/** The counters of an organization that differ from what log and reservations add up to: none. */
export async function driftOf(sql: postgres.Sql, organizationId: string): Promise<unknown[]> {
  const rows = await sql`
    with calls as (
      select organization_id, user_id, assistant_id, api_key_id, key_level, created_at, coalesce(cost, 0) as spent, 0 as reserved
      from public.usage_events
      union all
      select organization_id, user_id, assistant_id, api_key_id, key_level, created_at, 0, coalesce(cost, 0)
      from public.usage_reservations
    ), sums as (
      select s.scope, s.subject_id, p.period, date_trunc(p.period::text, c.created_at, 'UTC') as at,
        sum(c.spent) as spent, sum(c.reserved) as reserved
      from calls c
      cross join lateral (values ('organization', c.organization_id), ('user', c.user_id),
        ('assistant', c.assistant_id), ('key', c.api_key_id), ('platform', c.organization_id)) s (scope, subject_id)
      cross join unnest(enum_range(null::public.budget_period)) p (period)
      where c.organization_id = ${organizationId} and s.subject_id is not null
        and case s.scope when 'platform' then c.key_level = 'platform' when 'user' then true when 'key' then true
          else c.key_level <> 'user' end
      group by 1, 2, 3, 4
    )
    select * from (select * from public.usage_counters where organization_id = ${organizationId}) c
    full join sums s on s.scope = c.scope::text and s.subject_id = c.subject_id and s.period = c.period
      and s.at = c.period_started_at
    where c.spent is distinct from s.spent or c.reserved is distinct from s.reserved`;
  return rows.map((row) => ({ ...row }));
}
