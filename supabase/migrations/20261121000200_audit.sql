-- Audit: who did what, when, and what changed. Append-only, written by one trigger.
--
-- Security definer functions, and why they must be:
--   private.write_audit_log    no role may insert into audit_logs; the trigger alone does
--   private.log_read           as above, for reads
--   private.search_audit_logs  under RLS a text search can't use its index; it checks the access itself

-- Tables --------------------------------------------------------------------------------------

create type public.audit_action as enum ('CREATE', 'READ', 'UPDATE', 'DELETE');
create type public.audit_actor as enum ('user', 'api_key', 'service', 'system');

-- As hexadecimal digits these go from 8000000000000000 to bfffffffffffffff.
create sequence private.audit_log_numbers minvalue -9223372036854775808 maxvalue -4611686018427387905 cycle;

-- The id is a UUID of version 7 that counts: where the clock ticks in milliseconds, it alone tells which
-- of two changes was the later one. Nothing in it is random, as random bits cost each write more.
create table public.audit_logs (
  id uuid not null default ('0' || to_hex((date_part('epoch', clock_timestamp()) * 1000)::bigint) || '7000'
    || to_hex(nextval('private.audit_log_numbers')))::uuid,
  organization_id uuid,
  actor_id uuid,
  actor_type public.audit_actor not null,
  api_key_id uuid,
  action_type public.audit_action not null,
  entity_type text not null,
  entity_id uuid,
  entity_name text,
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
comment on column public.audit_logs.entity_name is 'What the row was called at that time, if such rows have names; what q searches.';
comment on column public.audit_logs.details is '{old, new, changed}; secret columns are left out.';
comment on column public.audit_logs.ip_address is 'As the caller''s proxy told it.';

-- One index a filter, each in the order of the list, so that a page is read and not sorted. Ascending and
-- read backwards: what grows at its end splits fewer pages and is half the size.
create index audit_logs_organization_idx on public.audit_logs (organization_id, occurred_at, id);
create index audit_logs_entity_type_idx on public.audit_logs (organization_id, entity_type, occurred_at, id);
create index audit_logs_entity_idx on public.audit_logs (organization_id, entity_id, occurred_at, id);
create index audit_logs_action_idx on public.audit_logs (organization_id, action_type, occurred_at, id);
create index audit_logs_actor_idx on public.audit_logs (organization_id, actor_id, occurred_at, id);
create index audit_logs_api_key_idx on public.audit_logs (organization_id, api_key_id, occurred_at, id)
  where api_key_id is not null;
create index audit_logs_request_idx on public.audit_logs (organization_id, request_id, occurred_at, id)
  where request_id is not null;
-- New names wait in a list until the job audit-names sorts them in: sorting costs the more the shorter the
-- list, and one of the writers would have to do it.
create index audit_logs_name_idx on public.audit_logs using gin (entity_name extensions.gin_trgm_ops)
  with (gin_pending_list_limit = 32768) where entity_name is not null;
-- For the sealer, which reads what is new of all organizations; costs next to nothing to keep.
create index audit_logs_occurred_at_idx on public.audit_logs using brin (occurred_at) with (autosummarize = on);

-- Functions -----------------------------------------------------------------------------------

create table private.audit_logs_default partition of public.audit_logs default;
alter table private.audit_logs_default enable row level security;
comment on table private.audit_logs_default is 'Catches rows of a month whose partition nobody made in time.';

create function private.make_audit_partition(month timestamptz) returns void
language plpgsql set search_path = '' set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  partition_name constant text := 'audit_logs_' || to_char(month at time zone 'UTC', 'YYYY_MM');
begin
  if to_regclass('private.' || partition_name) is not null then
    return;
  end if;
  execute format('create table private.%I (like public.audit_logs including defaults)', partition_name);
  execute format('alter table private.%I enable row level security', partition_name);
  -- How frequent part of a name is, the planner tells from a sample of names: from one of the usual size,
  -- it took one in a thousand for one in a hundred, and read the log itself instead of the index.
  execute format('alter table private.%I alter entity_name set statistics 300', partition_name);
  -- Where the month began without its partition, its first rows wait in the default one.
  lock table private.audit_logs_default in access exclusive mode;
  execute format(
    'with late as (delete from private.audit_logs_default where occurred_at >= %L and occurred_at < %L returning *)
     insert into private.%I select * from late',
    month, month + interval '1 month', partition_name);
  execute format('alter table public.audit_logs attach partition private.%I for values from (%L) to (%L)',
    partition_name, month, month + interval '1 month');
end $$;
comment on function private.make_audit_partition is
  'Makes the partition of the month that begins then, if it is missing. In `private`, so that the API shows the parent alone.';

create function private.ensure_audit_partitions(months_ahead integer default 3) returns void
language sql set search_path = '' set timezone = 'UTC' as $$
  select private.make_audit_partition(date_trunc('month', now(), 'UTC') + make_interval(months => i))
  from generate_series(0, months_ahead) i
$$;
comment on function private.ensure_audit_partitions is 'Makes this month''s partition and the next ones.';

select private.ensure_audit_partitions();
create function private.request_header(name text) returns text
language plpgsql stable set search_path = '' as $$
begin
  return nullif(current_setting('request.headers', true), '')::jsonb ->> name;
end $$;
comment on function private.request_header is 'A header of the API request that this transaction serves.';

select private.schedule_job('audit-partitions', interval '1 day', 'select private.ensure_audit_partitions()');

create function private.sort_audit_names() returns void
language sql set search_path = '' as $$
  select pg_catalog.gin_clean_pending_list(i.inhrelid)
  from pg_catalog.pg_inherits i where i.inhparent = 'public.audit_logs_name_idx'::regclass
$$;
comment on function private.sort_audit_names is 'Sorts new names into the index that q searches.';

select private.schedule_job('audit-names', interval '1 minute', 'select private.sort_audit_names()');

create function private.request_ip() returns inet
language plpgsql stable set search_path = '' as $$
begin
  return trim(split_part(private.request_header('x-forwarded-for'), ',', 1))::inet;
exception when others then
  return null; -- The header is the client's to write: what is no address is no reason to fail.
end $$;
comment on function private.request_ip is 'The caller''s address, if a proxy told it.';

create function private.append_audit_log(
  organization_id uuid, action_type public.audit_action, entity_type text, entity_id uuid, entity_name text,
  details jsonb
) returns void language plpgsql set search_path = '' as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  headers constant jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
  actor constant uuid := auth.uid();
begin
  -- The sealer relies on it: a transaction has its number before its rows have their time.
  perform pg_current_xact_id();
  insert into public.audit_logs (organization_id, actor_id, actor_type, api_key_id, action_type,
    entity_type, entity_id, entity_name, details, ip_address, user_agent, request_id)
  values (
    organization_id,
    actor,
    case
      when claims ? 'api_key_id' then 'api_key'::public.audit_actor
      when actor is not null then 'user'
      when current_setting('role', true) = 'service_role' then 'service'
      else 'system'
    end,
    (claims ->> 'api_key_id')::uuid,
    action_type, entity_type, entity_id, left(entity_name, 200), details,
    case when headers ? 'x-forwarded-for' then private.request_ip() end,
    left(headers ->> 'user-agent', 500),
    left(headers ->> 'x-request-id', 200)
  );
end $$;
comment on function private.append_audit_log is
  'Writes what no trigger does: adds who and from where. Called by the definer functions only.';

-- Each write of the project pays for this function. What append_audit_log does is written out here, because
-- calling it costs as much as five of the indexes.
create function private.write_audit_log() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  headers constant jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
  actor constant uuid := auth.uid();
  address constant text := trim(split_part(headers ->> 'x-forwarded-for', ',', 1));
  hidden constant text[] := tg_argv[1]::text[];
  blank constant jsonb := jsonb_object(hidden, array_fill(null::text, array[cardinality(hidden)]));
  before jsonb;
  subject jsonb;
  changed text[];
  details jsonb;
begin
  if tg_op = 'INSERT' then
    subject := to_jsonb(new) - hidden;
    details := jsonb_build_object('new', subject);
  elsif tg_op = 'DELETE' then
    subject := to_jsonb(old) - hidden;
    details := jsonb_build_object('old', subject);
  else
    -- Blanked first: a large document that is not to be told would be turned into JSON, twice, to be dropped.
    before := to_jsonb(case when hidden = '{}' then old else jsonb_populate_record(old, blank) end) - hidden;
    subject := to_jsonb(case when hidden = '{}' then new else jsonb_populate_record(new, blank) end) - hidden;
    changed := array(
      select n.key from (select jsonb_object_keys(subject) as key) n
      where subject -> n.key is distinct from before -> n.key and n.key not in ('updated_at', 'revision')
      order by n.key);
    if changed = '{}' then
      return null;
    end if;
    details := jsonb_build_object('old', before, 'new', subject, 'changed', changed);
  end if;
  -- The write itself has given the transaction its number, which the sealer relies on.
  insert into public.audit_logs (organization_id, actor_id, actor_type, api_key_id, action_type,
    entity_type, entity_id, entity_name, details, ip_address, user_agent, request_id)
  values (
    coalesce(subject ->> 'organization_id', case tg_argv[0] when 'organization' then subject ->> 'id' end)::uuid,
    actor,
    case
      when claims ? 'api_key_id' then 'api_key'::public.audit_actor
      when actor is not null then 'user'
      when current_setting('role', true) = 'service_role' then 'service'
      else 'system'
    end,
    (claims ->> 'api_key_id')::uuid,
    case tg_op when 'INSERT' then 'CREATE'::public.audit_action when 'UPDATE' then 'UPDATE' else 'DELETE' end,
    tg_argv[0],
    (subject ->> 'id')::uuid,
    left(coalesce(subject ->> 'name', subject ->> 'title', subject ->> 'username'), 200),
    details,
    case
      -- What is surely an address needs no function that catches what is none.
      when address ~ '^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$' then address::inet
      when address like '%:%' then private.request_ip()
    end,
    left(headers ->> 'user-agent', 500),
    left(headers ->> 'x-request-id', 200)
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
  perform private.append_audit_log(organization_id, 'READ', entity_type, entity_id, null, details);
end $$;
comment on function private.log_read is 'Logs that something worth knowing was read.';

create function public.log_audit_read(
  filters jsonb, organization_id uuid default null, minimum_role public.membership_role default 'member'
) returns void language plpgsql set search_path = '' as $$
begin
  if pg_column_size(filters) > 4096 then
    perform private.raise_error(422, 'validation_failed', 'The filters are longer than any filters are', 'filters');
  end if;
  perform private.log_read(private.require_organization(organization_id, minimum_role),
    'audit_log', null, jsonb_build_object('filters', filters));
end $$;
comment on function public.log_audit_read is 'Called beside a read of the log: reading it leaves a trace. Refuses whoever has a lesser role.';

create function private.audit_logs_query(filters jsonb, only_own boolean, oldest_first boolean) returns text
language sql immutable set search_path = '' as $$
  select format($statement$
    select l.* from public.audit_logs l where l.organization_id = $1%s%s
    order by l.occurred_at %3$s, l.id %3$s limit $5$statement$,
    case when only_own then ' and l.actor_id = $6' end,
    (select string_agg(' and l.' || case f.name
        when 'from' then $f$occurred_at >= ($2 ->> 'from')::timestamptz$f$
        when 'to' then $f$occurred_at < ($2 ->> 'to')::timestamptz$f$
        when 'q' then $f$entity_name ilike '%' || regexp_replace($2 ->> 'q', '([\\%_])', '\\\1', 'g') || '%'
          and l.occurred_at >= $7 and l.occurred_at < $8$f$
        when 'after' then format('occurred_at %1$s= $3 and (l.occurred_at, l.id) %1$s ($3, $4)',
          case when oldest_first then '>' else '<' end)
        when 'action_type' then $f$action_type = ($2 ->> 'action_type')::public.audit_action$f$
        when 'entity_type' then $f$entity_type = $2 ->> 'entity_type'$f$
        when 'request_id' then $f$request_id = $2 ->> 'request_id'$f$
        else format('%1$I = ($2 ->> %1$L)::uuid', f.name)
      end, '' order by f.name)
      from unnest(array['action_type', 'actor_id', 'after', 'api_key_id', 'entity_id', 'entity_type', 'from', 'q', 'request_id', 'to']) f (name)
      where filters ->> f.name is not null),
    case when oldest_first then 'asc' else 'desc' end)
$$;
comment on function private.audit_logs_query is
  'The statement of a search: only what is asked for is in it, so that each filter meets its index. Values stay parameters: organization, filters, time and id to follow, rows, reader, and for q the times between which it looks.';

create function private.search_audit_logs(
  organization_id uuid, filters jsonb, page_size integer, oldest_first boolean
) returns setof public.audit_logs language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  sees_all constant boolean := organization_id = any (private.organization_ids('admin'));
  statement constant text := private.audit_logs_query(filters, not sees_all, oldest_first);
  newest constant timestamptz := date_trunc('month', now(), 'UTC') - interval '1 month';
  -- The index of names knows no order: what it finds is sorted, so it is asked for old rows only if need be.
  since timestamptz := case when filters ->> 'q' is null or oldest_first then '-infinity' else newest end;
  until timestamptz := 'infinity';
  missing integer := page_size;
  found_rows integer;
begin
  -- The rule of the table's policy, said again: admins all, members their own.
  if not sees_all and not organization_id = any (private.organization_ids('member')) then
    return;
  end if;
  loop
    return query execute statement
    using organization_id, filters, (filters #>> '{after,occurred_at}')::timestamptz, (filters #>> '{after,id}')::uuid,
      missing, auth.uid(), since, until;
    get diagnostics found_rows = row_count;
    missing := missing - found_rows;
    exit when missing = 0 or since = '-infinity';
    until := since;
    since := case when until = newest then newest - interval '4 months' else '-infinity' end;
  end loop;
end $$;
comment on function private.search_audit_logs is 'A page of what the caller may read of an organization''s log.';

create function public.search_audit_logs(
  organization_id uuid, filters jsonb default '{}', page_size integer default 50, oldest_first boolean default false
) returns setof public.audit_logs language plpgsql stable set search_path = '' as $$
begin
  if page_size not between 1 and 1001 then
    perform private.raise_error(422, 'validation_failed', 'A page has 1 to 1001 rows', 'page_size');
  end if;
  -- Rows may hold whole specs: a page ends early, after its first row, where it gets too long for a function's memory.
  return query select (page.log).* from (
    select l as log, sum(octet_length(l.details::text)) over (rows between unbounded preceding and 1 preceding) as bytes_before
    from private.search_audit_logs(organization_id, filters, page_size, oldest_first) l
  ) page where coalesce(page.bytes_before, 0) < 4194304;
end $$;
comment on function public.search_audit_logs is
  'A page of the log, in order of (occurred_at, id). Filters: the columns'' names, from, to, q (part of a name), after {occurred_at, id}. It ends early where its details pass 4 MiB.';

create function public.audit_stats(organization_id uuid, bucket text, since timestamptz, until timestamptz)
returns jsonb language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
#variable_conflict use_variable
declare
  width interval;
  result jsonb;
begin
  if bucket not in ('hour', 'day', 'week') then
    perform private.raise_error(422, 'validation_failed', 'bucket is hour, day or week', 'query.bucket');
  elsif since >= until then
    perform private.raise_error(422, 'validation_failed', 'from is not before to', 'query.from');
  end if;
  width := ('1 ' || bucket)::interval;
  if extract(epoch from until - since) / extract(epoch from width) > 1000 then
    perform private.raise_error(422, 'validation_failed', 'That is more than 1000 buckets: take a wider one', 'query.bucket');
  end if;
  with seen as materialized (
    select date_trunc(bucket, l.occurred_at, 'UTC') as start, l.action_type, l.entity_type, l.actor_type, l.actor_id,
      count(*) as count
    from public.audit_logs l
    where l.organization_id = organization_id and l.occurred_at >= since and l.occurred_at < until
    group by 1, 2, 3, 4, 5
  ), counts as materialized (
    select s.start, s.action_type, sum(s.count) as count from seen s group by 1, 2
  ), buckets as (
    select b.start, jsonb_object_agg(a.action_type, coalesce(c.count, 0)) as counts
    from generate_series(date_trunc(bucket, since, 'UTC'), until - interval '1 microsecond', width) b (start)
    cross join unnest(enum_range(null::public.audit_action)) a (action_type)
    left join counts c on c.start = b.start and c.action_type = a.action_type
    group by b.start
  )
  select jsonb_build_object('bucket', bucket, 'from', since, 'to', until,
    'total', (select coalesce(sum(c.count), 0) from counts c),
    'actions', (select jsonb_object_agg(a.action_type, (select coalesce(sum(c.count), 0) from counts c where c.action_type = a.action_type))
      from unnest(enum_range(null::public.audit_action)) a (action_type)),
    'buckets', (select jsonb_agg(jsonb_build_object('start', b.start) || b.counts order by b.start) from buckets b),
    'entities', (select coalesce(jsonb_agg(to_jsonb(e) order by e.count desc, e.entity_type), '[]') from (
      select s.entity_type, sum(s.count) as count from seen s group by 1) e),
    'actors', (select coalesce(jsonb_agg(to_jsonb(e) order by e.count desc, e.actor_id), '[]') from (
      select s.actor_type, s.actor_id, sum(s.count) as count from seen s group by 1, 2 order by 3 desc, 2 limit 20) e))
  into result;
  return result;
end $$;
comment on function public.audit_stats is
  'Counts by bucket (UTC), action, entity and actor, of what the caller may read.';

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
    or (actor_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );

-- Grants --------------------------------------------------------------------------------------

revoke all on public.audit_logs from anon, authenticated, service_role;
grant select on public.audit_logs to authenticated, service_role;
grant execute on function private.log_read to authenticated, service_role;
grant execute on function private.search_audit_logs to authenticated;
grant execute on function public.search_audit_logs, public.audit_stats to authenticated;
grant execute on function public.log_audit_read to authenticated, service_role;
