import { stack } from "./stack.ts";
import postgres from "postgres";

/**
 * A table of a test's own, as an application's migration would make it: rows of organizations, for
 * their members to read and write. Returns its name.
 */
export async function createTable(): Promise<string> {
  const name = `weather_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const connection = postgres(stack.dbUrl, { max: 1, prepare: false, onnotice: () => {} });
  try {
    await connection.unsafe(`
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
      notify pgrst, 'reload schema';`);
  } finally {
    await connection.end();
  }
  return name;
}
