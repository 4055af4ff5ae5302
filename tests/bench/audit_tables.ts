import type postgres from "postgres";
import type { Member } from "./seed.ts";

/** Tables that differ in nothing but their trigger. */
export const PLAIN = "bench_plain";
export const AUDITED = "bench_audited";
/** With the least that a log costs which is written with the change: a row of a table without indexes. */
export const LEAST = "bench_least";

export const OPERATIONS = ["insert", "update", "delete"] as const;
export type Operation = typeof OPERATIONS[number];

const ROWS = 20_000;
const SETTINGS = { unit: "mm", station: { name: "Seattle-Tacoma", elevation: 132 } };

const COLUMNS = `
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  name text not null,
  description text,
  status text not null default 'active',
  kind text not null,
  owner_id uuid,
  category_id uuid,
  quantity integer not null default 0,
  "position" integer not null default 0,
  views bigint not null default 0,
  price numeric(12, 2) not null,
  weight double precision,
  is_active boolean not null default true,
  is_public boolean not null default false,
  tags text[] not null default '{}',
  settings jsonb not null,
  started_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()`;

const LEAST_LOG = `
  create table private.bench_log (occurred_at timestamptz default clock_timestamp(), details jsonb);
  create function private.write_bench_log() returns trigger
  language plpgsql security definer set search_path = '' as $$
  begin
    insert into private.bench_log (details)
    values (jsonb_build_object('old', to_jsonb(old), 'new', to_jsonb(new)));
    return null;
  end $$;
  create trigger least after insert or update or delete on public.${LEAST}
    for each row execute function private.write_bench_log()`;

/** Makes the tables, of 20 columns and with the index that every tenant table has, with rows in them. */
export async function createTables(admin: postgres.Sql, member: Member): Promise<void> {
  for (const table of [PLAIN, AUDITED, LEAST]) {
    await admin.unsafe(`
      create table public.${table} (${COLUMNS});
      create index on public.${table} (organization_id);
      grant all on public.${table} to authenticated`).simple();
    await admin`
      insert into ${admin(table)} (organization_id, name, kind, price, settings)
      select ${member.organizationId}, 'Rain station ' || n, 'dataset', 12.5, ${
      admin.json(SETTINGS)
    }
      from generate_series(1, ${ROWS}::integer) n`;
  }
  await admin`select private.audit(${AUDITED}, 'measurement')`;
  await admin.unsafe(LEAST_LOG).simple();
  await admin`vacuum analyze`;
}

type Statement = {
  text: string;
  parameters: (id: string) => postgres.ParameterOrJSON<never>[];
};

/** A statement that writes the row of one id. */
export function statementOf(operation: Operation, table: string, member: Member): Statement {
  if (operation === "update") {
    const text = `update public.${table} set quantity = quantity + 1 where id = $1`;
    return { text, parameters: (id) => [id] };
  }
  if (operation === "delete") {
    return { text: `delete from public.${table} where id = $1`, parameters: (id) => [id] };
  }
  const text = `
    insert into public.${table} (id, organization_id, name, description, kind, owner_id, category_id,
      quantity, "position", views, price, weight, tags, settings, started_at)
    values ($1, $2, $3, $4, 'dataset', $5, $1, $6, 7, 123456, $7, 0.25, '{rain,sun}', $8, now())`;
  return {
    text,
    parameters: (id) => [
      ...[id, member.organizationId, `Rain station ${id.slice(0, 4)}`, "What the sky did, by day"],
      ...[member.userId, 12, 12.5, SETTINGS],
    ],
  };
}
