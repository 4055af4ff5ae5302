-- Triggers (domain pipelines): what starts runs from outside, and rows written by runs.
--
-- Security definer functions, and why they must be:
--   private.retire_trigger_secrets  no client sees secrets, so none could end an old one
--   private.require_trigger_secret  as above: none could tell whether there is one
-- `find_webhook` and `receive_delivery` are service_role's alone.

-- Tables --------------------------------------------------------------------------------------

create type public.pipeline_trigger_type as enum ('webhook', 'cron');
create type public.webhook_scheme as enum ('standard', 'github', 'stripe', 'hmac', 'none');

create table public.pipeline_triggers (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  pipeline_id uuid not null,
  type public.pipeline_trigger_type not null,
  scheme public.webhook_scheme,
  is_active boolean not null default true,
  last_triggered_at timestamptz,
  created_by uuid not null default private.current_user_id() references auth.users (id) on delete cascade,
  api_key_id uuid default private.current_key_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id),
  foreign key (pipeline_id, organization_id) references public.pipelines (id, organization_id) on delete cascade,
  constraint webhook_has_scheme check ((type = 'webhook') = (scheme is not null))
);
comment on table public.pipeline_triggers is 'Webhooks and schedules that start runs.';
comment on column public.pipeline_triggers.scheme is 'How a webhook''s sender proves itself.';
comment on column public.pipeline_triggers.created_by is 'The runs act as this user; their triggers go with them.';
comment on column public.pipeline_triggers.api_key_id is 'The issued key that made it: its runs begin with that one.';
create index pipeline_triggers_organization_idx on public.pipeline_triggers (organization_id, created_at);
create index pipeline_triggers_pipeline_idx on public.pipeline_triggers (pipeline_id, organization_id);
create index pipeline_triggers_created_by_idx on public.pipeline_triggers (created_by);

create table public.trigger_secrets (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  trigger_id uuid not null,
  ciphertext text not null check (char_length(ciphertext) <= 20000),
  key_version integer not null check (key_version between 1 and 999999),
  grace_seconds integer not null default 0 check (grace_seconds between 0 and 30 * 86400),
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (trigger_id, organization_id) references public.pipeline_triggers (id, organization_id) on delete cascade
);
comment on table public.trigger_secrets is
  'What webhook signatures are checked with, encrypted by the functions. Written by admins, read by service_role alone.';
comment on column public.trigger_secrets.key_version is 'Which key-encryption key wraps it.';
comment on column public.trigger_secrets.grace_seconds is 'How long the secret before this one goes on to work.';
comment on column public.trigger_secrets.expires_at is 'When it stops to work; null for the current one.';
create index trigger_secrets_trigger_idx on public.trigger_secrets (trigger_id, organization_id);
create index trigger_secrets_organization_idx on public.trigger_secrets (organization_id);

create table public.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  trigger_id uuid not null,
  delivery_id text not null check (char_length(delivery_id) between 1 and 255),
  run_id uuid references public.pipeline_runs (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (trigger_id, delivery_id),
  foreign key (trigger_id, organization_id) references public.pipeline_triggers (id, organization_id) on delete cascade
);
comment on table public.webhook_deliveries is 'Deliveries taken in: each id starts one run, however often it is sent.';
create index webhook_deliveries_organization_idx on public.webhook_deliveries (organization_id, created_at);
create index webhook_deliveries_trigger_idx on public.webhook_deliveries (trigger_id, organization_id);
create index webhook_deliveries_run_idx on public.webhook_deliveries (run_id);

alter table public.pipeline_runs add foreign key (trigger_id)
  references public.pipeline_triggers (id) on delete set null;
create index pipeline_runs_trigger_idx on public.pipeline_runs (trigger_id);

create table public.step_effects (
  id uuid primary key,
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  result jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (id) references public.run_steps (id) on delete cascade
);
comment on table public.step_effects is
  'What a step wrote to the database, in the transaction that wrote it: a repeated attempt finds it and writes nothing.';
comment on column public.step_effects.id is 'The step.';
create index step_effects_organization_idx on public.step_effects (organization_id);

-- Functions -----------------------------------------------------------------------------------

create function public.create_webhook_trigger(
  trigger_id uuid, pipeline_id uuid, scheme public.webhook_scheme, secret jsonb default null
) returns public.pipeline_triggers language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  created public.pipeline_triggers;
begin
  insert into public.pipeline_triggers (id, pipeline_id, type, scheme)
  values (trigger_id, pipeline_id, 'webhook', scheme) returning * into created;
  if secret is not null then
    insert into public.trigger_secrets (id, trigger_id, ciphertext, key_version)
    values ((secret ->> 'id')::uuid, trigger_id, secret ->> 'ciphertext', (secret ->> 'key_version')::integer);
  elsif scheme <> 'none' then
    perform private.raise_error(422, 'validation_failed', format('A %s webhook needs a secret', scheme), 'secret');
  end if;
  return created;
end $$;
comment on function public.create_webhook_trigger is
  'A webhook of a pipeline with its secret {id, ciphertext, key_version}. The ids come first, because the secret is encrypted for its own.';

create function private.retire_trigger_secrets() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  webhook public.pipeline_triggers;
begin
  -- RLS has let the row pass before this runs. The lock makes two rotations at once one after the other.
  select * into webhook from public.pipeline_triggers t where t.id = new.trigger_id for no key update;
  if webhook.scheme is null or webhook.scheme = 'none' then
    perform private.raise_error(422, 'validation_failed', 'Only a webhook with a signature has a secret', 'secret');
  end if;
  delete from public.trigger_secrets s
  where s.trigger_id = new.trigger_id and s.id <> new.id and (s.expires_at is not null or new.grace_seconds = 0);
  update public.trigger_secrets s set expires_at = now() + make_interval(secs => new.grace_seconds)
  where s.trigger_id = new.trigger_id and s.id <> new.id;
  return null;
end $$;
comment on function private.retire_trigger_secrets is
  'A new secret ends the one before it, at once or after its grace: two work at most.';

create function private.require_trigger_secret() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from public.pipeline_triggers t where t.id = new.id)
    and not exists (select from public.trigger_secrets s where s.trigger_id = new.id) then
    perform private.raise_error(422, 'validation_failed', format('A %s webhook needs a secret', new.scheme), 'secret');
  end if;
  return null;
end $$;
comment on function private.require_trigger_secret is 'No webhook is stored that would check signatures with nothing.';

create function public.find_webhook(trigger_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('organization_id', t.organization_id, 'scheme', t.scheme, 'secrets', coalesce((
    select jsonb_agg(jsonb_build_object('id', s.id, 'ciphertext', s.ciphertext, 'key_version', s.key_version)
      order by s.expires_at desc nulls first)
    from public.trigger_secrets s
    where s.trigger_id = t.id and (s.expires_at is null or s.expires_at > now())), '[]'))
  from public.pipeline_triggers t
  where t.id = find_webhook.trigger_id and t.type = 'webhook' and t.is_active
$$;
comment on function public.find_webhook is
  'What a delivery is checked with: {organization_id, scheme, secrets}, the current secret first; null where there is no such webhook.';

create function public.receive_delivery(trigger_id uuid, delivery jsonb)
returns public.pipeline_runs language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  webhook public.pipeline_triggers;
  run public.pipeline_runs;
  taken public.webhook_deliveries;
begin
  select * into webhook from public.pipeline_triggers t where t.id = trigger_id and t.type = 'webhook' and t.is_active;
  if not found then
    perform private.raise_error(404, 'not_found', format('No webhook with id %s', trigger_id));
  end if;
  insert into public.webhook_deliveries (trigger_id, delivery_id) values (trigger_id, delivery ->> 'id')
  on conflict on constraint webhook_deliveries_trigger_id_delivery_id_key do nothing
  returning * into taken;
  if not found then
    select r.* into run from public.webhook_deliveries d join public.pipeline_runs r on r.id = d.run_id
    where d.trigger_id = receive_delivery.trigger_id and d.delivery_id = delivery ->> 'id';
    if not found then
      perform private.raise_error(409, 'conflict', 'The delivery was taken before, and its run was deleted since');
    end if;
    return run;
  end if;
  run := private.start_run(webhook.pipeline_id, delivery -> 'input', 'webhook', webhook.created_by,
    trigger_id => trigger_id, api_key_id => webhook.api_key_id);
  update public.webhook_deliveries d set run_id = run.id where d.id = taken.id;
  update public.pipeline_triggers t set last_triggered_at = now() where t.id = trigger_id;
  return run;
end $$;
comment on function public.receive_delivery is
  'Starts the run of a verified delivery {id, input}; a delivery seen before answers with its first run.';

create function public.write_table_rows(
  step_id uuid, table_name text, rows jsonb, mode text default 'append', on_conflict text default null
) returns jsonb language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  target constant regclass := to_regclass(format('public.%I', table_name));
  organization uuid;
  earlier jsonb;
  columns text;
  updates text;
  written integer;
begin
  -- Of a canceled run nothing is written any more, whatever its step is still at.
  select s.organization_id into organization from public.run_steps s join public.pipeline_runs r on r.id = s.run_id
  where s.id = step_id and s.status = 'running' and r.status = 'running';
  if organization is null then
    perform private.raise_error(404, 'not_found', format('No running step with id %s', step_id));
  elsif target is null then
    perform private.raise_error(404, 'not_found', format('No table public.%s', table_name));
  elsif exists (
    select 1 from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
    where t.tgrelid = target and p.pronamespace = 'private'::regnamespace) then
    -- Whoever writes a pipeline would else act on the platform with the rights of whoever runs it.
    perform private.raise_error(403, 'forbidden', format('%s is a table of the platform: a run can''t write it', table_name));
  elsif mode not in ('append', 'replace', 'upsert') then
    perform private.raise_error(422, 'validation_failed', 'mode is append, replace or upsert');
  elsif jsonb_typeof(rows) <> 'array' or exists (
    select 1 from jsonb_array_elements(rows) r where jsonb_typeof(r) <> 'object') then
    perform private.raise_error(422, 'validation_failed', 'Rows are an array of objects');
  end if;
  insert into public.step_effects (id, organization_id, result) values (step_id, organization, '{}')
  on conflict (id) do nothing;
  if not found then
    select e.result into earlier from public.step_effects e where e.id = step_id;
    return earlier;
  end if;
  if exists (select 1 from pg_catalog.pg_attribute a
    where a.attrelid = target and a.attname = 'organization_id' and not a.attisdropped) then
    select jsonb_agg(jsonb_build_object('organization_id', organization) || r) into rows
    from jsonb_array_elements(rows) r;
    if mode = 'replace' then
      execute format('delete from %s where organization_id = $1', target) using organization;
    end if;
  elsif mode = 'replace' then
    execute format('delete from %s where true', target);
  end if;
  select string_agg(distinct quote_ident(key), ', '), string_agg(distinct format('%1$I = excluded.%1$I', key), ', ')
  into columns, updates
  from jsonb_array_elements(rows) r cross join jsonb_object_keys(r) key;
  written := 0;
  if columns is not null then
    execute format('insert into %1$s (%2$s) select %2$s from jsonb_populate_recordset(null::%1$s, $1)', target, columns)
      || case when mode = 'upsert' then format(' on conflict (%s) do update set %s',
        (select string_agg(quote_ident(c), ', ') from unnest(string_to_array(coalesce(on_conflict, 'id'), ',')) c), updates) else '' end
    using rows;
    get diagnostics written = row_count;
  end if;
  update public.step_effects e set result = jsonb_build_object('rows_written', written) where e.id = step_id;
  return jsonb_build_object('rows_written', written);
end $$;
comment on function public.write_table_rows is
  'Writes a step''s rows as the caller, under RLS, once a step: the same step writes nothing the second time.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('pipeline_triggers', '{organization_id,pipeline_id,type,scheme,created_by,api_key_id}');
select private.guard_table('trigger_secrets', '{organization_id,trigger_id}');
select private.guard_table('webhook_deliveries', '{organization_id,trigger_id,delivery_id}');
select private.guard_table('step_effects', '{organization_id}');
create trigger a_inherit_organization before insert on public.pipeline_triggers
  for each row execute function private.inherit_organization('pipelines', 'pipeline_id');
create trigger a_inherit_organization before insert on public.trigger_secrets
  for each row execute function private.inherit_organization('pipeline_triggers', 'trigger_id');
create trigger a_inherit_organization before insert on public.webhook_deliveries
  for each row execute function private.inherit_organization('pipeline_triggers', 'trigger_id');
create trigger a_inherit_organization before insert on public.step_effects
  for each row execute function private.inherit_organization('run_steps', 'id');
create trigger retire_trigger_secrets after insert on public.trigger_secrets
  for each row execute function private.retire_trigger_secrets();
-- At the transaction's end: the secret comes after its webhook.
create constraint trigger require_trigger_secret after insert on public.pipeline_triggers deferrable initially deferred
  for each row when (new.scheme <> 'none') execute function private.require_trigger_secret();

select private.schedule_job('forget old deliveries', '1 day',
  $$delete from public.webhook_deliveries d where d.created_at < now() - interval '90 days'$$);

select private.audit('pipeline_triggers', 'pipeline_trigger', '{last_triggered_at,next_fire_at,claimed_until}');
select private.audit('trigger_secrets', 'trigger_secret', '{ciphertext}');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('pipeline_triggers', 'member', 'admin', 'admin', 'admin');
select private.tenant_policies('webhook_deliveries', 'member');
select private.tenant_policies('step_effects', 'member');
-- The token that the engine mints for a step names it; nobody else's does.
create policy "A step adds its own effect" on public.step_effects
  for insert to authenticated with check (id = ((select auth.jwt()) ->> 'step_id')::uuid);
create policy "A step changes its own effect" on public.step_effects
  for update to authenticated
  using (id = ((select auth.jwt()) ->> 'step_id')::uuid)
  with check (id = ((select auth.jwt()) ->> 'step_id')::uuid);
create policy "No client sees secrets" on public.trigger_secrets for select to authenticated using (false);
create policy "An admin gives their organization's webhook a secret" on public.trigger_secrets
  for insert to authenticated
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.pipeline_triggers to authenticated;
grant insert (id, pipeline_id, type, scheme) on public.pipeline_triggers to authenticated;
grant update (is_active) on public.pipeline_triggers to authenticated;
grant insert (id, trigger_id, ciphertext, key_version, grace_seconds) on public.trigger_secrets to authenticated;
grant select on public.webhook_deliveries to authenticated;
grant select, insert (id, organization_id, result) on public.step_effects to authenticated;
grant update (result) on public.step_effects to authenticated;
grant execute on function public.create_webhook_trigger, public.write_table_rows to authenticated, service_role;
grant execute on function public.find_webhook, public.receive_delivery to service_role;
