-- Keys: what programs call the API with (issued keys), and what we call model providers with.
--
-- Security definer functions, and why they must be:
--   private.hold_membership        a member may not lock their own membership otherwise
--   private.is_banned              no role of the API reads auth.users
--   private.carry_limits           no client says whose a budget or a limit is
--   private.forget_keys_of_member  who removes a member may not write that member's keys otherwise

-- Tables --------------------------------------------------------------------------------------

create function private.are_scopes(scopes text[]) returns boolean
language sql immutable set search_path = '' as $$
  select coalesce(bool_and(s is not null
    and s ~ '^(pipelines|llm-assistant|keys|audit|documents|projects|organizations|analytics):(read|write|run|admin|\*)$'), false)
  from unnest(scopes) s
$$;
comment on function private.are_scopes is 'Whether each is <domain>:<verb>, or <domain>:* for all verbs.';

create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null default private.current_user_id() references auth.users (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  prefix text not null check (prefix ~ '^el_[a-z]{2,10}_[0-9A-Za-z]{8}$'),
  last_four text not null check (last_four ~ '^[0-9A-Za-z]{4}$'),
  key_hash text not null unique check (key_hash ~ '^[0-9a-f]{64}$'),
  scopes text[] not null check (cardinality(scopes) between 1 and 40 and private.are_scopes(scopes)),
  expires_at timestamptz check (isfinite(expires_at)),
  is_active boolean not null default true,
  revoked_at timestamptz,
  replaced_by uuid,
  rate_limit integer check (rate_limit between 1 and 1000000),
  rate_window_seconds integer not null default 60 check (rate_window_seconds between 1 and 86400),
  last_used_at timestamptz,
  last_used_ip inet,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id),
  foreign key (replaced_by, organization_id) references public.api_keys (id, organization_id) on delete set null (replaced_by)
);
comment on table public.api_keys is 'Issued keys. A key acts as its user, in one organization, within its scopes.';
comment on column public.api_keys.prefix is 'The part that may be shown: el_<env>_<id>.';
comment on column public.api_keys.last_four is 'The end of the secret, to tell keys apart.';
comment on column public.api_keys.key_hash is 'SHA-256 of the whole key, hex. The key itself is shown once and not stored.';
comment on column public.api_keys.is_active is 'false: switched off for now.';
comment on column public.api_keys.revoked_at is 'Dead from then on, for good; in the future while a rotation''s grace lasts.';
comment on column public.api_keys.rate_limit is 'Calls in a window of rate_window_seconds; null: no limit.';
comment on column public.api_keys.last_used_at is 'To the minute: written at most once in it.';
create index api_keys_organization_idx on public.api_keys (organization_id, created_at desc, id desc);
create index api_keys_user_idx on public.api_keys (user_id);
create index api_keys_replaced_by_idx on public.api_keys (replaced_by, organization_id);

create table public.api_key_usage (
  id uuid primary key references public.api_keys (id) on delete cascade,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  window_started_at timestamptz not null,
  current_count integer not null,
  previous_count integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table public.api_key_usage is
  'Sliding window of a rate-limited key: this window''s count, and the one before, weighted by how much of it still counts.';
comment on column public.api_key_usage.id is 'The key; of keys that replace each other, the first.';
create index api_key_usage_organization_idx on public.api_key_usage (organization_id);

create table public.provider_keys (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid references auth.users (id) on delete cascade,
  provider text not null check (provider ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  base_url text check (base_url ~ '^https?://[^\s@?#]+$' and char_length(base_url) <= 1000),
  ciphertext text not null check (char_length(ciphertext) <= 20000),
  key_version integer not null check (key_version between 1 and 999999),
  last_four text not null check (char_length(last_four) = 4),
  verified boolean not null default false,
  verified_at timestamptz,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (organization_id, user_id, provider),
  -- Who leaves the organization takes their own keys along.
  foreign key (organization_id, user_id) references public.memberships (organization_id, user_id) on delete cascade
);
comment on table public.provider_keys is
  'What providers of models are called with, encrypted by the functions. Read by service_role alone.';
comment on column public.provider_keys.user_id is 'Whose own key it is; null: the organization''s.';
comment on column public.provider_keys.base_url is 'Where the key is sent to; null: the provider''s own address.';
comment on column public.provider_keys.ciphertext is 'The envelope: wrapped data key and sealed key, bound to this row.';
comment on column public.provider_keys.key_version is 'Which key-encryption key wraps it.';
comment on column public.provider_keys.verified is 'Whether the provider took it when asked last; written by service_role.';
create index provider_keys_user_idx on public.provider_keys (user_id);

-- Functions: issued keys ----------------------------------------------------------------------

create function private.hold_membership(organization_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
begin
  perform 1 from public.memberships m
  where m.organization_id = organization_id and m.user_id = (select auth.uid()) and m.status = 'active'
  for key share;
  return found;
end $$;
comment on function private.hold_membership is
  'Whether the caller is a member, who can''t be removed before this transaction ends: a key that is issued meanwhile is forgotten with the others.';

create function private.check_api_key() returns trigger
language plpgsql set search_path = '' as $$
declare
  own constant jsonb := (select auth.jwt()) -> 'scopes';
  issuer constant uuid := private.current_key_id();
  missing text;
begin
  if current_user <> 'authenticated' then
    return new;
  end if;
  if tg_op = 'UPDATE' then
    if old.revoked_at <= now() then
      perform private.raise_error(409, 'immutable', 'The key is revoked: that is final');
    elsif old.revoked_at is not null and (new.revoked_at is null or new.revoked_at > old.revoked_at) then
      perform private.raise_error(409, 'immutable', 'The key is replaced: its end can only come sooner');
    elsif new.replaced_by <> old.replaced_by or (new.replaced_by is null and old.replaced_by is not null) then
      perform private.raise_error(409, 'immutable', 'The key is replaced: that is final');
    elsif new.replaced_by is distinct from old.replaced_by
      -- As rotate_api_key does in its transaction, and nobody else can. So a key replaces one other at most, an older one.
      and not exists (select from public.api_keys k where k.id = new.replaced_by and k.created_at = now()) then
      perform private.raise_error(409, 'immutable', 'A key is replaced by rotating it');
    end if;
    -- Nobody was without their key before they were.
    new.revoked_at := greatest(new.revoked_at, case when new.revoked_at is distinct from old.revoked_at then now() end);
    -- Who may stop a key need not hold what it holds: an admin stops anyone's, a former admin their own.
    if (new.name, new.scopes, new.expires_at, new.rate_limit, new.rate_window_seconds, new.replaced_by)
      is not distinct from (old.name, old.scopes, old.expires_at, old.rate_limit, old.rate_window_seconds, old.replaced_by)
      and (old.is_active or not new.is_active) then
      return new;
    elsif new.user_id <> (select auth.uid()) then
      perform private.raise_error(403, 'forbidden', 'Another''s key can be switched off or revoked, no more');
    end if;
  end if;
  if tg_op = 'INSERT' and not private.hold_membership(new.organization_id) then
    perform private.raise_error(403, 'forbidden', 'A key is for members of the organization');
  end if;
  -- A key hands on no more than it holds; an administrator's scopes are an administrator's to give.
  select s into missing from unnest(new.scopes) s
  where (own is not null and not own ? s and not own ? (split_part(s, ':', 1) || ':*'))
     or (split_part(s, ':', 2) in ('admin', '*') and not new.organization_id = any (private.organization_ids('admin')))
  limit 1;
  if found then
    perform private.raise_error(403, 'insufficient_scope', format('You can''t give the scope %s: you lack it yourself', missing));
  end if;
  if tg_op = 'INSERT' or new.expires_at is distinct from old.expires_at then
    if new.expires_at <= now() then
      perform private.raise_error(422, 'validation_failed', 'This time is over: choose a later one', 'expires_at');
    elsif exists (select 1 from public.api_keys k
      where k.id = issuer and least(k.expires_at, k.revoked_at) < coalesce(new.expires_at, 'infinity')) then
      perform private.raise_error(403, 'forbidden', 'A key can''t issue one that outlives it');
    end if;
  end if;
  if exists (select 1 from public.api_keys k where k.id = issuer and k.rate_limit is not null and (new.rate_limit is null
    or new.rate_limit::numeric / new.rate_window_seconds > k.rate_limit::numeric / k.rate_window_seconds)) then
    perform private.raise_error(403, 'forbidden', 'A key with a limit gives neither itself nor another one a looser one');
  end if;
  return new;
end $$;
comment on function private.check_api_key is
  'A key never holds what its creator lacks, and what is revoked stays so.';

create function private.forget_keys_of_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.api_keys k set revoked_at = now()
  where k.organization_id = old.organization_id and k.user_id = old.user_id
    and (k.revoked_at is null or k.revoked_at > now());
  return null;
end $$;
comment on function private.forget_keys_of_member is
  'Who leaves an organization leaves no key behind: nothing comes alive again when they return.';

create function private.key_family(key_id uuid) returns uuid[]
language plpgsql stable strict set search_path = '' as $$
begin
  -- In PL/pgSQL, which keeps the plan: every call asks, of a model several times.
  return (
    with recursive family (id) as (
      select key_id
      union
      select n.id from family f cross join lateral (
        select k.id from public.api_keys k where k.replaced_by = f.id
        union all select k.replaced_by from public.api_keys k where k.id = f.id and k.replaced_by is not null) n (id)
    )
    select array_agg(f.id order by k.created_at, f.id) from family f left join public.api_keys k on k.id = f.id);
end $$;
comment on function private.key_family is
  'A key and all that it replaced or was replaced by, the oldest first: what they call and spend together is counted for that one.';

create function private.take_from_window(
  key public.api_keys, cost integer, out allowed boolean, out remaining integer, out reset_at timestamptz
) language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  seconds constant double precision := key.rate_window_seconds;
  counted_id constant uuid := (private.key_family(key.id))[1];
  usage public.api_key_usage;
  passed double precision;
  used double precision;
begin
  insert into public.api_key_usage (id, organization_id, window_started_at, current_count, previous_count)
  values (counted_id, key.organization_id, clock_timestamp(), 0, 0) on conflict (id) do nothing;
  -- The row is the lock: parallel calls of a key, and of those in its place, are counted one after the other.
  select * into usage from public.api_key_usage u where u.id = counted_id for no key update;
  -- Read after the lock, and never running backwards.
  passed := greatest(0, extract(epoch from clock_timestamp() - usage.window_started_at));
  if passed >= seconds then
    usage.previous_count := case when passed < 2 * seconds then usage.current_count else 0 end;
    usage.current_count := 0;
    usage.window_started_at := usage.window_started_at + make_interval(secs => floor(passed / seconds) * seconds);
    passed := passed - floor(passed / seconds) * seconds;
  end if;
  used := usage.current_count + usage.previous_count * (1 - passed / seconds);
  allowed := used + cost <= key.rate_limit;
  if allowed then
    usage.current_count := usage.current_count + cost;
    used := used + cost;
  end if;
  update public.api_key_usage u set window_started_at = usage.window_started_at,
    current_count = usage.current_count, previous_count = usage.previous_count
  where u.id = counted_id;
  remaining := greatest(0, floor(key.rate_limit - used));
  -- Allowed: when this window ends. Refused: when what weighs on the limit has faded far enough.
  reset_at := usage.window_started_at + make_interval(secs => case
    when allowed then seconds
    when usage.current_count + cost <= key.rate_limit
      then seconds * (1 - (key.rate_limit - cost - usage.current_count)::double precision / usage.previous_count)
    else seconds * (2 - greatest(0, key.rate_limit - cost)::double precision / greatest(1, usage.current_count))
  end);
end $$;
comment on function private.take_from_window is
  'Counts a call against a key''s sliding window, or refuses it; never one too many under parallel calls.';

create function private.is_banned(user_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from auth.users u
    where u.id = is_banned.user_id and (u.banned_until > now() or u.deleted_at is not null))
$$;
comment on function private.is_banned is 'Whether the auth server would let the user in no more.';

create function private.carry_limits(source uuid, target uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.api_keys k where k.id = target and k.user_id = auth.uid();
  if not found then
    return;
  end if;
  -- What was spent and called is the family's, and stays where it is counted.
  update public.budgets b set subject_id = target where b.scope = 'key' and b.subject_id = source;
  update public.rate_limits l set subject_id = target where l.scope = 'key' and l.subject_id = source;
end $$;
comment on function private.carry_limits is 'A new key keeps to the budgets and limits of the one that it replaces: rotating lifts none.';

create function public.verify_api_key(
  hash text, cost integer default 1, scope text default null, organization_id uuid default null
) returns jsonb language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  key public.api_keys;
  standing public.memberships;
  held text[];
  code text;
  quota record;
  rate_limit jsonb;
begin
  if cost not between 0 and 1000000 then
    perform private.raise_error(422, 'validation_failed', 'cost is 0 to 1000000', 'cost');
  end if;
  select k.* into key from public.api_keys k where k.key_hash = hash;
  if not found or key.organization_id <> organization_id then
    return jsonb_build_object('valid', false, 'code', 'NOT_FOUND', 'key_id', null, 'user_id', null,
      'organization_id', null, 'scopes', '[]'::jsonb, 'rate_limit', null);
  end if;
  select m.* into standing from public.memberships m
  where m.organization_id = key.organization_id and m.user_id = key.user_id;
  held := key.scopes;
  if standing.role = 'member' and not exists (select 1 from public.platform_admins a where a.user_id = key.user_id) then
    -- Whoever is no admin any more has no admin's scopes either: of all verbs, those of a member are left.
    held := array(select distinct h from unnest(key.scopes) s cross join lateral unnest(case split_part(s, ':', 2)
      when 'admin' then '{}'
      when '*' then array(select split_part(s, ':', 1) || ':' || verb from unnest(array['read', 'write', 'run']) verb)
      else array[s] end) h);
  end if;
  code := case
    when key.revoked_at <= now() or standing.id is null then 'REVOKED'
    when not key.is_active or standing.status <> 'active' or private.is_banned(key.user_id) then 'DISABLED'
    when key.expires_at <= now() then 'EXPIRED'
    when scope is not null and not scope = any (held)
      and not split_part(scope, ':', 1) || ':*' = any (held) then 'INSUFFICIENT_SCOPE'
    else 'VALID'
  end;
  if code = 'VALID' and key.rate_limit is not null then
    select * into quota from private.take_from_window(key, cost);
    code := case when quota.allowed then 'VALID' else 'RATE_LIMITED' end;
    rate_limit := jsonb_build_object('limit', key.rate_limit, 'remaining', quota.remaining, 'reset_at', quota.reset_at);
  end if;
  if code = 'VALID' and (key.last_used_at is null or key.last_used_at < now() - interval '1 minute') then
    -- Of parallel calls one writes it.
    update public.api_keys k set last_used_at = now(), last_used_ip = private.request_ip()
    where k.id = key.id and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute');
  end if;
  return jsonb_build_object('valid', code = 'VALID', 'code', code, 'key_id', key.id, 'user_id', key.user_id,
    'organization_id', key.organization_id, 'scopes', to_jsonb(held), 'rate_limit', rate_limit);
end $$;
comment on function public.verify_api_key is
  'Finds a key by its hash, checks all that can be wrong with it, and counts the call: one round trip and no cache, so that a revoked key is dead at once.';

create function public.rotate_api_key(key_id uuid, replacement jsonb, grace_seconds integer default 0)
returns uuid language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  found_key record;
  new_id uuid;
begin
  if grace_seconds not between 0 and 2592000 then
    perform private.raise_error(422, 'validation_failed', 'The grace is 0 to 2592000 seconds', 'grace_seconds');
  end if;
  -- The membership before the key, in the order in which whoever removes a member locks them.
  perform private.hold_membership(k.organization_id) from public.api_keys k where k.id = key_id;
  select k.id, k.organization_id, k.user_id, k.name, k.scopes, k.expires_at, k.is_active, k.revoked_at, k.rate_limit, k.rate_window_seconds
  into found_key from public.api_keys k where k.id = key_id for no key update;
  if not found then
    perform private.raise_error(404, 'not_found', format('No key with id %s', key_id));
  elsif found_key.user_id <> (select auth.uid()) then
    perform private.raise_error(403, 'forbidden', 'Only its user can rotate a key: the new one acts as them');
  elsif found_key.revoked_at is not null or not found_key.is_active then
    perform private.raise_error(409, 'immutable', 'The key is revoked, replaced or switched off');
  end if;
  insert into public.api_keys (organization_id, name, prefix, last_four, key_hash, scopes, expires_at,
    rate_limit, rate_window_seconds)
  values (found_key.organization_id, found_key.name, replacement ->> 'prefix', replacement ->> 'last_four',
    replacement ->> 'key_hash', found_key.scopes,
    case when replacement ? 'expires_at' then (replacement ->> 'expires_at')::timestamptz else found_key.expires_at end,
    found_key.rate_limit, found_key.rate_window_seconds)
  returning id into new_id;
  perform private.carry_limits(key_id, new_id);
  update public.api_keys k set replaced_by = new_id, revoked_at = now() + make_interval(secs => grace_seconds)
  where k.id = key_id;
  return new_id;
end $$;
comment on function public.rotate_api_key is
  'A new key {prefix, last_four, key_hash, expires_at?} with the old one''s rights; the old one works until the grace ends.';

-- Functions: provider keys and other secrets --------------------------------------------------

create function private.check_provider_key() returns trigger
language plpgsql set search_path = '' as $$
begin
  if current_user = 'authenticated'
    and (new.ciphertext, new.base_url, new.key_version) is distinct from (old.ciphertext, old.base_url, old.key_version) then
    if new.ciphertext = old.ciphertext then
      -- Else whoever may change the address would have the key sent to them.
      perform private.raise_error(409, 'immutable', 'A key is for its address and its version: give the key again with the new one');
    end if;
    new.verified := false;
    new.verified_at := null;
  end if;
  return new;
end $$;
comment on function private.check_provider_key is
  'Another key has yet to be verified, and a key is never sent to another address than it was given for.';

create function public.put_provider_key(key_id uuid, organization_id uuid, is_own boolean, key jsonb) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  update public.provider_keys p set name = key ->> 'name', base_url = key ->> 'base_url', ciphertext = key ->> 'ciphertext',
    key_version = (key ->> 'key_version')::integer, last_four = key ->> 'last_four', is_active = true
  where p.id = key_id and p.organization_id = organization_id and p.provider = key ->> 'provider';
  if not found then
    -- Where somebody sets the same key at the same moment, one of them meets the other's row here: 409.
    insert into public.provider_keys (id, organization_id, user_id, provider, name, base_url, ciphertext, key_version, last_four)
    values (key_id, organization_id, case when is_own then (select auth.uid()) end, key ->> 'provider', key ->> 'name',
      key ->> 'base_url', key ->> 'ciphertext', (key ->> 'key_version')::integer, key ->> 'last_four');
  end if;
  return key_id;
end $$;
comment on function public.put_provider_key is
  'Sets the key {provider, name, base_url, ciphertext, key_version, last_four} of a user or an organization, in place of the one before. The id comes first, because the key is encrypted for it.';

create function public.log_provider_key_read(key_id uuid) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  organization uuid;
begin
  select p.organization_id into organization from public.provider_keys p where p.id = key_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('No provider key with id %s', key_id));
  end if;
  perform private.log_read(organization, 'provider_key', key_id);
end $$;
comment on function public.log_provider_key_read is
  'Called before a key is decrypted for a caller: refuses whoever may not use it, and leaves a trace.';

create function public.note_provider_verdict(key_id uuid, ciphertext text, verified boolean) returns void
language sql set search_path = '' as $$
  update public.provider_keys p set verified = note_provider_verdict.verified,
    verified_at = case when note_provider_verdict.verified then now() end
  where p.id = key_id and split_part(p.ciphertext, '.', 2) = split_part(note_provider_verdict.ciphertext, '.', 2)
$$;
comment on function public.note_provider_verdict is
  'Whether the provider took a key, unless it was replaced meanwhile. Wrapped anew it is the same key: what is sealed stays.';

create function private.secret_tables() returns setof text
language sql stable set search_path = '' as $$
  select c.relname::text from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and 3 = (
    select count(*) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and not a.attisdropped and a.attname in ('ciphertext', 'key_version', 'organization_id'))
$$;
comment on function private.secret_tables is 'Tables that hold envelopes, each encrypted for its row''s id.';

create function public.stale_secrets(newest integer, after uuid default '00000000-0000-0000-0000-000000000000', batch_size integer default 100)
returns table (table_name text, id uuid, organization_id uuid, ciphertext text, key_version integer)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
declare
  statement constant text := (select string_agg(format(
      'select %1$L as table_name, t.id, t.organization_id, t.ciphertext, t.key_version from public.%1$I t where t.key_version <> $1 and t.id > $2',
      s.name), ' union all ') from private.secret_tables() s (name));
begin
  return query execute statement || ' order by id limit $3' using newest, after, batch_size;
end $$;
comment on function public.stale_secrets is
  'Secrets that another key-encryption key than the newest wraps, in order of their ids.';

create function public.replace_secrets(secrets jsonb) returns integer
language plpgsql set search_path = '' as $$
declare
  secret record;
  count integer;
  replaced integer := 0;
begin
  for secret in
    select s.* from jsonb_to_recordset(secrets)
      as s (table_name text, id uuid, ciphertext text, replacement text, key_version integer)
    where s.table_name in (select private.secret_tables()) order by s.table_name, s.id
  loop
    execute format('update public.%I t set ciphertext = $3, key_version = $4 where t.id = $1 and t.ciphertext = $2', secret.table_name)
      using secret.id, secret.ciphertext, secret.replacement, secret.key_version;
    -- A secret that was changed meanwhile is fresh already.
    get diagnostics count = row_count;
    replaced := replaced + count;
  end loop;
  return replaced;
end $$;
comment on function public.replace_secrets is
  'Puts re-wrapped secrets [{table_name, id, ciphertext, replacement, key_version}] in place of the ones they were made of.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('api_keys', '{organization_id,user_id,prefix,last_four,key_hash}');
select private.guard_table('api_key_usage', '{organization_id}');
select private.guard_table('provider_keys', '{organization_id,user_id,provider}');
create trigger check_api_key before insert or update of name, scopes, expires_at, is_active, revoked_at, replaced_by,
  rate_limit, rate_window_seconds on public.api_keys
  for each row execute function private.check_api_key();
create trigger check_provider_key before update on public.provider_keys
  for each row execute function private.check_provider_key();
create trigger forget_keys_of_member after delete on public.memberships
  for each row execute function private.forget_keys_of_member();
select private.audit('api_keys', 'api_key', '{key_hash,last_used_at,last_used_ip}');
select private.audit('provider_keys', 'provider_key', '{ciphertext}');

-- RLS -----------------------------------------------------------------------------------------

create policy "A member reads their own keys, an admin the organization's" on public.api_keys
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (user_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "A member issues keys of their own" on public.api_keys
  for insert to authenticated
  with check (
    user_id = (select private.acting_user_id())
    and organization_id = any ((select private.organization_ids('member'))::uuid[])
  );
create policy "A member changes their own keys, an admin stops the organization's" on public.api_keys
  for update to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (user_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  )
  with check (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (user_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "No client sees usage windows" on public.api_key_usage
  for select to authenticated using (false);

create policy "A member reads of their own and of the organization's provider keys" on public.provider_keys
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('member'))::uuid[])
    and (user_id is null or user_id = (select private.acting_user_id()))
  );
create policy "A member adds provider keys of their own, an admin the organization's" on public.provider_keys
  for insert to authenticated
  with check (
    (user_id is null and organization_id = any ((select private.organization_ids('admin'))::uuid[]))
    or (user_id = (select private.acting_user_id()) and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "A member changes provider keys of their own, an admin the organization's" on public.provider_keys
  for update to authenticated
  using (
    (user_id is null and organization_id = any ((select private.organization_ids('admin'))::uuid[]))
    or (user_id = (select private.acting_user_id()) and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  )
  with check (
    (user_id is null and organization_id = any ((select private.organization_ids('admin'))::uuid[]))
    or (user_id = (select private.acting_user_id()) and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "A member removes provider keys of their own, an admin the organization's" on public.provider_keys
  for delete to authenticated
  using (
    (user_id is null and organization_id = any ((select private.organization_ids('admin'))::uuid[]))
    or (user_id = (select private.acting_user_id()) and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );

-- Grants --------------------------------------------------------------------------------------

-- Neither the hash nor the ciphertext is for clients to read.
grant select (id, organization_id, user_id, name, prefix, last_four, scopes, expires_at, is_active, revoked_at,
    replaced_by, rate_limit, rate_window_seconds, last_used_at, last_used_ip, created_at, updated_at),
  insert (organization_id, name, prefix, last_four, key_hash, scopes, expires_at, rate_limit, rate_window_seconds),
  update (name, scopes, is_active, expires_at, revoked_at, replaced_by, rate_limit, rate_window_seconds)
  on public.api_keys to authenticated;
grant select (id, organization_id, user_id, provider, name, base_url, key_version, last_four, verified, verified_at,
    is_active, created_at, updated_at),
  insert (id, organization_id, user_id, provider, name, base_url, ciphertext, key_version, last_four),
  update (name, base_url, ciphertext, key_version, last_four, is_active), delete
  on public.provider_keys to authenticated;
grant execute on function private.are_scopes, private.key_family to authenticated, service_role;
grant execute on function private.hold_membership, public.rotate_api_key, public.put_provider_key, public.log_provider_key_read to authenticated;
grant execute on function private.carry_limits to authenticated;
grant execute on function private.is_banned, private.take_from_window, private.request_ip, private.request_header, private.secret_tables,
  public.verify_api_key, public.note_provider_verdict, public.stale_secrets, public.replace_secrets to service_role;
