import { withSql } from "./sql.ts";

/** What the names of tests' tables begin with. */
export const TEST_TABLE_PREFIX = "test_weather_";

/**
 * A table of a test's own, as an application's migration would make it: rows of organizations, for
 * their members to read and write. Returns its name.
 */
export async function createTable(): Promise<string> {
  const name = `${TEST_TABLE_PREFIX}${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  await withSql((sql) =>
    sql.unsafe(`
      create table public.${name} (
        id bigint generated always as identity primary key,
        organization_id uuid not null,
        city text not null,
        rain double precision,
        created_by uuid default auth.uid(),
        unique (organization_id, city)
      );
      alter table public.${name} enable row level security;
      create policy "members" on public.${name} to authenticated
        using (organization_id = any ((select private.organization_ids('member'))::uuid[]))
        with check (organization_id = any ((select private.organization_ids('member'))::uuid[]));
      grant select, insert, update, delete on public.${name} to authenticated;
      notify pgrst, 'reload schema';`)
  );
  return name;
}
