-- Audit seals: what shows that nobody changed the log afterwards, and how long the log is kept.
--
-- Rows are sealed after the fact, so that a write waits for nothing: each minute what is new is
-- hashed, row by row, and the hashes are chained, a chain an organization. Rows without an
-- organization are sealed under the nil UUID.
--
-- Security definer functions, and why they must be:
--   private.verify_audit_seals  compares with row hashes that no client may read

-- Tables --------------------------------------------------------------------------------------

create table public.audit_seals (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  sequence bigint not null check (sequence > 0),
  first_id uuid not null,
  last_id uuid not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  row_count integer not null check (row_count > 0),
  rows_digest text not null,
  digest text not null,
  previous_digest text,
  sealed_at timestamptz not null default clock_timestamp(),
  expired_at timestamptz,
  unique (organization_id, sequence)
);
comment on table public.audit_seals is
  'Seals of the log: each covers the rows of one organization after the seal before, up to its last row. No foreign keys: seals outlive what they tell of.';
comment on column public.audit_seals.rows_digest is 'SHA-256 over the id and the SHA-256 of each row, hex.';
comment on column public.audit_seals.digest is 'SHA-256 over this seal''s fields and the digest before: a chain.';
comment on column public.audit_seals.expired_at is 'Its rows were removed when they were older than the log is kept.';

create table private.audit_seal_rows (
  seal_id uuid primary key references public.audit_seals (id) on delete cascade,
  row_ids uuid[] not null,
  row_digests bytea[] not null
);
comment on table private.audit_seal_rows is
  'The hash of each row of a seal, so that a broken seal says which row broke it. The seal''s rows_digest holds them together.';

create table private.audit_horizons (
  seen_at timestamptz primary key,
  next_transaction xid8 not null,
  is_sealed boolean not null default false
);
comment on table private.audit_horizons is
  'Moments, with the number of a transaction that got it afterwards. Once all transactions before that one are over, the log up to the moment is whole.';
comment on column private.audit_horizons.is_sealed is 'All rows before are sealed: one that turns up there later was slipped in.';

-- Functions -----------------------------------------------------------------------------------

create function private.audit_row_digest(log public.audit_logs) returns bytea
language sql immutable set search_path = '' as $$
  select sha256(convert_to(jsonb_build_array(log.id, log.organization_id, log.actor_id, log.actor_type, log.api_key_id,
    log.action_type, log.entity_type, log.entity_id, log.entity_name,
    trunc(extract(epoch from log.occurred_at) * 1000000),
    log.details, log.ip_address::text, log.user_agent, log.request_id)::text, 'UTF8'))
$$;
comment on function private.audit_row_digest is 'SHA-256 of all that a row of the log says.';

create function private.audit_rows_digest(row_ids uuid[], row_digests bytea[]) returns text
language sql immutable set search_path = '' as $$
  select encode(sha256(string_agg(uuid_send(r.id) || r.digest, '' order by r.position)), 'hex')
  from unnest(row_ids, row_digests) with ordinality r (id, digest, position)
$$;
comment on function private.audit_rows_digest is 'What holds the rows of a seal together.';

create function private.audit_seal_digest(seal public.audit_seals) returns text
language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to(jsonb_build_array(seal.organization_id, seal.sequence, seal.first_id, seal.last_id,
    trunc(extract(epoch from seal.first_at) * 1000000), trunc(extract(epoch from seal.last_at) * 1000000),
    seal.row_count, seal.rows_digest, seal.previous_digest, trunc(extract(epoch from seal.sealed_at) * 1000000))::text, 'UTF8')), 'hex')
$$;
comment on function private.audit_seal_digest is 'SHA-256 of a seal''s fields and of the seal before it.';

create function private.audit_sealed_until() returns timestamptz
language sql stable set search_path = '' as $$
  select coalesce(max(h.seen_at), '-infinity') from private.audit_horizons h where h.is_sealed
$$;
comment on function private.audit_sealed_until is 'The moment before which every row of the log is sealed.';

create function private.add_audit_horizon() returns timestamptz
language plpgsql set search_path = '' as $$
declare
  moment timestamptz := now();
  horizon timestamptz;
begin
  if pg_current_xact_id_if_assigned() is null then
    -- Some clocks tick in milliseconds: what is there already shall be earlier than the moment.
    perform pg_sleep(0.002);
    moment := clock_timestamp();
  end if;
  -- This transaction gets its number after the moment, as do all with a higher one: none writes an
  -- earlier time. (A snapshot's xmax would not do: it passes over numbers that are out already.)
  insert into private.audit_horizons (seen_at, next_transaction)
  values (moment, pg_current_xact_id()) on conflict do nothing;
  select max(h.seen_at) into horizon from private.audit_horizons h
  where h.next_transaction <= pg_snapshot_xmin(pg_current_snapshot());
  return horizon;
end $$;
comment on function private.add_audit_horizon is
  'The latest moment to which no open transaction can still add an earlier row.';

create function private.seal_audit_logs(max_rows integer default 500000) returns integer
language plpgsql set search_path = '' as $$
declare
  since timestamptz;
  until timestamptz;
  seal public.audit_seals;
  batch record;
  sealed integer := 0;
begin
  -- One at a time; who waited takes up where the one before left off.
  perform pg_advisory_xact_lock(hashtextextended('private.seal_audit_logs', 0));
  since := private.audit_sealed_until();
  until := private.add_audit_horizon();
  if until is null or until <= since then
    return 0;
  end if;
  -- A large backlog is sealed in several calls; rows of one moment are never torn apart.
  select coalesce(min(backlog.occurred_at), until) into until from (
    select l.occurred_at from public.audit_logs l
    where l.occurred_at >= since and l.occurred_at < until and l.occurred_at > (
      select min(f.occurred_at) from public.audit_logs f where f.occurred_at >= since and f.occurred_at < until)
    order by l.occurred_at offset max_rows limit 1) backlog;
  for batch in
    -- Of one month each, so that a partition can go with its seals; small enough to be hashed at once.
    select fresh.organization_id, count(*) as row_count, min(fresh.occurred_at) as first_at, max(fresh.occurred_at) as last_at,
      array_agg(fresh.id order by fresh.occurred_at, fresh.id) as ids,
      array_agg(fresh.digest order by fresh.occurred_at, fresh.id) as digests
    from (
      select coalesce(l.organization_id, '00000000-0000-0000-0000-000000000000') as organization_id,
        l.id, l.occurred_at, private.audit_row_digest(l) as digest, date_trunc('month', l.occurred_at, 'UTC') as month,
        (row_number() over (partition by l.organization_id, date_trunc('month', l.occurred_at, 'UTC')
          order by l.occurred_at, l.id) - 1) / 10000 as part
      from public.audit_logs l where l.occurred_at >= since and l.occurred_at < until
    ) fresh
    group by fresh.organization_id, fresh.month, fresh.part
    order by fresh.organization_id, fresh.month, fresh.part
  loop
    select s.sequence, s.digest into seal.sequence, seal.previous_digest from public.audit_seals s
    where s.organization_id = batch.organization_id order by s.sequence desc limit 1;
    seal := row(gen_random_uuid(), batch.organization_id, coalesce(seal.sequence, 0) + 1,
      batch.ids[1], batch.ids[batch.row_count], batch.first_at, batch.last_at, batch.row_count,
      private.audit_rows_digest(batch.ids, batch.digests),
      null, seal.previous_digest, clock_timestamp(), null);
    seal.digest := private.audit_seal_digest(seal);
    insert into public.audit_seals values (seal.*);
    insert into private.audit_seal_rows (seal_id, row_ids, row_digests) values (seal.id, batch.ids, batch.digests);
    sealed := sealed + batch.row_count;
  end loop;
  insert into private.audit_horizons (seen_at, next_transaction, is_sealed)
  values (until, pg_snapshot_xmin(pg_current_snapshot()), true)
  on conflict (seen_at) do update set is_sealed = true;
  delete from private.audit_horizons h where h.seen_at < until;
  return sealed;
end $$;
comment on function private.seal_audit_logs is
  'Seals what is new and can''t grow any more; returns how many rows. In one transaction: after a crash the next call begins where this one did.';

create function private.find_broken_row(seal public.audit_seals, after_at timestamptz, after_id uuid) returns jsonb
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  kept private.audit_seal_rows;
  broken record;
begin
  select * into kept from private.audit_seal_rows r where r.seal_id = seal.id;
  if not found or private.audit_rows_digest(kept.row_ids, kept.row_digests) is distinct from seal.rows_digest then
    return jsonb_build_object('sequence', seal.sequence, 'audit_log_id', null, 'reason', 'seal_edited');
  end if;
  select compared.id, compared.reason into broken
  from (
    select coalesce(sealed.id, present.id) as id, sealed.digest is distinct from present.digest as is_broken,
      case when present.id is null then 'removed' when sealed.id is null then 'inserted' else 'edited' end as reason,
      -- What was slipped in stands after the sealed row before it.
      coalesce(sealed.position, 0.5 + coalesce(max(sealed.position) over (order by present.occurred_at, present.id), 0)) as place,
      present.occurred_at
    from unnest(kept.row_ids, kept.row_digests) with ordinality sealed (id, digest, position)
    full join (
      select l.id, l.occurred_at, private.audit_row_digest(l) as digest from public.audit_logs l
      where (l.organization_id = seal.organization_id
          or (l.organization_id is null and seal.organization_id = '00000000-0000-0000-0000-000000000000'))
        and l.occurred_at <= seal.last_at and (l.occurred_at, l.id) <= (seal.last_at, seal.last_id)
        and (after_at is null or (l.occurred_at >= after_at and (l.occurred_at, l.id) > (after_at, after_id)))
    ) present on present.id = sealed.id
  ) compared
  where compared.is_broken order by compared.place, compared.occurred_at, compared.id limit 1;
  if not found then
    return null;
  end if;
  if broken.reason = 'removed' and exists (select from public.audit_logs l where l.id = broken.id) then
    broken.reason := 'edited'; -- Its time or its organization: it is elsewhere now.
  end if;
  return jsonb_build_object('sequence', seal.sequence, 'audit_log_id', broken.id, 'reason', broken.reason);
end $$;
comment on function private.find_broken_row is
  'The first row of a seal that is not what was sealed: edited, removed or inserted; null when all are. The seal begins after the position given, if any.';

create function private.verify_audit_seals(organization_id uuid, after_sequence bigint, max_rows integer) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  rows_of constant uuid := nullif(organization_id, '00000000-0000-0000-0000-000000000000');
  before public.audit_seals;
  seal public.audit_seals;
  broken jsonb;
  slipped_in uuid;
  expired_through bigint;
  rows_checked bigint := 0;
  rows_expired bigint := 0;
  seals_checked integer := 0;
  is_complete boolean := true;
begin
  -- Whoever has no user is the service or the owner: they see every chain, that of the platform's own rows, too.
  if auth.uid() is not null then
    perform private.require_organization(organization_id, 'admin');
  end if;
  select * into before from public.audit_seals s where s.organization_id = organization_id and s.sequence = after_sequence;
  if not found and after_sequence > 0 then
    broken := jsonb_build_object('sequence', after_sequence, 'audit_log_id', null, 'reason', 'seal_removed');
  end if;
  -- What goes by the rules, the log itself tells of; what else is marked as expired is a pretext.
  select coalesce(max((l.details ->> 'through_sequence')::bigint), 0) into expired_through from public.audit_logs l
  where l.organization_id is not distinct from rows_of and l.entity_type = 'audit_log' and l.action_type = 'DELETE';
  for seal in
    select * from public.audit_seals s
    where s.organization_id = organization_id and s.sequence > after_sequence order by s.sequence
  loop
    exit when broken is not null;
    if seals_checked > 0 and rows_checked >= max_rows then
      is_complete := false;
      exit;
    end if;
    if seal.sequence <> coalesce(before.sequence, 0) + 1 then
      broken := jsonb_build_object('sequence', coalesce(before.sequence, 0) + 1, 'audit_log_id', null, 'reason', 'seal_removed');
    elsif seal.previous_digest is distinct from before.digest or seal.digest <> private.audit_seal_digest(seal)
      or (seal.expired_at is not null and seal.sequence > expired_through) then
      broken := jsonb_build_object('sequence', seal.sequence, 'audit_log_id', null, 'reason', 'seal_edited');
    elsif seal.expired_at is null then
      -- Where the rows before are expired, nothing may stand any more.
      broken := private.find_broken_row(seal, case when before.expired_at is null then before.last_at end, before.last_id);
      rows_checked := rows_checked + seal.row_count;
    else
      rows_expired := rows_expired + seal.row_count;
    end if;
    seals_checked := seals_checked + 1;
    before := seal;
  end loop;
  if broken is null and is_complete then
    select l.id into slipped_in from public.audit_logs l
    where l.organization_id is not distinct from rows_of and l.occurred_at < private.audit_sealed_until()
      and (before.id is null or before.expired_at is not null
        or (l.occurred_at >= before.last_at and (l.occurred_at, l.id) > (before.last_at, before.last_id)))
    order by l.occurred_at, l.id limit 1;
    if found then
      broken := jsonb_build_object('sequence', before.sequence, 'audit_log_id', slipped_in, 'reason', 'inserted');
    end if;
  end if;
  return jsonb_build_object('rows_checked', rows_checked, 'seals_checked', seals_checked, 'rows_expired', rows_expired,
    'last_sequence', before.sequence, 'is_complete', is_complete, 'first_broken', broken,
    'sealed_until', nullif(private.audit_sealed_until(), '-infinity'));
end $$;
comment on function private.verify_audit_seals is
  'Checks the chain from a seal on, up to about so many rows, and stops at what is broken.';

create function public.verify_audit_seals(organization_id uuid, after_sequence bigint default 0, max_rows integer default 50000)
returns jsonb language sql stable set search_path = '' as $$
  select private.verify_audit_seals(verify_audit_seals.organization_id, after_sequence, least(max_rows, 100000))
$$;
comment on function public.verify_audit_seals is
  'For admins, and for the service: a part of the chain {rows_checked, seals_checked, rows_expired, last_sequence, is_complete, first_broken, sealed_until}.';

-- Keeping -------------------------------------------------------------------------------------

create function private.expire_audit_seals(organization_id uuid, through_sequence bigint) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  row_count bigint;
begin
  with expired as (
    update public.audit_seals s set expired_at = now()
    where s.organization_id = organization_id and s.sequence <= through_sequence and s.expired_at is null
    returning s.id, s.row_count
  ), forgotten as (
    delete from private.audit_seal_rows r using expired e where r.seal_id = e.id
  )
  select sum(e.row_count) into row_count from expired e;
  if row_count is null then
    return; -- Another caller was here first.
  end if;
  perform private.append_audit_log(nullif(organization_id, '00000000-0000-0000-0000-000000000000'), 'DELETE', 'audit_log', null, null,
    jsonb_build_object('through_sequence', through_sequence, 'row_count', row_count));
end $$;
comment on function private.expire_audit_seals is 'Marks seals whose rows go, and says so in the log.';

create function private.drop_empty_audit_partitions() returns void
language plpgsql set search_path = '' set lock_timeout = '2s' as $$
declare
  partition_name text;
  is_empty boolean;
begin
  for partition_name in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.audit_logs'::regclass
      and c.relname < 'audit_logs_' || to_char(now() at time zone 'UTC', 'YYYY_MM')
  loop
    execute format('select not exists (select from private.%I)', partition_name) into is_empty;
    if is_empty then
      execute format('drop table private.%I', partition_name);
    end if;
  end loop;
exception when lock_not_available then
  raise notice 'The log is being read: empty months go another day'; -- Whoever writes would have to wait, too.
end $$;
comment on function private.drop_empty_audit_partitions is 'Past months of which nothing is kept.';

create function private.expire_audit_logs() returns bigint
language plpgsql set search_path = '' as $$
declare
  chain record;
  removed bigint := 0;
  row_count bigint;
begin
  for chain in
    -- Of each chain only so much at a time: a statement of the API's server may not take long.
    select distinct on (due.organization_id) due.* from (
      select s.organization_id, s.sequence, s.last_at, s.last_id, s.row_count,
        sum(s.row_count) over (partition by s.organization_id order by s.sequence) as rows_so_far
      from public.audit_seals s left join public.organizations o on o.id = s.organization_id
      where s.expired_at is null and s.last_at < now() - make_interval(days => coalesce(o.audit_retention_days, 365))) due
    where due.rows_so_far - due.row_count < 50000
    order by due.organization_id, due.sequence desc
  loop
    delete from public.audit_logs l
    where (l.organization_id = chain.organization_id
        or (l.organization_id is null and chain.organization_id = '00000000-0000-0000-0000-000000000000'))
      and l.occurred_at <= chain.last_at and (l.occurred_at, l.id) <= (chain.last_at, chain.last_id);
    get diagnostics row_count = row_count;
    removed := removed + row_count;
    perform private.expire_audit_seals(chain.organization_id, chain.sequence);
  end loop;
  perform private.drop_empty_audit_partitions();
  return removed;
end $$;
comment on function private.expire_audit_logs is
  'Removes what each organization no longer keeps, whole seals at a time, and months that are empty then; returns how many rows.';

create function private.drop_audit_partitions(older_than timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  month constant text := to_char(older_than at time zone 'UTC', 'YYYY_MM');
  boundary constant timestamptz := date_trunc('month', older_than, 'UTC');
  partition_name text;
  chain record;
  dropped integer := 0;
begin
  -- What goes unsealed could never be told from what was taken away.
  while private.seal_audit_logs() > 0 loop
  end loop;
  if private.audit_sealed_until() < boundary then
    raise exception 'The log is sealed until % only: what is newer can''t be dropped', private.audit_sealed_until()
      using errcode = 'object_not_in_prerequisite_state', hint = 'A transaction may be open since then.';
  end if;
  for chain in
    select s.organization_id, max(s.sequence) as sequence from public.audit_seals s
    where s.last_at < boundary and s.expired_at is null group by s.organization_id
  loop
    perform private.expire_audit_seals(chain.organization_id, chain.sequence);
  end loop;
  for partition_name in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.audit_logs'::regclass and c.relname < 'audit_logs_' || month
  loop
    execute format('drop table private.%I', partition_name);
    dropped := dropped + 1;
  end loop;
  delete from private.audit_logs_default l where l.occurred_at < boundary;
  return dropped;
end $$;
comment on function private.drop_audit_partitions(timestamptz) is
  'Removes all months before that of a time, whatever organizations want to keep; the seals stay, so the rest of the chain still verifies.';

create function private.drop_audit_partitions(older_than interval) returns integer
language sql set search_path = '' as $$
  select private.drop_audit_partitions(now() - older_than)
$$;
comment on function private.drop_audit_partitions(interval) is 'The same by age.';

select private.schedule_job('audit-seals', interval '1 minute', 'select private.seal_audit_logs()');
select private.schedule_job('audit-retention', interval '1 hour', 'select private.expire_audit_logs()');

-- RLS -----------------------------------------------------------------------------------------

alter table public.audit_seals enable row level security;
select private.tenant_policies('audit_seals', 'admin');

-- Grants --------------------------------------------------------------------------------------

revoke all on public.audit_seals from anon, authenticated, service_role;
grant select on public.audit_seals to authenticated, service_role;
grant execute on function private.verify_audit_seals, public.verify_audit_seals to authenticated, service_role;
