-- Foundation: what every domain's migration builds on.
--
-- Nothing here is exposed by PostgREST: it all lives in `private`.
-- Security definer functions: none.

create schema if not exists private;
comment on schema private is
  'Helpers of triggers, policies and commands. Never exposed through the API.';

create extension if not exists pg_trgm with schema extensions;

-- Postgres lets everyone execute a new function; here each grant is spelled out.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

-- Functions -----------------------------------------------------------------------------------

create function private.raise_error(status integer, code text, message text, detail text default null)
returns void language plpgsql set search_path = '' as $$
begin
  raise exception using
    errcode = 'PT' || status, message = message, detail = coalesce(detail, ''), hint = code;
end $$;
comment on function private.raise_error is
  'Refuses a command: PostgREST answers `status`, with `code` (the API''s error code) as the hint.';

create function private.set_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end $$;
comment on function private.set_updated_at is 'Keeps updated_at true, whatever the client sends.';

create function private.bump_revision() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.revision := old.revision + 1;
  return new;
end $$;
comment on function private.bump_revision is
  'Counts the changes of a row: the revision is its ETag, so a stale If-Match finds no row.';

create function private.keep_columns() returns trigger
language plpgsql set search_path = '' as $$
declare
  before jsonb := to_jsonb(old);
  after jsonb := to_jsonb(new);
  kept text;
begin
  foreach kept in array tg_argv loop
    if before -> kept is distinct from after -> kept then
      perform private.raise_error(409, 'immutable',
        format('%s of %s cannot be changed', kept, tg_table_name));
    end if;
  end loop;
  return new;
end $$;
comment on function private.keep_columns is 'Refuses a change of the columns named by the trigger.';

create function private.inherit_organization() returns trigger
language plpgsql set search_path = '' as $$
declare
  parent_id uuid := (to_jsonb(new) ->> tg_argv[1])::uuid;
begin
  -- Runs as the caller: a parent that RLS hides is a parent that does not exist.
  execute format('select organization_id from public.%I where id = $1', tg_argv[0])
    into new.organization_id using parent_id;
  if new.organization_id is null then
    perform private.raise_error(404, 'not_found', format('No %s with id %s', replace(regexp_replace(tg_argv[1], '_id$', ''), '_', ' '), parent_id));
  end if;
  return new;
end $$;
comment on function private.inherit_organization is
  'A child row belongs to the organization of its parent: arguments are parent table, foreign key.';

create function private.acting_user_id() returns uuid
language sql stable set search_path = '' as $$
  select case when (select auth.jwt() ->> 'step_id') is null then (select auth.uid()) end
$$;
comment on function private.acting_user_id is
  'Whose own rows the caller may touch: the user''s, but for a step, whose pipeline any member may have written.';

create function private.inherited() returns uuid
language sql immutable set search_path = '' as $$
  select null::uuid
$$;
comment on function private.inherited is
  'Default of an organization_id that the trigger inherit_organization fills: clients leave it out.';

create function private.guard_table(table_name text, kept_columns text[] default '{}')
returns void language plpgsql set search_path = '' as $$
declare
  kept constant text[] := array['id', 'created_at'] || kept_columns;
begin
  execute format('alter table public.%I enable row level security', table_name);
  execute format('revoke all on public.%I from anon, authenticated, service_role', table_name);
  execute format('grant all on public.%I to service_role', table_name);
  if kept_columns is not null then
    -- Only where one of them is written to: comparing rows that hold large documents takes milliseconds.
    execute format('create trigger keep_columns before update of %s on public.%I
      for each row execute function private.keep_columns(%s)',
      (select string_agg(quote_ident(c), ', ') from unnest(kept) c), table_name,
      (select string_agg(quote_literal(c), ', ') from unnest(kept) c));
  end if;
  execute format('create trigger set_updated_at before update on public.%I
    for each row execute function private.set_updated_at()', table_name);
end $$;
comment on function private.guard_table is
  'What every table of ours needs: RLS on, no grants but service_role''s, identity kept (unless null), updated_at.';

create function private.current_user_id() returns uuid
language sql stable set search_path = '' as $$
  select auth.uid();
$$;
comment on function private.current_user_id is
  'Default of created_by columns: a plain call, so that a default can use it.';

create function private.current_key_id() returns uuid
language sql stable set search_path = '' as $$
  select (auth.jwt() ->> 'api_key_id')::uuid;
$$;
comment on function private.current_key_id is 'The issued key that the caller holds, as current_user_id; null for who is signed in.';

-- Grants --------------------------------------------------------------------------------------

grant execute on function private.raise_error, private.current_user_id, private.current_key_id, private.acting_user_id, private.inherited to authenticated, service_role;
