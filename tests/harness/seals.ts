import assert from "node:assert/strict";
import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { sql, withSql } from "./sql.ts";
import { createTenant, type Tenant, type User } from "./tenant.ts";

/** Seals all that is new, as the scheduled job does. */
export async function seal(): Promise<number> {
  const [row] = await sql`select private.seal_audit_logs() as sealed`;
  return row?.sealed;
}

/** Rows of the log, each with a time of its own; returns their ids, oldest first. */
export async function appendLogs(organizationId: string, count: number): Promise<string[]> {
  const rows = await sql`
    insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, details)
    select ${organizationId}, 'system', 'CREATE', 'test', jsonb_build_object('new', jsonb_build_object('n', n))
    from generate_series(1, ${count}) n, lateral (select pg_sleep(0.002 + n * 0)) pause
    returning id`;
  return rows.map(({ id }) => id);
}

/** A row as someone would slip it in; returns its id. */
export async function forgeLog(organizationId: string, at: string): Promise<string> {
  const [row] = await sql`
    insert into public.audit_logs (id, organization_id, actor_type, action_type, entity_type, occurred_at)
    values (gen_random_uuid(), ${organizationId}, 'system', 'CREATE', 'forged', ${at}::text::timestamptz)
    returning id`;
  return row?.id;
}

/** What `POST /audit/verify` finds. */
export async function verifyLog(user: User, anchor?: string): Promise<Body> {
  return expect(await user.post("/audit/verify", anchor === undefined ? {} : { anchor }), 200);
}

/** The seal of a row. */
async function sealOf(organizationId: string, id: string): Promise<Body> {
  const [row] = await sql`
    select s.*, s.sequence::int from public.audit_seals s
    join private.audit_seal_rows r on r.seal_id = s.id
    where s.organization_id = ${organizationId} and ${id}::uuid = any (r.row_ids)`;
  return row;
}

/** Changes one value of a row and returns how to undo it. `value` is an SQL expression. */
export async function editColumn(table: string, id: string, column: string, value: string) {
  const [before] = await withSql((sql) =>
    sql`select ${sql(column)}::text as value, pg_typeof(${sql(column)})::text as type
      from public.${sql(table)} where id = ${id}`
  );
  const set = (expression: string, parameters: string[]) =>
    withSql((sql) =>
      sql.unsafe(
        `update public.${table} set ${column} = ${expression} where id = '${id}'`,
        parameters,
      )
    );
  await set(value, []);
  return () => set(`$1::text::${before?.type}`, [before?.value]);
}

/** A tenant whose log has three seals at least, and of each of three the ids of some rows. */
export class SealedLog {
  private constructor(
    readonly tenant: Tenant,
    readonly batches: readonly string[][],
    /** The seal of each batch. Others may seal meanwhile, so that its number is not the batch's. */
    readonly seals: readonly Body[],
  ) {}

  static async make(): Promise<SealedLog> {
    const tenant = await createTenant();
    const batches: string[][] = [];
    const seals: Body[] = [];
    for (let batch = 0; batch < 3; batch++) {
      const ids = await appendLogs(tenant.organizationId, 4);
      await seal();
      batches.push(ids);
      seals.push(await sealOf(tenant.organizationId, ids[0] ?? ""));
    }
    return new SealedLog(tenant, batches, seals);
  }

  get organizationId(): string {
    return this.tenant.organizationId;
  }

  /** The id of a row: its batch and its place there, both from 0. */
  id(batch: number, place: number): string {
    return this.batches[batch]?.[place] ?? assert.fail();
  }

  /** The time of a row, as text that loses nothing. */
  async timeOf(id: string): Promise<string> {
    const [row] = await sql`
      select occurred_at::text as time from public.audit_logs where id = ${id}`;
    return row?.time;
  }

  verify(anchor?: string): Promise<Body> {
    return verifyLog(this.tenant.owner, anchor);
  }

  /**
   * What a database's owner does who knows how seals are made: all of them anew, over the rows as
   * they are now.
   */
  async rewrite(): Promise<void> {
    await withSql((sql) =>
      sql.unsafe(`
      do $$
      declare
        seal public.audit_seals;
        before public.audit_seals;
      begin
        for seal in select * from public.audit_seals where organization_id = '${this.organizationId}' order by sequence
        loop
          update private.audit_seal_rows r set (row_ids, row_digests) = (
            select array_agg(l.id order by l.occurred_at, l.id),
              array_agg(private.audit_row_digest(l) order by l.occurred_at, l.id)
            from public.audit_logs l where l.id = any (r.row_ids))
          where r.seal_id = seal.id
          returning private.audit_rows_digest(r.row_ids, r.row_digests), cardinality(r.row_ids)
          into seal.rows_digest, seal.row_count;
          seal.previous_digest := before.digest;
          seal.digest := private.audit_seal_digest(seal);
          update public.audit_seals s set rows_digest = seal.rows_digest, row_count = seal.row_count,
            previous_digest = seal.previous_digest, digest = seal.digest where s.id = seal.id;
          before := seal;
        end loop;
      end $$`)
    );
  }
}
