-- Schedules (domain pipelines): cron triggers, and the runs they start by the clock.
--
-- Times are computed by the functions, which have a library for time zones; the database remembers when a
-- trigger is due next, and sees to it that each of its times counts once.
-- Security definer functions: none. The commands here are service_role's alone.

-- Tables --------------------------------------------------------------------------------------

create type public.catch_up_policy as enum ('none', 'one', 'all');
create type public.overlap_policy as enum ('skip', 'queue', 'cancel');
create type public.firing_status as enum ('queued', 'started', 'skipped', 'failed');

alter table public.pipeline_triggers
  add column expression text check (char_length(expression) between 1 and 200),
  add column timezone text check (char_length(timezone) between 1 and 100),
  add column catch_up public.catch_up_policy,
  add column overlap public.overlap_policy,
  add column input jsonb check (jsonb_typeof(input) = 'object' and pg_column_size(input) <= 256 * 1024),
  add column next_fire_at timestamptz,
  add column claimed_until timestamptz,
  add column deactivation_reason text,
  add constraint cron_has_schedule check (
    num_nonnulls(expression, timezone, catch_up, overlap, input) = case type when 'cron' then 5 else 0 end);
comment on column public.pipeline_triggers.expression is 'Cron: five fields, or six with seconds first.';
comment on column public.pipeline_triggers.timezone is 'IANA name of the zone whose clock the expression is read by.';
comment on column public.pipeline_triggers.catch_up is 'What becomes of times that passed while nothing could fire: none, the latest one, or all (100 at most).';
comment on column public.pipeline_triggers.overlap is 'What happens at a time when an earlier run of the trigger has not ended.';
comment on column public.pipeline_triggers.input is 'Each run''s input; scheduled_at is added to it.';
comment on column public.pipeline_triggers.next_fire_at is 'When it is due; of a new or changed schedule, at once, so that its next time is computed.';
comment on column public.pipeline_triggers.claimed_until is 'A worker computes its times; another one may when this has passed.';
comment on column public.pipeline_triggers.deactivation_reason is 'Why the platform has switched it off.';
create index pipeline_triggers_due_idx on public.pipeline_triggers (next_fire_at) where next_fire_at is not null;
create index pipeline_runs_unfinished_trigger_idx on public.pipeline_runs (trigger_id)
  where trigger_id is not null and finished_at is null;

create table public.trigger_firings (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  trigger_id uuid not null,
  scheduled_at timestamptz not null,
  status public.firing_status not null,
  passed_over integer not null default 0 check (passed_over between 0 and 100),
  reason text,
  run_id uuid references public.pipeline_runs (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (trigger_id, scheduled_at),
  foreign key (trigger_id, organization_id) references public.pipeline_triggers (id, organization_id) on delete cascade,
  constraint reason_when_not_run check ((status in ('skipped', 'failed')) = (reason is not null))
);
comment on table public.trigger_firings is 'Times of schedules and what came of them. Each counts once, however many workers see it.';
comment on column public.trigger_firings.scheduled_at is 'The time by the expression, not when a worker came to it.';
comment on column public.trigger_firings.passed_over is 'Earlier times that the catch-up policy left out; 100 stands for more as well.';
create index trigger_firings_organization_idx on public.trigger_firings (organization_id, created_at);
create index trigger_firings_trigger_idx on public.trigger_firings (trigger_id, organization_id);
create index trigger_firings_run_idx on public.trigger_firings (run_id);
create index trigger_firings_queued_idx on public.trigger_firings (trigger_id, scheduled_at) where status = 'queued';

-- Functions -----------------------------------------------------------------------------------

create function private.plan_schedule() returns trigger
language plpgsql set search_path = '' as $$
begin
  if not new.is_active then
    new.next_fire_at := null;
    return new;
  end if;
  new.deactivation_reason := null;
  if tg_op = 'INSERT' then
    new.next_fire_at := clock_timestamp();
  elsif not old.is_active or new.expression <> old.expression or new.timezone <> old.timezone then
    new.next_fire_at := clock_timestamp();
    new.claimed_until := null;
  end if;
  return new;
end $$;
comment on function private.plan_schedule is 'A schedule counts from when it was made, changed or switched on: nothing is caught up from before.';

create function private.has_unfinished_run(trigger_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select 1 from public.pipeline_runs r
    where r.trigger_id = has_unfinished_run.trigger_id and r.finished_at is null)
$$;
comment on function private.has_unfinished_run is 'Whether an earlier run of a trigger goes on.';

create function private.schedules_due() returns boolean
language sql stable set search_path = '' as $$
  select exists (
      select 1 from public.pipeline_triggers t
      where t.next_fire_at <= now() and (t.claimed_until is null or t.claimed_until <= now()))
    or exists (
      select 1 from public.trigger_firings f join public.pipeline_triggers t on t.id = f.trigger_id
      where f.status = 'queued' and (not t.is_active or not private.has_unfinished_run(t.id)))
$$;
comment on function private.schedules_due is 'Whether a schedule wants a worker.';

create function public.claim_schedules(max_triggers integer, claim_seconds integer default 30) returns jsonb
language sql set search_path = '' as $$
  with claimed as (
    update public.pipeline_triggers t set claimed_until = now() + make_interval(secs => claim_seconds)
    where t.id = any (array(
      select d.id from public.pipeline_triggers d
      where d.next_fire_at <= now() and (d.claimed_until is null or d.claimed_until <= now())
      order by d.next_fire_at limit max_triggers for update skip locked))
    returning t.*
  )
  select jsonb_build_object(
    'now_ms', floor(extract(epoch from now()) * 1000),
    'has_queued', exists (select 1 from public.trigger_firings f where f.status = 'queued'),
    'schedules', coalesce(jsonb_agg(jsonb_build_object('trigger_id', c.id, 'expression', c.expression,
      'timezone', c.timezone, 'catch_up', c.catch_up, 'due', c.next_fire_at::text,
      -- Rounded up, or the moment that a schedule was made at would count as one of its times.
      'due_ms', ceil(extract(epoch from c.next_fire_at) * 1000)) order by c.next_fire_at), '[]'))
  from claimed c
$$;
comment on function public.claim_schedules is
  'Takes schedules that are due, for a worker to compute their times; by the database''s clock. {now_ms, has_queued, schedules}';

create function private.cancel_earlier_runs(trigger_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  run record;
begin
  for run in
    -- All at once: the end of the first one locks the pipeline, which whoever ends a step of the next may wait for.
    select l.id from (
      select r.id from public.pipeline_runs r
      where r.trigger_id = cancel_earlier_runs.trigger_id and r.finished_at is null order by r.id for no key update
    ) l order by l.id
  loop
    begin
      perform private.cancel_run(run.id);
    exception when sqlstate 'PT409' then
      null; -- It has ended meanwhile.
    end;
  end loop;
end $$;
comment on function private.cancel_earlier_runs is 'Makes way for a trigger''s next run.';

create function private.start_scheduled_run(schedule public.pipeline_triggers, firing_id uuid) returns boolean
language plpgsql set search_path = '' as $$
declare
  firing public.trigger_firings;
  run public.pipeline_runs;
  scheduled_at text;
begin
  select * into firing from public.trigger_firings f where f.id = firing_id;
  scheduled_at := to_char(firing.scheduled_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  begin
    run := private.start_run(schedule.pipeline_id, schedule.input || jsonb_build_object('scheduled_at', scheduled_at),
      'cron', schedule.created_by, trigger_id => schedule.id, api_key_id => schedule.api_key_id);
  exception
    when sqlstate 'PT409' or sqlstate 'PT422' then
      update public.trigger_firings f set status = 'failed', reason = sqlerrm where f.id = firing_id;
      return true;
    when sqlstate 'PT403' then
      -- Nobody's rights are left to act with: it would fail each time.
      update public.trigger_firings f set status = 'failed', reason = sqlerrm where f.id = firing_id;
      perform public.switch_off_trigger(schedule.id, sqlerrm);
      return false;
  end;
  update public.trigger_firings f set status = 'started', run_id = run.id where f.id = firing_id;
  insert into public.run_events (organization_id, run_id, event_type, message, data)
  values (run.organization_id, run.id, 'run.scheduled',
    case when firing.passed_over = 0 then format('Due at %s', scheduled_at)
      else format('Due at %s; %s earlier times were passed over', scheduled_at,
        case firing.passed_over when 100 then '100 or more' else firing.passed_over::text end) end,
    jsonb_build_object('scheduled_at', scheduled_at, 'passed_over', firing.passed_over));
  update public.pipeline_triggers t set last_triggered_at = now() where t.id = schedule.id;
  return true;
end $$;
comment on function private.start_scheduled_run is
  'Starts the run of a firing, or notes why there is none; false when the trigger was switched off for good.';

create function public.fire_schedule(trigger_id uuid, due text, firing jsonb) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  -- How many firings may wait for a run to end.
  max_queued constant integer := 100;
  times constant timestamptz[] := array(
    select value::timestamptz from jsonb_array_elements_text(firing -> 'times') order by value::timestamptz);
  left_out constant integer := (firing ->> 'passed_over')::integer;
  schedule public.pipeline_triggers;
  moment timestamptz;
  firing_id uuid;
begin
  -- One worker at a time. Locks are taken in the order trigger, runs, pipeline: the engine's, too.
  select * into schedule from public.pipeline_triggers t where t.id = trigger_id for no key update;
  -- What a worker computed holds for the time it was told of; another one may have been here since.
  if schedule.next_fire_at is distinct from due::timestamptz then
    return false;
  end if;
  update public.pipeline_triggers t set
    next_fire_at = (firing ->> 'next_fire_at')::timestamptz, claimed_until = null
  where t.id = trigger_id;
  if firing ->> 'latest_missed' is not null then
    insert into public.trigger_firings (trigger_id, scheduled_at, status, passed_over, reason)
    values (trigger_id, (firing ->> 'latest_missed')::timestamptz, 'skipped', left_out, 'missed')
    on conflict on constraint trigger_firings_trigger_id_scheduled_at_key do nothing;
  end if;
  foreach moment in array times loop
    firing_id := null;
    insert into public.trigger_firings (trigger_id, scheduled_at, status, passed_over)
    values (trigger_id, moment, 'queued', case when moment = times[1] then left_out else 0 end)
    on conflict on constraint trigger_firings_trigger_id_scheduled_at_key do nothing
    returning id into firing_id;
    continue when firing_id is null;
    if schedule.overlap = 'cancel' then
      if moment < times[cardinality(times)] then
        -- It would be canceled by the next one in this very loop.
        update public.trigger_firings f set status = 'skipped', reason = 'overlap' where f.id = firing_id;
        continue;
      end if;
      perform private.cancel_earlier_runs(trigger_id);
    elsif schedule.overlap = 'skip' and private.has_unfinished_run(trigger_id) then
      update public.trigger_firings f set status = 'skipped', reason = 'overlap' where f.id = firing_id;
      continue;
    elsif schedule.overlap = 'queue' then
      if (select count(*) from public.trigger_firings f where f.trigger_id = schedule.id and f.status = 'queued') > max_queued then
        update public.trigger_firings f set status = 'skipped', reason = 'queue_full' where f.id = firing_id;
        continue;
      end if;
      -- First come, first served: one that waits goes before this one.
      continue when private.has_unfinished_run(trigger_id) or exists (
        select 1 from public.trigger_firings f
        where f.trigger_id = schedule.id and f.status = 'queued' and f.scheduled_at < moment);
    end if;
    exit when not private.start_scheduled_run(schedule, firing_id);
  end loop;
  return true;
end $$;
comment on function public.fire_schedule is
  'Starts the runs of a schedule that was due: {times, passed_over, latest_missed, next_fire_at}. False when someone else has fired it.';

create function public.start_queued_firings(max_triggers integer) returns integer
language plpgsql set search_path = '' as $$
declare
  candidate record;
  schedule public.pipeline_triggers;
  firing_id uuid;
  started integer := 0;
begin
  for candidate in
    select t.id from public.pipeline_triggers t
    where t.id in (select f.trigger_id from public.trigger_firings f where f.status = 'queued')
      and (not t.is_active or not private.has_unfinished_run(t.id))
    order by t.pipeline_id, t.id limit max_triggers
  loop
    -- Not waited for: it holds the pipelines of those before it, which whoever has the lock may want.
    select * into schedule from public.pipeline_triggers t where t.id = candidate.id for no key update skip locked;
    continue when not found;
    if not schedule.is_active then
      update public.trigger_firings f set status = 'skipped', reason = 'switched_off'
      where f.trigger_id = schedule.id and f.status = 'queued';
      continue;
    end if;
    continue when private.has_unfinished_run(schedule.id);
    select f.id into firing_id from public.trigger_firings f
    where f.trigger_id = schedule.id and f.status = 'queued' order by f.scheduled_at limit 1;
    continue when not found;
    perform private.start_scheduled_run(schedule, firing_id);
    started := started + 1;
  end loop;
  return started;
end $$;
comment on function public.start_queued_firings is 'Starts what waited for an earlier run to end, the oldest of each trigger; returns how many.';

create function public.switch_off_trigger(trigger_id uuid, reason text) returns void
language sql set search_path = '' as $$
  update public.pipeline_triggers t set is_active = false, deactivation_reason = left(reason, 500)
  where t.id = switch_off_trigger.trigger_id and t.is_active
$$;
comment on function public.switch_off_trigger is 'Ends what can only fail, and says why.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('trigger_firings', '{organization_id,trigger_id,scheduled_at}');
create trigger a_inherit_organization before insert on public.trigger_firings
  for each row execute function private.inherit_organization('pipeline_triggers', 'trigger_id');
create trigger plan_schedule before insert or update on public.pipeline_triggers
  for each row when (new.type = 'cron') execute function private.plan_schedule();

select private.schedule_job('forget old firings', '1 day',
  $$delete from public.trigger_firings f where f.status <> 'queued' and f.created_at < now() - interval '90 days'$$);

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('trigger_firings', 'member');

-- Grants --------------------------------------------------------------------------------------

grant insert (expression, timezone, catch_up, overlap, input) on public.pipeline_triggers to authenticated;
grant update (expression, timezone, catch_up, overlap, input) on public.pipeline_triggers to authenticated;
grant select on public.trigger_firings to authenticated;
grant execute on function private.has_unfinished_run, private.schedules_due, private.cancel_earlier_runs,
  private.start_scheduled_run to service_role;
grant execute on function public.claim_schedules, public.fire_schedule, public.start_queued_firings,
  public.switch_off_trigger to service_role;
