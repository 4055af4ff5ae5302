-- Audit: who did what, when, and what changed. Append-only, written by one trigger.
--
-- Security definer functions, and why they must be:
--   private.write_audit_log   no role may insert into audit_logs; the trigger alone does
--   private.log_read          as above, for reads

-- Tables --------------------------------------------------------------------------------------

create type public.audit_action as enum ('CREATE', 'READ', 'UPDATE', 'DELETE');
create type public.audit_actor as enum ('user', 'api_key', 'service', 'system');

create table public.audit_logs (
  id uuid not null default gen_random_uuid(),
  organization_id uuid,
  actor_id uuid,
  actor_type public.audit_actor not null,
  api_key_id uuid,
  action_type public.audit_action not null,
  entity_type text not null,
  entity_id uuid,
  occurred_at timestamptz not null default clock_timestamp(),
  details jsonb not null default '{}',
  ip_address inet,
  user_agent text,
  request_id text,
  primary key (id, occurred_at)
) partition by range (occurred_at);
comment on table public.audit_logs is
  'One row a change (and a logged read), partitioned by month. Rows have no foreign keys: they outlive what they tell of.';
comment on column public.audit_logs.entity_type is 'The table''s singular: block, edge_version, pipeline_run, …';
comment on column public.audit_logs.details is '{old, new, changed}; secret columns are left out.';
comment on column public.audit_logs.ip_address is 'As the caller''s proxy told it.';

create index audit_logs_organization_idx
  on public.audit_logs (organization_id, occurred_at desc, id desc);
create index audit_logs_entity_idx
  on public.audit_logs (organization_id, entity_type, entity_id, occurred_at desc, id desc);
create index audit_logs_actor_idx
  on public.audit_logs (organization_id, actor_id, occurred_at desc, id desc);

-- Functions -----------------------------------------------------------------------------------

create function private.ensure_audit_partitions(months_ahead integer default 3) returns void
language plpgsql set search_path = '' as $$
declare
  month timestamptz := date_trunc('month', now(), 'UTC');
  partition_name text;
begin
  for i in 0..months_ahead loop
    partition_name := 'audit_logs_' || to_char(month at time zone 'UTC', 'YYYY_MM');
    if to_regclass('private.' || partition_name) is null then
      execute format(
        'create table private.%I partition of public.audit_logs for values from (%L) to (%L)',
        partition_name, month, month + interval '1 month');
      execute format('alter table private.%I enable row level security', partition_name);
    end if;
    month := month + interval '1 month';
  end loop;
end $$;
comment on function private.ensure_audit_partitions is
  'Makes this month''s partition and the next ones. In `private`, so that the API shows the parent alone.';

select private.ensure_audit_partitions();
create table private.audit_logs_default partition of public.audit_logs default;
alter table private.audit_logs_default enable row level security;
comment on table private.audit_logs_default is 'Catches rows of a month whose partition nobody made.';

create function private.request_header(name text) returns text
language plpgsql stable set search_path = '' as $$
begin
  return nullif(current_setting('request.headers', true), '')::jsonb ->> name;
end $$;
comment on function private.request_header is 'A header of the API request that this transaction serves.';

create function private.request_ip() returns inet
language plpgsql stable set search_path = '' as $$
begin
  return trim(split_part(private.request_header('x-forwarded-for'), ',', 1))::inet;
exception when others then
  return null; -- The header is the client's to write: what is no address is no reason to fail.
end $$;
comment on function private.request_ip is 'The caller''s address, if a proxy told it.';

create function private.append_audit_log(
  organization_id uuid, action_type public.audit_action, entity_type text, entity_id uuid, details jsonb
) returns void language plpgsql set search_path = '' as $$
declare
  claims constant jsonb := coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
  actor constant uuid := auth.uid();
begin
  insert into public.audit_logs (organization_id, actor_id, actor_type, api_key_id, action_type,
    entity_type, entity_id, details, ip_address, user_agent, request_id)
  values (
    organization_id,
    actor,
    case
      when claims ? 'api_key_id' then 'api_key'
      when actor is not null then 'user'
      when current_setting('role', true) = 'service_role' then 'service'
      else 'system'
    end::public.audit_actor,
    (claims ->> 'api_key_id')::uuid,
    action_type, entity_type, entity_id, details,
    private.request_ip(),
    left(private.request_header('user-agent'), 500),
    left(private.request_header('x-request-id'), 200)
  );
end $$;
comment on function private.append_audit_log is
  'The one place that writes the log: adds who and from where. Called by the definer functions only.';

create function private.write_audit_log() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  hidden constant text[] := tg_argv[1]::text[];
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - hidden end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - hidden end;
  subject constant jsonb := coalesce(after, before);
  changed jsonb;
begin
  if tg_op = 'UPDATE' then
    select jsonb_agg(n.key order by n.key) into changed
    from jsonb_each(after) n
    where n.value is distinct from before -> n.key and n.key not in ('updated_at', 'revision');
    if changed is null then
      return null;
    end if;
  end if;
  perform private.append_audit_log(
    coalesce(subject ->> 'organization_id', case tg_argv[0] when 'organization' then subject ->> 'id' end)::uuid,
    case tg_op when 'INSERT' then 'CREATE' else tg_op end::public.audit_action,
    tg_argv[0],
    (subject ->> 'id')::uuid,
    case tg_op
      when 'INSERT' then jsonb_build_object('new', after)
      when 'DELETE' then jsonb_build_object('old', before)
      else jsonb_build_object('old', before, 'new', after, 'changed', changed)
    end
  );
  return null;
end $$;
comment on function private.write_audit_log is
  'Arguments: entity type, columns to leave out (secrets, counters). A change of nothing else is no change.';

create function private.audit(table_name text, entity_type text, hidden_columns text[] default '{}')
returns void language plpgsql set search_path = '' as $$
begin
  -- Named to fire before our other triggers: a change is logged before what follows from it.
  execute format('create trigger audit after insert or update or delete on public.%I
    for each row execute function private.write_audit_log(%L, %L)', table_name, entity_type, hidden_columns);
end $$;
comment on function private.audit is 'Attaches the audit trigger to a table.';

create function private.log_read(
  organization_id uuid, entity_type text, entity_id uuid default null, details jsonb default '{}'
) returns void language plpgsql security definer set search_path = '' as $$
begin
  perform private.append_audit_log(organization_id, 'READ', entity_type, entity_id, details);
end $$;
comment on function private.log_read is 'Logs that something worth knowing was read.';

create function public.log_audit_read(filters jsonb, organization_id uuid default null) returns void
language plpgsql set search_path = '' as $$
begin
  if pg_column_size(filters) > 4096 then
    perform private.raise_error(422, 'validation_failed', 'The filters are longer than any filters are', 'filters');
  end if;
  perform private.log_read(private.require_organization(organization_id, 'member'),
    'audit_log', null, jsonb_build_object('filters', filters));
end $$;
comment on function public.log_audit_read is 'Called beside a read of the log: reading it leaves a trace.';

-- Triggers ------------------------------------------------------------------------------------

select private.audit('organizations', 'organization', '{member_count}');
select private.audit('profiles', 'profile', '{last_active_at}');
select private.audit('memberships', 'membership');
select private.audit('platform_admins', 'platform_admin');

-- RLS -----------------------------------------------------------------------------------------

alter table public.audit_logs enable row level security;
create policy "An admin reads the organization's log, a member their own actions" on public.audit_logs
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (actor_id = (select auth.uid())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );

-- Grants --------------------------------------------------------------------------------------

revoke all on public.audit_logs from anon, authenticated, service_role;
grant select on public.audit_logs to authenticated, service_role;
grant execute on function private.log_read to authenticated, service_role;
grant execute on function public.log_audit_read to authenticated, service_role;
