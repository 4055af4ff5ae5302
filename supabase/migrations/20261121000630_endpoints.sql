-- Endpoints (domain pipelines): outbound webhooks by the Standard Webhooks specification.
--
-- The end of a run and the messages about it are one transaction. A worker claims a delivery for as long as
-- a lease, and each write of it is fenced by the attempt's number: whoever lost the lease changes nothing.
--
-- Security definer functions, and why they must be:
--   private.announce_run         whoever ends a run may not write deliveries, or all could be forged
--   private.hold_deliveries      who switches an endpoint off or on may not write its deliveries otherwise
--   private.create_endpoint      no client writes secrets, and an endpoint is never without one
--   private.put_endpoint_secret  no client sees a secret, so none could end the ones before
--   private.ping_endpoint        an admin may have a test sent, and write no delivery otherwise
--   private.redeliver            an admin may have a message sent again, and write no delivery otherwise

-- Tables --------------------------------------------------------------------------------------

create type public.endpoint_disabled_reason as enum ('manual', 'gone', 'failing');
create type public.endpoint_delivery_status as enum ('pending', 'sending', 'waiting', 'succeeded', 'failed');

create table public.pipeline_endpoints (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  pipeline_id uuid,
  url text not null check (char_length(url) <= 2000 and url ~* '^https?://[^\s@/?#\\]+([/?#]\S*)?$'),
  events text[] not null check (cardinality(events) between 1 and 3
    and events <@ array['run.succeeded', 'run.failed', 'run.canceled']),
  description text check (char_length(description) <= 10000),
  is_active boolean not null default true,
  disabled_at timestamptz,
  disabled_reason public.endpoint_disabled_reason,
  failing_since timestamptz,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (pipeline_id, organization_id) references public.pipelines (id, organization_id) on delete cascade,
  constraint disabled_says_why
    check (is_active = (disabled_reason is null) and is_active = (disabled_at is null))
);
comment on table public.pipeline_endpoints is 'Where the ends of runs are told to, signed.';
comment on column public.pipeline_endpoints.pipeline_id is 'The one pipeline that it hears of; null: all of the organization.';
comment on column public.pipeline_endpoints.url is 'Without credentials: every member reads it.';
comment on column public.pipeline_endpoints.disabled_reason is
  'manual: switched off by an admin; gone: it answered 410; failing: it took nothing for days. A failing one''s messages wait.';
comment on column public.pipeline_endpoints.failing_since is 'When the first attempt failed since one succeeded last.';
create index pipeline_endpoints_organization_idx on public.pipeline_endpoints (organization_id, created_at desc, id desc);
create index pipeline_endpoints_pipeline_idx on public.pipeline_endpoints (pipeline_id, organization_id);
create index pipeline_endpoints_created_by_idx on public.pipeline_endpoints (created_by);
create index pipeline_endpoints_disabled_idx on public.pipeline_endpoints (id) where not is_active;

create table public.endpoint_secrets (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  endpoint_id uuid not null references public.pipeline_endpoints (id) on delete cascade,
  ciphertext text not null check (char_length(ciphertext) <= 20000),
  key_version integer not null check (key_version > 0),
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.endpoint_secrets is
  'What an endpoint''s messages are signed with, encrypted by the functions. Read by service_role alone.';
comment on column public.endpoint_secrets.ciphertext is 'The envelope, bound to this row.';
comment on column public.endpoint_secrets.key_version is 'Which key-encryption key wraps it.';
comment on column public.endpoint_secrets.expires_at is 'The end of its grace, once another one took its place.';
create unique index endpoint_secrets_current_idx on public.endpoint_secrets (endpoint_id) where expires_at is null;
create index endpoint_secrets_endpoint_idx on public.endpoint_secrets (endpoint_id);
create index endpoint_secrets_organization_idx on public.endpoint_secrets (organization_id);

create table public.endpoint_deliveries (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  endpoint_id uuid not null references public.pipeline_endpoints (id) on delete cascade,
  run_id uuid references public.pipeline_runs (id) on delete set null,
  event_type text not null check (event_type ~ '^[a-z]+\.[a-z]+$'),
  payload jsonb not null,
  status public.endpoint_delivery_status not null default 'pending',
  attempt integer not null default 0,
  tries integer not null default 0,
  next_attempt_at timestamptz default now(),
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- A run ends once, and is told of once.
  unique (run_id, endpoint_id),
  constraint next_attempt_while_open check ((status in ('pending', 'sending')) = (next_attempt_at is not null)),
  constraint finished_at_when_done check ((status in ('succeeded', 'failed')) = (finished_at is not null))
);
comment on table public.endpoint_deliveries is
  'Messages to endpoints: queue and log in one, kept for 30 days. Written by the engine alone.';
comment on column public.endpoint_deliveries.id is 'The webhook-id: the same over all attempts, so that a receiver takes it once.';
comment on column public.endpoint_deliveries.payload is '{type, timestamp, data}: the body.';
comment on column public.endpoint_deliveries.status is 'waiting: for its endpoint to be switched on again.';
comment on column public.endpoint_deliveries.attempt is 'Counts claims; fences late writers.';
comment on column public.endpoint_deliveries.tries is 'How far it is in the schedule of retries; a redelivery begins anew.';
comment on column public.endpoint_deliveries.next_attempt_at is 'When it is due; while it is sent, when its lease ends.';
create index endpoint_deliveries_due_idx on public.endpoint_deliveries (next_attempt_at)
  where status in ('pending', 'sending');
create index endpoint_deliveries_open_idx on public.endpoint_deliveries (status, endpoint_id, next_attempt_at)
  where status in ('pending', 'sending', 'waiting');
create index endpoint_deliveries_list_idx on public.endpoint_deliveries (endpoint_id, created_at desc, id desc);
create index endpoint_deliveries_organization_idx on public.endpoint_deliveries (organization_id);
create index endpoint_deliveries_created_idx on public.endpoint_deliveries (created_at);

create table public.endpoint_attempts (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  delivery_id uuid not null references public.endpoint_deliveries (id) on delete cascade,
  attempt integer not null,
  url text not null,
  request_headers jsonb,
  response_status integer,
  response_headers jsonb,
  response_body text check (octet_length(response_body) <= 4096),
  error jsonb,
  duration_ms integer,
  started_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (delivery_id, attempt)
);
comment on table public.endpoint_attempts is 'What was sent to an endpoint and what it answered, an attempt a row.';
comment on column public.endpoint_attempts.url is 'Where it went: the endpoint''s address at the time.';
comment on column public.endpoint_attempts.response_body is 'Its first 4 KiB.';
comment on column public.endpoint_attempts.error is '{code, message}; null when the receiver took it.';
create index endpoint_attempts_organization_idx on public.endpoint_attempts (organization_id);

-- Messages ------------------------------------------------------------------------------------

create function private.announce_run() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  event constant text := 'run.' || new.status;
  listeners public.pipeline_endpoints[];
  is_small boolean;
  message jsonb;
begin
  select array_agg(e) into listeners from public.pipeline_endpoints e
  where e.organization_id = new.organization_id and event = any (e.events)
    and (e.pipeline_id is null or e.pipeline_id = new.pipeline_id)
    -- Who switched it off, or answered that it is gone, wants no more. Who is down wants it later.
    and (e.is_active or e.disabled_reason = 'failing');
  -- Most runs have nobody to tell.
  if listeners is null then
    return null;
  end if;
  is_small := new.output is null or octet_length(new.output::text) <= 16 * 1024;
  message := jsonb_build_object('type', event, 'timestamp', new.finished_at, 'data', jsonb_build_object(
    'id', new.id, 'organization_id', new.organization_id, 'pipeline_id', new.pipeline_id, 'status', new.status,
    'trigger', new.trigger, 'created_at', new.created_at, 'started_at', new.started_at,
    'finished_at', new.finished_at, 'error', new.error,
    'output', case when is_small then new.output end, 'output_omitted', not is_small));
  insert into public.endpoint_deliveries (organization_id, endpoint_id, run_id, event_type, payload, status, next_attempt_at)
  select e.organization_id, e.id, new.id, event, message,
    case when e.is_active then 'pending' else 'waiting' end::public.endpoint_delivery_status,
    case when e.is_active then now() end
  from unnest(listeners) e
  on conflict (run_id, endpoint_id) do nothing;
  return null;
end $$;
comment on function private.announce_run is 'A message to each endpoint that listens, in the transaction that ends the run.';

create function private.retry_delay(tries integer, retry_after_seconds numeric default null) returns interval
language sql volatile set search_path = '' as $$
  -- The Standard Webhooks schedule after its first attempt, up to a fifth later each, so that what failed
  -- together does not come back together. Never before the receiver asked for, up to a day.
  select make_interval(secs => greatest(
    (array[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400])[tries] * (1 + 0.2 * random()),
    case when retry_after_seconds is not null then least(retry_after_seconds, 86400) end)::double precision)
  where tries between 1 and 9
$$;
comment on function private.retry_delay is 'Until the next attempt after so many; null: that was the last one.';

create function private.reap_deliveries() returns void
language sql set search_path = '' as $$
  with lost as (
    update public.endpoint_deliveries d set
      status = case when d.tries < 10 then 'pending' else 'failed' end::public.endpoint_delivery_status,
      next_attempt_at = case when d.tries < 10 then d.next_attempt_at end,
      finished_at = case when d.tries < 10 then null else clock_timestamp() end
    where d.id = any (array(
      select s.id from public.endpoint_deliveries s
      where s.status = 'sending' and s.next_attempt_at <= clock_timestamp() for update skip locked))
    returning d.id, d.attempt
  )
  update public.endpoint_attempts a set error = jsonb_build_object('code', 'lease_expired',
    'message', 'The worker stopped answering: the receiver may have it or not')
  from lost l where a.delivery_id = l.id and a.attempt = l.attempt;
  -- Written while its endpoint was being switched off.
  update public.endpoint_deliveries d set status = 'waiting', next_attempt_at = null
  where d.id = any (array(
    select p.id from public.pipeline_endpoints e
    cross join lateral (
      select w.id from public.endpoint_deliveries w
      where w.endpoint_id = e.id and w.status = 'pending' limit 1000 for update skip locked) p
    where not e.is_active))
$$;
comment on function private.reap_deliveries is 'Takes the deliveries of dead workers back; those of disabled endpoints wait.';

create function public.claim_deliveries(max_deliveries integer, lease_seconds integer default 60) returns jsonb
language plpgsql set search_path = '' as $$
declare
  answer jsonb;
begin
  -- Asked twice a second while a worker lives, and mostly for nothing.
  if not private.deliveries_due() then
    return '[]';
  end if;
  perform private.reap_deliveries();
  with recursive busy (endpoint_id) as (
    (select d.endpoint_id from public.endpoint_deliveries d where d.status = 'pending' order by d.endpoint_id limit 1)
    union all
    select (select d.endpoint_id from public.endpoint_deliveries d
      where d.status = 'pending' and d.endpoint_id > b.endpoint_id order by d.endpoint_id limit 1)
    from busy b where b.endpoint_id is not null
  ), mine as (
    update public.endpoint_deliveries d set status = 'sending', attempt = d.attempt + 1, tries = d.tries + 1,
      next_attempt_at = clock_timestamp() + make_interval(secs => lease_seconds)
    where d.id = any (array(
      select due.id from busy b
      join public.pipeline_endpoints e on e.id = b.endpoint_id and e.is_active
      -- A few each, and one where it is failing: a receiver that is slow or dead holds nobody else up.
      cross join lateral (
        select p.id, p.next_attempt_at from public.endpoint_deliveries p
        where p.endpoint_id = e.id and p.status = 'pending' and p.next_attempt_at <= clock_timestamp()
        order by p.next_attempt_at
        limit greatest(0, case when e.failing_since is null then 8 else 1 end - (
          select count(*) from public.endpoint_deliveries s where s.endpoint_id = e.id and s.status = 'sending'))
        for update skip locked) due
      order by due.next_attempt_at limit max_deliveries))
    returning d.id, d.organization_id, d.endpoint_id, d.attempt, d.payload
  ), noted as (
    insert into public.endpoint_attempts (organization_id, delivery_id, attempt, url)
    select m.organization_id, m.id, m.attempt, e.url from mine m join public.pipeline_endpoints e on e.id = m.endpoint_id
  )
  -- The body as text: what is signed is the same, byte for byte, at each attempt.
  select coalesce(jsonb_agg(jsonb_build_object('delivery_id', m.id, 'attempt', m.attempt,
    'organization_id', m.organization_id, 'url', e.url, 'body', m.payload::text, 'secrets', coalesce((
      select jsonb_agg(jsonb_build_object('id', s.id, 'ciphertext', s.ciphertext, 'key_version', s.key_version)
        order by s.expires_at nulls first)
      from public.endpoint_secrets s
      where s.endpoint_id = e.id and (s.expires_at is null or s.expires_at > clock_timestamp())), '[]'))), '[]')
  into answer
  from mine m join public.pipeline_endpoints e on e.id = m.endpoint_id;
  return answer;
end $$;
comment on function public.claim_deliveries is
  'Takes up to max_deliveries that are due, for as long as a lease, with all that sending them needs.';

create function public.finish_delivery(delivery_id uuid, attempt integer, outcome jsonb) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  result record;
  delivery public.endpoint_deliveries;
  endpoint public.pipeline_endpoints;
  delay interval;
begin
  select * into result from jsonb_to_record(outcome) as o (request_headers jsonb, response_status integer,
    response_headers jsonb, response_body text, error jsonb, duration_ms integer, retry_after_seconds numeric);
  -- The endpoint first, as everyone locks them: whoever switches it off goes on to its deliveries.
  select e.* into endpoint from public.pipeline_endpoints e
  where e.id = (select d.endpoint_id from public.endpoint_deliveries d where d.id = delivery_id) for no key update;
  -- The fence: only whoever holds the attempt may end it.
  select d.* into delivery from public.endpoint_deliveries d
  where d.id = delivery_id and d.attempt = finish_delivery.attempt and d.status = 'sending' for no key update;
  if not found then
    return false;
  end if;
  update public.endpoint_attempts a set request_headers = result.request_headers, response_status = result.response_status,
    response_headers = result.response_headers, response_body = result.response_body, error = result.error,
    duration_ms = result.duration_ms
  where a.delivery_id = delivery.id and a.attempt = delivery.attempt;
  if result.response_status between 200 and 299 then
    update public.endpoint_deliveries d set status = 'succeeded', next_attempt_at = null, finished_at = clock_timestamp()
    where d.id = delivery.id;
    update public.pipeline_endpoints e set failing_since = null where e.id = endpoint.id and e.failing_since is not null;
    return true;
  end if;
  if result.response_status is distinct from 410 then
    delay := private.retry_delay(delivery.tries, result.retry_after_seconds);
  end if;
  update public.endpoint_deliveries d set
    status = case when delay is null then 'failed' when endpoint.is_active then 'pending' else 'waiting'
      end::public.endpoint_delivery_status,
    next_attempt_at = case when endpoint.is_active then clock_timestamp() + delay end,
    finished_at = case when delay is null then clock_timestamp() end
  where d.id = delivery.id;
  update public.pipeline_endpoints e set failing_since = clock_timestamp() where e.id = endpoint.id and e.failing_since is null;
  if result.response_status = 410 then
    update public.pipeline_endpoints e set is_active = false, disabled_reason = 'gone' where e.id = endpoint.id and e.is_active;
  elsif delay is null and endpoint.failing_since < now() - interval '3 days' then
    update public.pipeline_endpoints e set is_active = false, disabled_reason = 'failing' where e.id = endpoint.id and e.is_active;
  end if;
  return true;
end $$;
comment on function public.finish_delivery is
  'Ends an attempt by its outcome {request_headers, response_status, response_headers, response_body, error, duration_ms, retry_after_seconds}: taken, tried again, or failed. False: the attempt was lost before, and nothing is changed.';

create function private.deliveries_due() returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.endpoint_deliveries d
    where d.status in ('pending', 'sending') and d.next_attempt_at <= now())
$$;
comment on function private.deliveries_due is 'Whether there is anything for a worker to send.';

create function private.prune_deliveries() returns void
language sql set search_path = '' as $$
  delete from public.endpoint_deliveries d where d.id in (
    select o.id from public.endpoint_deliveries o
    where o.created_at < now() - interval '30 days' and o.status in ('succeeded', 'failed', 'waiting')
    order by o.created_at limit 10000);
  delete from public.endpoint_secrets s where s.expires_at < now()
$$;
comment on function private.prune_deliveries is 'Forgets messages after 30 days, sent or not, and secrets after their grace.';
select private.schedule_job('endpoint-deliveries', interval '1 hour', 'select private.prune_deliveries()');

-- Commands ------------------------------------------------------------------------------------

create function private.put_endpoint_secret(endpoint_id uuid, secret jsonb, grace_seconds integer default 0) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  organization uuid;
begin
  select e.organization_id into organization from public.pipeline_endpoints e where e.id = endpoint_id for no key update;
  perform private.require_organization(organization, 'admin');
  if grace_seconds not between 0 and 30 * 86400 then
    perform private.raise_error(422, 'validation_failed', 'A grace is 0 seconds to 30 days', 'grace_seconds');
  end if;
  delete from public.endpoint_secrets s where s.endpoint_id = put_endpoint_secret.endpoint_id and s.expires_at <= now();
  update public.endpoint_secrets s set expires_at = least(s.expires_at, now() + make_interval(secs => grace_seconds))
  where s.endpoint_id = put_endpoint_secret.endpoint_id;
  if (select count(*) from public.endpoint_secrets s
    where s.endpoint_id = put_endpoint_secret.endpoint_id and s.expires_at > now()) > 5 then
    perform private.raise_error(409, 'conflict', 'Five secrets are in their grace: rotate with a shorter one');
  end if;
  insert into public.endpoint_secrets (id, organization_id, endpoint_id, ciphertext, key_version)
  values ((secret ->> 'id')::uuid, organization, endpoint_id, secret ->> 'ciphertext', (secret ->> 'key_version')::integer);
end $$;
comment on function private.put_endpoint_secret is
  'Signs with {id, ciphertext, key_version} from now on; the secrets before sign along until the grace ends, or sooner.';

create function private.create_endpoint(
  endpoint_id uuid, organization_id uuid, endpoint jsonb, secret jsonb
) returns public.pipeline_endpoints language plpgsql security definer set search_path = '' as $$
declare
  created public.pipeline_endpoints;
begin
  insert into public.pipeline_endpoints (id, organization_id, pipeline_id, url, events, description)
  values (endpoint_id, private.require_organization(organization_id, 'admin'), (endpoint ->> 'pipeline_id')::uuid,
    endpoint ->> 'url', array(select jsonb_array_elements_text(endpoint -> 'events')), endpoint ->> 'description')
  returning * into created;
  perform private.put_endpoint_secret(endpoint_id, secret);
  return created;
end $$;
comment on function private.create_endpoint is 'An endpoint {url, events, description, pipeline_id} with its first secret; for admins.';

create function public.create_endpoint(endpoint_id uuid, organization_id uuid, endpoint jsonb, secret jsonb)
returns public.pipeline_endpoints language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  if endpoint ->> 'pipeline_id' is not null and not exists (select from public.pipelines p
    where p.id = (endpoint ->> 'pipeline_id')::uuid and p.organization_id = create_endpoint.organization_id) then
    perform private.raise_error(404, 'not_found', format('No pipeline with id %s', endpoint ->> 'pipeline_id'));
  end if;
  return private.create_endpoint(endpoint_id, organization_id, endpoint, secret);
end $$;
comment on function public.create_endpoint is
  'An endpoint with its secret {id, ciphertext, key_version}. The ids come first, because the secret is encrypted for its own.';

create function public.rotate_endpoint_secret(endpoint_id uuid, secret jsonb, grace_seconds integer default 0)
returns void language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  if not exists (select from public.pipeline_endpoints e where e.id = endpoint_id) then
    perform private.raise_error(404, 'not_found', format('No endpoint with id %s', endpoint_id));
  end if;
  perform private.put_endpoint_secret(endpoint_id, secret, grace_seconds);
end $$;
comment on function public.rotate_endpoint_secret is 'Another secret in place of the one before, which signs along until the grace ends.';

create function private.ping_endpoint(endpoint_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  endpoint public.pipeline_endpoints;
  ping uuid;
begin
  select * into endpoint from public.pipeline_endpoints e where e.id = endpoint_id for no key update;
  perform private.require_organization(endpoint.organization_id, 'admin');
  if not endpoint.is_active then
    perform private.raise_error(409, 'conflict', 'The endpoint is switched off: switch it on first');
  end if;
  -- Its first attempt is its last: whoever tests looks at once.
  insert into public.endpoint_deliveries (organization_id, endpoint_id, event_type, tries, payload)
  values (endpoint.organization_id, endpoint.id, 'test.ping', 9, jsonb_build_object('type', 'test.ping',
    'timestamp', now(), 'data', jsonb_build_object('endpoint_id', endpoint.id, 'organization_id', endpoint.organization_id)))
  returning id into ping;
  return ping;
end $$;
comment on function private.ping_endpoint is 'A message for a try, sent once; for admins.';

create function public.test_endpoint(endpoint_id uuid) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  if not exists (select from public.pipeline_endpoints e where e.id = endpoint_id) then
    perform private.raise_error(404, 'not_found', format('No endpoint with id %s', endpoint_id));
  end if;
  return private.ping_endpoint(endpoint_id);
end $$;
comment on function public.test_endpoint is 'Has a test.ping sent; returns its delivery.';

create function private.redeliver(delivery_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  endpoint public.pipeline_endpoints;
begin
  select e.* into endpoint from public.pipeline_endpoints e
  where e.id = (select d.endpoint_id from public.endpoint_deliveries d where d.id = delivery_id) for no key update;
  perform private.require_organization(endpoint.organization_id, 'admin');
  if not endpoint.is_active then
    perform private.raise_error(409, 'conflict', 'The endpoint is switched off: switch it on first');
  end if;
  update public.endpoint_deliveries d set status = 'pending', tries = 0, next_attempt_at = now(), finished_at = null
  where d.id = delivery_id and d.status <> 'sending';
  if not found then
    perform private.raise_error(409, 'conflict', 'The message is being sent right now');
  end if;
end $$;
comment on function private.redeliver is 'A message once more, with its id and the whole schedule of retries; for admins.';

create function public.redeliver(delivery_id uuid, endpoint_id uuid) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  if not exists (select from public.endpoint_deliveries d where d.id = delivery_id and d.endpoint_id = redeliver.endpoint_id) then
    perform private.raise_error(404, 'not_found', format('No delivery with id %s', delivery_id));
  end if;
  perform private.redeliver(delivery_id);
end $$;
comment on function public.redeliver is 'Has a message sent again, whatever became of it.';

-- Triggers ------------------------------------------------------------------------------------

create function private.switch_endpoint() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.is_active then
    new.disabled_at := null;
    new.disabled_reason := null;
    if not old.is_active or new.url <> old.url then
      new.failing_since := null;
    end if;
  elsif old.is_active then
    new.disabled_at := clock_timestamp();
    new.disabled_reason := coalesce(new.disabled_reason, 'manual');
  end if;
  return new;
end $$;
comment on function private.switch_endpoint is 'An endpoint that is off says since when and why; one that is on again has a clean record.';

create function private.hold_deliveries() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.is_active then
    update public.endpoint_deliveries d set status = 'pending', next_attempt_at = now()
    where d.endpoint_id = new.id and d.status = 'waiting';
  else
    update public.endpoint_deliveries d set status = 'waiting', next_attempt_at = null
    where d.endpoint_id = new.id and d.status = 'pending';
  end if;
  return null;
end $$;
comment on function private.hold_deliveries is 'What is due waits while the endpoint is off, and goes out when it is on again.';

select private.guard_table('pipeline_endpoints', '{organization_id,pipeline_id}');
select private.guard_table('endpoint_secrets', '{organization_id,endpoint_id}');
select private.guard_table('endpoint_deliveries', '{organization_id,endpoint_id,event_type,payload}');
select private.guard_table('endpoint_attempts', '{organization_id,delivery_id,attempt,url}');
create trigger switch_endpoint before update on public.pipeline_endpoints
  for each row execute function private.switch_endpoint();
create trigger hold_deliveries after update of is_active on public.pipeline_endpoints
  for each row when (old.is_active is distinct from new.is_active) execute function private.hold_deliveries();
create trigger announce_run after update of status on public.pipeline_runs
  for each row when (old.status is distinct from new.status and new.status in ('succeeded', 'failed', 'canceled'))
  execute function private.announce_run();

select private.audit('pipeline_endpoints', 'pipeline_endpoint', '{failing_since}');
select private.audit('endpoint_secrets', 'endpoint_secret', '{ciphertext}');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('pipeline_endpoints', 'member', null, 'admin', 'admin');
select private.tenant_policies('endpoint_deliveries', 'member');
select private.tenant_policies('endpoint_attempts', 'member');
create policy "No client sees secrets of endpoints" on public.endpoint_secrets for select to authenticated using (false);

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.pipeline_endpoints to authenticated;
grant update (url, events, description, is_active) on public.pipeline_endpoints to authenticated;
grant select on public.endpoint_deliveries, public.endpoint_attempts to authenticated;
grant execute on function private.create_endpoint, private.put_endpoint_secret, private.ping_endpoint, private.redeliver
  to authenticated, service_role;
grant execute on function public.create_endpoint, public.rotate_endpoint_secret, public.test_endpoint, public.redeliver
  to authenticated, service_role;
grant execute on function private.reap_deliveries, private.retry_delay, private.deliveries_due to service_role;
grant execute on function public.claim_deliveries, public.finish_delivery to service_role;
