-- Dagster (domain pipelines): runs of pipelines whose executor is dagster.
--
-- Dagster says when a step's turn is; what a step does, and that it does it once, stays the engine's
-- matter here. A step of such a run waits for one parent more than it has: for the op that calls back.
-- So it is never ready, no worker of ours claims it, and the queue's indexes know nothing of Dagster.
--
-- Security definer functions: none. private.start_run and private.retry_run, which are, hand runs over.

-- Tables --------------------------------------------------------------------------------------

create function private.is_dagster_address(url text) returns boolean
language sql immutable set search_path = '' as $$
  select url ~ '^https?://[^\s/?#@\\]+(/[^\s?#\\]*)?$' and char_length(url) <= 2000
$$;
comment on function private.is_dagster_address is 'Whether it could be where a Dagster webserver answers: http or https, no credentials, no query.';

alter table public.pipelines add constraint dagster_address_is_one check (
  not dagster_pipeline_config ? 'url' or coalesce(jsonb_typeof(dagster_pipeline_config -> 'url') = 'string'
    and private.is_dagster_address(dagster_pipeline_config ->> 'url'), false));

create table public.dagster_access (
  id uuid primary key default gen_random_uuid(),
  is_active boolean not null default true,
  url text not null constraint dagster_address_is_one check (private.is_dagster_address(url)),
  location text not null default 'edgeloom' check (char_length(location) between 1 and 255),
  repository text not null default '__repository__' check (char_length(repository) between 1 and 255),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.dagster_access is 'The Dagster of this deployment, for all pipelines that name none of their own.';
comment on column public.dagster_access.is_active is 'One that is switched off counts for nothing; at most one is not.';
create unique index dagster_access_active_idx on public.dagster_access (is_active) where is_active;
comment on column public.dagster_access.location is 'The code location that runs definitions.py.';

create table public.dagster_jobs (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  pipeline_id uuid not null,
  name text not null unique check (name ~ '^pipeline_[0-9a-f]{32}_[0-9a-f]{16}$'),
  definition jsonb not null,
  last_used_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (pipeline_id, organization_id) references public.pipelines (id, organization_id) on delete cascade
);
comment on table public.dagster_jobs is 'What the code location is made of: a static job for each pinned version of a pipeline.';
comment on column public.dagster_jobs.name is 'pipeline_<id>_<hash of all that is pinned>: the same versions are the same job.';
comment on column public.dagster_jobs.definition is '{name, ops: [{op, block_id, name, kind, image, after, max_attempts, timeout_seconds}]}.';
create index dagster_jobs_organization_idx on public.dagster_jobs (organization_id, last_used_at desc);
create index dagster_jobs_pipeline_idx on public.dagster_jobs (pipeline_id, organization_id);
create index dagster_jobs_used_idx on public.dagster_jobs (last_used_at desc);

create table public.dagster_runs (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  run_id uuid not null unique references public.pipeline_runs (id) on delete cascade,
  job_id uuid not null references public.dagster_jobs (id) on delete cascade,
  config jsonb not null default '{}',
  parent_external_id text,
  launches integer not null default 0,
  launched_at timestamptz,
  terminated_at timestamptz,
  dagster_status text,
  cursor text,
  logged_events integer not null default 0,
  poll integer not null default 0,
  report_id uuid,
  next_poll_at timestamptz not null default clock_timestamp(),
  waiting_since timestamptz,
  waiting_code text,
  waiting_code_since timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 70);
comment on table public.dagster_runs is 'How far a run has been followed on Dagster. Written by the engine alone.';
comment on column public.dagster_runs.config is 'The pipeline''s dagster_pipeline_config at start.';
comment on column public.dagster_runs.parent_external_id is 'The run on Dagster that this one goes on from.';
comment on column public.dagster_runs.launches is 'Launches sent, answered or not: after the first one, Dagster is asked whether it has the run before another is sent.';
comment on column public.dagster_runs.cursor is 'Events up to here have been taken over.';
comment on column public.dagster_runs.logged_events is 'Of Dagster''s own events, those that were taken over, kept or not.';
comment on column public.dagster_runs.poll is 'Counts claims and cancels; it fences late writers.';
comment on column public.dagster_runs.report_id is 'The latest report that was taken: one that comes again, because its answer was lost, changes nothing.';
comment on column public.dagster_runs.next_poll_at is 'When it is looked at next; of one that is claimed, the end of the lease.';
comment on column public.dagster_runs.waiting_since is 'Since when Dagster does not answer as it should.';
comment on column public.dagster_runs.waiting_code is 'In what way it does not.';
create index dagster_runs_due_idx on public.dagster_runs (next_poll_at) where ended_at is null;
create index dagster_runs_organization_idx on public.dagster_runs (organization_id, run_id);
create index dagster_runs_job_idx on public.dagster_runs (job_id);

-- Starting ------------------------------------------------------------------------------------

create function private.dagster_is_configured(config jsonb) returns boolean
language sql stable set search_path = '' as $$
  select config ? 'url' or exists (select from public.dagster_access a where a.is_active)
$$;
comment on function private.dagster_is_configured is 'Whether a pipeline of this dagster_pipeline_config has a Dagster to run on.';

create function public.connect_dagster(url text, location text, repository text) returns public.dagster_access
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  access public.dagster_access;
begin
  -- Two at once are one after the other.
  perform pg_advisory_xact_lock(hashtextextended('public.connect_dagster', 0));
  update public.dagster_access a set url = url, location = location, repository = repository
  where a.is_active returning * into access;
  if not found then
    insert into public.dagster_access (url, location, repository) values (url, location, repository) returning * into access;
  end if;
  return access;
end $$;
comment on function public.connect_dagster is 'Names the deployment''s Dagster, in place of the one before.';

create function private.dagster_op_name(block_name text, block_id uuid) returns text
language sql immutable set search_path = '' as $$
  -- An op's name is a word of Python's; the id keeps apart what the words do not.
  select 'op_' || left(regexp_replace(lower(block_name), '[^a-z0-9]+', '_', 'g'), 40) || '_' || replace(block_id::text, '-', '')
$$;
comment on function private.dagster_op_name is 'What the op of a block is called.';

create function private.dagster_ops(run public.pipeline_runs) returns jsonb
language sql stable set search_path = '' as $$
  with block as (
    select b.*, private.dagster_op_name(b.name, b.block_id) as op
    from jsonb_to_recordset(run.definition -> 'blocks')
      b (block_id uuid, name text, spec jsonb, max_attempts integer, timeout_seconds integer)
  )
  select jsonb_agg(jsonb_build_object('op', b.op, 'block_id', b.block_id, 'name', b.name, 'kind', b.spec ->> 'kind',
    'max_attempts', b.max_attempts, 'timeout_seconds', b.timeout_seconds,
    'after', coalesce((
      select jsonb_agg(distinct s.op) from jsonb_to_recordset(run.definition -> 'edges') e (source_block_id uuid, target_block_id uuid)
      join block s on s.block_id = e.source_block_id where e.target_block_id = b.block_id), '[]'),
    'image', (
      select rtrim(regexp_replace(i.registry_url, '^https?://', ''), '/') || '/' || i.name || coalesce('@' || i.digest, ':' || i.image_tag)
      from public.docker_images i
      where i.block_id = b.block_id and i.organization_id = run.organization_id and i.build_status = 'success'
      order by i.last_built_at desc nulls last, i.id limit 1)) order by b.op)
  from block b
$$;
comment on function private.dagster_ops is
  'A run''s blocks as ops, each with the newest image of its block that was built; null where there is none.';

create function private.hand_to_dagster(run public.pipeline_runs, config jsonb, source_run_id uuid default null) returns void
language plpgsql set search_path = '' as $$
declare
  ops jsonb;
  job_id uuid;
begin
  -- A run that goes on from another one is of the same job, whatever image was built since.
  update public.dagster_jobs j set last_used_at = clock_timestamp()
  where j.id = (select d.job_id from public.dagster_runs d where d.run_id = source_run_id) returning j.id into job_id;
  if job_id is null then
    ops := private.dagster_ops(run);
    insert into public.dagster_jobs (organization_id, pipeline_id, name, definition)
    values (run.organization_id, run.pipeline_id,
      format('pipeline_%s_%s', replace(run.pipeline_id::text, '-', ''), left(encode(sha256(convert_to(
        (run.definition - '{revision,name,executor}'::text[] || jsonb_build_object('ops', ops))::text, 'UTF8')), 'hex'), 16)),
      jsonb_build_object('name', run.definition -> 'name', 'ops', ops))
    on conflict (name) do update set last_used_at = excluded.last_used_at
    returning id into job_id;
  end if;
  insert into public.dagster_runs (organization_id, run_id, job_id, config, parent_external_id)
  values (run.organization_id, run.id, job_id, config,
    -- A run's id means nothing to another Dagster, or another run: who names one could name a stranger's.
    (select r.external_id from public.pipeline_runs r join public.dagster_runs d on d.run_id = r.id
      where r.id = source_run_id and d.config ->> 'url' is not distinct from hand_to_dagster.config ->> 'url'));
  update public.run_steps s set pending_parents = s.pending_parents + 1, status = 'blocked'
  where s.run_id = run.id and s.status in ('ready', 'blocked');
end $$;
comment on function private.hand_to_dagster is
  'Makes a run that was just laid out one of Dagster''s: its job is in the snapshot, and its steps wait for their ops.';

create function private.is_on_dagster(run_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.dagster_runs d where d.run_id = is_on_dagster.run_id and d.ended_at is null and d.launches > 0)
$$;
comment on function private.is_on_dagster is 'Whether Dagster may still be at a run: it does not end here before it has ended there.';

create function public.list_dagster_jobs(of_deployment boolean, since timestamptz, max_jobs integer, max_each integer)
returns setof public.dagster_jobs language sql stable set search_path = '' as $$
  with known as (
    select j.id, j.organization_id, j.last_used_at, bool_or(d.ended_at is null) as is_under_way
    from public.dagster_jobs j join public.dagster_runs d on d.job_id = j.id
    where not (of_deployment and d.config ? 'url') group by j.id
  ), placed as (
    select k.*, row_number() over (partition by k.organization_id order by k.is_under_way desc, k.last_used_at desc, k.id) as place
    from known k where k.last_used_at >= since or k.is_under_way
  )
  select j.* from placed p join public.dagster_jobs j on j.id = p.id
  where p.place <= max_each or p.is_under_way order by p.place, p.last_used_at desc limit max_jobs
$$;
comment on function public.list_dagster_jobs is
  'Jobs of a code location; of_deployment: only those with runs on the deployment''s Dagster. An organization has max_each, and what is under way. Each one''s first come first, so that none crowds out the others.';

-- Executing -----------------------------------------------------------------------------------

create function private.dagster_step_state(step_id uuid) returns jsonb
language sql volatile set search_path = '' as $$
  select jsonb_build_object('step_id', s.id, 'organization_id', s.organization_id, 'attempt', s.attempt, 'worker_id', s.worker_id,
    'error', s.error, 'retry_after_seconds',
    case when s.status = 'running' then 2 else greatest(ceil(extract(epoch from s.run_at - clock_timestamp())), 0) end,
    'status', case
      when s.status in ('succeeded', 'failed', 'skipped', 'canceled', 'running') then s.status::text
      when r.status = 'canceling' or r.finished_at is not null then 'canceled'
      when s.run_at <= clock_timestamp() then 'ready'
      when s.error is not null then 'retrying'
      else 'waiting' end)
  from public.run_steps s join public.pipeline_runs r on r.id = s.run_id where s.id = dagster_step_state.step_id
$$;
comment on function private.dagster_step_state is 'What an op is told of its step.';

create function private.lock_dagster_run(run_id uuid) returns void
language sql volatile set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended('private.lock_dagster_run ' || run_id, 0))
$$;
comment on function private.lock_dagster_run is
  'Who begins steps of a run on Dagster and who ends them do it one after the other. It comes before all locks on rows, whose order is everywhere: steps in work, by id; the run; its other steps; dagster_runs; the pipeline.';

create function private.adopt_dagster_run(run_id uuid, external_id text) returns public.pipeline_runs
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  run public.pipeline_runs;
begin
  update public.pipeline_runs r set external_id = adopt_dagster_run.external_id
  where r.id = run_id and r.external_id is null and r.finished_at is null returning * into run;
  if found then
    insert into public.run_events (organization_id, run_id, event_type, message, data)
    values (run.organization_id, run.id, 'run.launched', format('Dagster has it as run %s', external_id),
      jsonb_build_object('external_id', external_id));
    return run;
  end if;
  select * into run from public.pipeline_runs r where r.id = run_id;
  return run;
end $$;
comment on function private.adopt_dagster_run is
  'The first run on Dagster that is heard of is the one: by the answer to its launch, by its tag, or by its ops.';

create function public.begin_dagster_step(
  run_id uuid, block_id uuid, external_id text, worker_id uuid default null, lease_seconds integer default 60,
  organization_id uuid default null
) returns jsonb language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  run public.pipeline_runs;
  step public.run_steps;
  lane uuid;
  claimed uuid[];
begin
  if not exists (select from public.pipeline_runs r where r.id = run_id and r.executor = 'dagster'
    and (organization_id is null or r.organization_id = organization_id)) then
    perform private.raise_error(404, 'not_found', format('No run on Dagster with id %s', run_id));
  end if;
  if worker_id is not null then
    perform private.lock_dagster_run(run_id);
    -- A cancel that comes now is seen, or sees the step in work.
    perform 1 from public.pipeline_runs r where r.id = run_id for no key update;
  end if;
  if organization_id is null then
    run := private.adopt_dagster_run(run_id, external_id);
  else
    -- A tenant could name anyone's run on the deployment's Dagster: what it is called, Dagster says.
    select * into run from public.pipeline_runs r where r.id = run_id;
    if run.external_id is null and run.finished_at is null then
      select * into step from public.run_steps s where s.run_id = run.id and s.block_id = begin_dagster_step.block_id;
      if found then
        return private.dagster_step_state(step.id) || '{"status": "waiting", "retry_after_seconds": 2}';
      end if;
    end if;
  end if;
  if run.external_id is distinct from external_id then
    perform private.raise_error(409, 'conflict', case when run.finished_at is not null
      then 'The run has ended. To try it again, POST /pipelines/runs/{id}/retry: its copy on Dagster alone does nothing'
      else format('The run is worked off by the run %s of Dagster: this one is a copy', run.external_id) end);
  end if;
  -- A step in work may be held by who ends it, and waits for the run. One that is to do is begun by nobody else.
  select * into step from public.run_steps s where s.run_id = run.id and s.block_id = begin_dagster_step.block_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('The run has no step of block %s', block_id));
  elsif worker_id is not null and step.status = 'blocked' and run.status in ('queued', 'running') then
    if step.pending_parents > 1 then
      perform private.raise_error(409, 'conflict', 'The steps before it have not succeeded');
    end if;
    lane := private.lane_of(run.pipeline_id);
    if step.run_at <= clock_timestamp() then
      if lane is not null and (private.lock_lanes(array[lane]) = '{}' or exists (
        select from private.free_slots(array[lane]) f where least(f.in_lane, f.in_organization) <= 0)) then
        return private.dagster_step_state(step.id) || '{"status": "waiting", "retry_after_seconds": 2}';
      end if;
      insert into public.workers (id, heartbeat_at, lease_seconds) values (worker_id, clock_timestamp(), lease_seconds)
      on conflict (id) do update set heartbeat_at = excluded.heartbeat_at;
      -- Ready for no longer than this transaction: nobody else sees it so.
      update public.run_steps s set status = 'ready', lane = lane where s.id = step.id;
      claimed := private.take_steps(worker_id, array[step.id]);
      if not step.cache or private.reuse_outputs(claimed) = '{}' then
        return private.dagster_step_state(step.id) || jsonb_build_object('status', 'begun',
          'claim', private.describe_steps(claimed));
      end if;
    end if;
  end if;
  if not exists (select from public.run_steps s where s.run_id = run.id and s.status in ('blocked', 'ready', 'running')) then
    -- All is done here: Dagster is about to say so.
    update public.dagster_runs d set next_poll_at = clock_timestamp() + interval '1 second'
    where d.run_id = run.id and d.ended_at is null and d.next_poll_at > clock_timestamp() + interval '1 second';
  end if;
  return private.dagster_step_state(step.id);
end $$;
comment on function public.begin_dagster_step is
  'Claims a step for the op that is at its turn, if it is still to do: status begun, with all that executing it needs. Otherwise, and without a worker, tells how it stands. Any number of calls is one execution.';

-- Following -----------------------------------------------------------------------------------

create function public.claim_dagster_runs(max_runs integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed uuid[];
begin
  with mine as (
    update public.dagster_runs d set poll = d.poll + 1, next_poll_at = clock_timestamp() + interval '60 seconds'
    where d.id = any (array(
      select e.id from public.dagster_runs e where e.ended_at is null and e.next_poll_at <= clock_timestamp()
      order by e.next_poll_at limit max_runs for update skip locked))
    returning d.id
  )
  select coalesce(array_agg(m.id), '{}') into claimed from mine m;
  -- Canceled before it was launched: there is nothing to follow.
  update public.dagster_runs d set ended_at = clock_timestamp()
  from public.pipeline_runs r where r.id = d.run_id and d.id = any (claimed) and r.finished_at is not null;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'run_id', r.id, 'poll', d.poll, 'is_canceling', r.status = 'canceling', 'external_id', r.external_id,
      'config', d.config, 'job', j.name, 'parent_external_id', d.parent_external_id, 'launches', d.launches,
      'seconds_since_launch', extract(epoch from clock_timestamp() - d.launched_at),
      'seconds_since_termination', extract(epoch from clock_timestamp() - d.terminated_at),
      'age_seconds', extract(epoch from clock_timestamp() - r.created_at), 'cursor', d.cursor,
      'deployment', (select jsonb_build_object('url', a.url, 'location', a.location, 'repository', a.repository) from public.dagster_access a where a.is_active),
      -- Null where all of the job's ops are to run, as nearly always.
      'ops', case when exists (select from public.run_steps s where s.run_id = r.id and s.status = 'succeeded')
          or r.from_block_id is not null
        then (select jsonb_agg(private.dagster_op_name(s.name, s.block_id) order by s.id)
          from public.run_steps s where s.run_id = r.id and s.status not in ('succeeded', 'canceled')) end)), '[]')
    from public.dagster_runs d
    join public.pipeline_runs r on r.id = d.run_id
    join public.dagster_jobs j on j.id = d.job_id
    where d.id = any (claimed) and d.ended_at is null);
end $$;
comment on function public.claim_dagster_runs is
  'Takes runs whose turn it is to be looked at on Dagster. Who does not report within a minute has lost the claim.';

create function private.end_dagster_run(run_id uuid, outcome text, error jsonb) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  run public.pipeline_runs;
  step public.run_steps;
  unfinished constant uuid[] := array(
    select s.id from public.run_steps s where s.run_id = end_dagster_run.run_id and s.status in ('blocked', 'ready', 'running')
    order by s.id for no key update);
  failed uuid[] := '{}';
begin
  select * into run from public.pipeline_runs r where r.id = run_id;
  update public.dagster_runs d set ended_at = clock_timestamp(), waiting_since = null where d.run_id = run.id and d.ended_at is null;
  if run.finished_at is not null then
    return;
  elsif outcome = 'canceled' and run.status <> 'canceling' then
    update public.pipeline_runs r set status = 'canceling' where r.id = run.id;
    insert into public.run_events (organization_id, run_id, event_type, message)
    values (run.organization_id, run.id, 'run.canceling', 'Canceled at Dagster');
  end if;
  if outcome = 'canceled' or run.status = 'canceling' then
    perform private.cancel_attempts(unfinished);
  else
    -- What was in work, or next, is where it ended; what comes after that is skipped.
    for step in select * from public.run_steps s where s.id = any (unfinished) and (s.status = 'running' or s.pending_parents <= 1) order by s.id
    loop
      perform private.fail_attempt(step, error, false, null);
      failed := failed || step.id;
    end loop;
    perform private.skip_descendants(failed);
  end if;
  perform private.settle_runs(array[run.id]);
end $$;
comment on function private.end_dagster_run is
  'Dagster is done with a run, and what is not done by now never will be. outcome: canceled, or else error says why steps are left. The run and its steps in work are locked.';

create function private.fail_dagster_ops(run_id uuid, failures jsonb) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  held constant uuid[] := array(
    select s.id from public.run_steps s
    join jsonb_to_recordset(failures) f (op text) on f.op = private.dagster_op_name(s.name, s.block_id)
    where s.run_id = fail_dagster_ops.run_id and (s.status = 'running' or s.status = 'blocked' and s.pending_parents <= 1)
    order by s.id for no key update of s);
  step public.run_steps;
  failed uuid[];
begin
  failed := private.lock_runs(held);
  for step in select * from public.run_steps s where s.id = any (failed) order by s.id loop
    perform private.fail_attempt(step, (
      select jsonb_build_object('code', 'dagster_op_failed', 'message', min(f.message))
      from jsonb_to_recordset(failures) f (op text, message text) where f.op = private.dagster_op_name(step.name, step.block_id)), false, null);
  end loop;
  perform private.advance_runs('{}', failed, array[run_id]);
end $$;
comment on function private.fail_dagster_ops is
  'Steps whose ops have failed for good without an outcome here: the op''s process died, or could not call back. The run and its steps in work are locked.';

create function private.log_dagster_events(run_id uuid, events jsonb) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  most constant integer := 10000;
  before integer;
begin
  if events = '[]' then
    return;
  end if;
  update public.dagster_runs d set logged_events = d.logged_events + jsonb_array_length(events)
  where d.run_id = log_dagster_events.run_id returning d.logged_events - jsonb_array_length(events) into before;
  insert into public.run_events (organization_id, run_id, step_id, event_type, message, data)
  select r.organization_id, r.id, s.id, case when s.id is null then 'run.log' else 'step.log' end, e.message,
    e.data || case when s.id is null then '{}' else jsonb_build_object('block_id', s.block_id, 'name', s.name, 'attempt', s.attempt) end
  from public.pipeline_runs r
  cross join rows from (jsonb_to_recordset(events) as (op text, message text, data jsonb)) with ordinality e (op, message, data, place)
  left join public.run_steps s on s.run_id = r.id and private.dagster_op_name(s.name, s.block_id) = e.op
  where r.id = log_dagster_events.run_id and e.place <= most - before order by e.place;
  if before <= most and before + jsonb_array_length(events) > most then
    insert into public.run_events (organization_id, run_id, event_type, message, data)
    select r.organization_id, r.id, 'run.log', format('The log is cut here: %s events of Dagster''s are kept, the rest is there', most), '{"source": "dagster"}'
    from public.pipeline_runs r where r.id = log_dagster_events.run_id;
  end if;
end $$;
comment on function private.log_dagster_events is
  'Dagster''s own log lines and transitions, as events of the run: 10,000 of them, and that there were more.';

create function private.await_dagster(link public.dagster_runs, reason jsonb, patience_seconds integer) returns void
language plpgsql set search_path = '' as $$
begin
  if link.waiting_since + interval '3 days' < clock_timestamp()
    or (link.waiting_code = reason ->> 'code' and link.waiting_code_since + make_interval(secs => patience_seconds) < clock_timestamp()) then
    perform private.end_dagster_run(link.run_id, 'failed', reason);
    return;
  end if;
  update public.dagster_runs d set waiting_since = coalesce(d.waiting_since, clock_timestamp()), waiting_code = reason ->> 'code',
    waiting_code_since = case when d.waiting_code = reason ->> 'code' then d.waiting_code_since else clock_timestamp() end,
    next_poll_at = clock_timestamp() + make_interval(secs => least(greatest(
      extract(epoch from clock_timestamp() - coalesce(d.waiting_since, clock_timestamp())) / 4, 2), 30)::double precision)
  where d.id = link.id;
  if link.waiting_code is distinct from reason ->> 'code' then
    update public.pipeline_runs r set error = reason where r.id = link.run_id and r.finished_at is null;
    insert into public.run_events (organization_id, run_id, event_type, message, data)
    values (link.organization_id, link.run_id, 'run.waiting', reason ->> 'message', jsonb_build_object('error', reason));
  end if;
end $$;
comment on function private.await_dagster is
  'Dagster did not answer as it should: the run says why, once, and is looked at again ever more rarely; past all patience it fails.';

create function private.is_cancel_overdue(run_id uuid) returns boolean
language sql volatile set search_path = '' as $$
  select exists (select from public.pipeline_runs r where r.id = is_cancel_overdue.run_id and r.status = 'canceling'
    and not exists (select from public.run_steps s where s.run_id = r.id and s.status in ('blocked', 'ready', 'running'))
    and exists (select from public.run_events e where e.organization_id = r.organization_id and e.run_id = r.id and e.event_type = 'run.canceling'
      and e.created_at < clock_timestamp() - interval '2 minutes'))
$$;
comment on function private.is_cancel_overdue is
  'Whether a canceled run, with nothing of it left to do here, has waited long enough for Dagster to say that it ended there.';

create function public.record_dagster_run(run_id uuid, poll integer, report jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  link public.dagster_runs;
  run public.pipeline_runs;
begin
  if report ?| '{waiting,failures,outcome}' then
    -- It may end steps: those in work are locked before the run, as by their workers. None is begun meanwhile.
    perform private.lock_dagster_run(run_id);
    perform 1 from public.run_steps s where s.run_id = record_dagster_run.run_id and s.status = 'running' order by s.id for no key update;
  end if;
  select * into run from public.pipeline_runs r where r.id = run_id and r.finished_at is null for no key update;
  select * into link from public.dagster_runs d
  where d.run_id = record_dagster_run.run_id and d.poll = record_dagster_run.poll and d.ended_at is null for no key update;
  if link.id is null or run.id is null then
    return '{"accepted": false}';
  elsif link.report_id = (report ->> 'id')::uuid then
    return '{"accepted": true}';
  end if;
  update public.dagster_runs d set report_id = (report ->> 'id')::uuid where d.id = link.id;
  if report ? 'waiting' and private.is_cancel_overdue(run_id) then
    perform private.end_dagster_run(run_id, 'canceled', null);
    return '{"accepted": true}';
  elsif report ? 'waiting' then
    perform private.await_dagster(link, report -> 'waiting', (report ->> 'patience_seconds')::integer);
    return '{"accepted": true}';
  end if;
  if link.waiting_since is not null then
    update public.pipeline_runs r set error = null where r.id = run_id;
    insert into public.run_events (organization_id, run_id, event_type, message)
    values (run.organization_id, run.id, 'run.resumed', 'Dagster answers again');
  end if;
  perform private.log_dagster_events(run_id, coalesce(report -> 'events', '[]'));
  if report ? 'failures' then
    perform private.fail_dagster_ops(run_id, report -> 'failures');
  end if;
  if report ? 'external_id' then
    perform private.adopt_dagster_run(run_id, report ->> 'external_id');
  end if;
  if report ->> 'dagster_status' = 'STARTED' and run.status = 'queued' then
    update public.pipeline_runs r set status = 'running', started_at = clock_timestamp() where r.id = run_id and r.status = 'queued';
    if found then
      insert into public.run_events (organization_id, run_id, event_type) values (run.organization_id, run.id, 'run.started');
    end if;
  end if;
  update public.dagster_runs d set waiting_since = null, waiting_code = null, waiting_code_since = null,
    cursor = coalesce(report ->> 'cursor', d.cursor),
    dagster_status = coalesce(report ->> 'dagster_status', d.dagster_status),
    launches = d.launches + case when report ? 'launching' then 1 else 0 end,
    launched_at = case when report ? 'launching' then clock_timestamp() else d.launched_at end,
    terminated_at = case when report ? 'terminated' then clock_timestamp() else d.terminated_at end,
    next_poll_at = clock_timestamp() + make_interval(secs => coalesce((report ->> 'next_poll_seconds')::double precision, 60))
  where d.id = link.id;
  if report ? 'outcome' then
    perform private.end_dagster_run(run_id, report ->> 'outcome', report -> 'error');
  elsif private.is_cancel_overdue(run_id) then
    perform private.end_dagster_run(run_id, 'canceled', null);
  end if;
  return '{"accepted": true}';
end $$;
comment on function public.record_dagster_run is
  'What a look at Dagster brought, all of it or nothing: {id, waiting, patience_seconds}, or id and any of launching, external_id, dagster_status, events, cursor, failures, terminated, outcome with error, next_poll_seconds. Ignored from who lost the claim, by its lease or by a cancel. Again, with the same id, it changes nothing.';

create function private.dagster_due() returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.dagster_runs d where d.ended_at is null and d.next_poll_at <= now())
$$;
comment on function private.dagster_due is 'Whether a run wants to be looked at on Dagster.';

create function private.prune_dagster_jobs() returns void
language sql set search_path = '' as $$
  delete from public.dagster_jobs j
  where j.last_used_at < now() - interval '90 days'
    and not exists (select from public.dagster_runs d where d.job_id = j.id and d.ended_at is null)
$$;
comment on function private.prune_dagster_jobs is
  'Forgets jobs that no run was started of for 90 days, as the snapshot does, and how their runs were followed. Those that are under way keep theirs.';
select private.schedule_job('dagster-jobs', interval '1 day', 'select private.prune_dagster_jobs()');

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('dagster_access');
select private.guard_table('dagster_jobs', '{organization_id,pipeline_id,name,definition}');
select private.guard_table('dagster_runs', '{organization_id,run_id,job_id,config}');

create function private.hurry_dagster() returns trigger
language plpgsql set search_path = '' as $$
begin
  update public.dagster_runs d set next_poll_at = least(d.next_poll_at, clock_timestamp()), poll = d.poll + 1
  where d.run_id = new.id and d.ended_at is null;
  return null;
end $$;
comment on function private.hurry_dagster is
  'A cancel is told to Dagster at once. Who is at the run right now, and has not seen it, loses the claim.';
create trigger hurry_dagster after update of status on public.pipeline_runs
  for each row when (new.executor = 'dagster' and new.status = 'canceling') execute function private.hurry_dagster();

-- RLS -----------------------------------------------------------------------------------------

create policy "No client sees the deployment's Dagster" on public.dagster_access for select to authenticated using (false);
select private.tenant_policies('dagster_jobs', 'member');
select private.tenant_policies('dagster_runs', 'member');

-- Grants --------------------------------------------------------------------------------------

grant select on public.dagster_jobs, public.dagster_runs to authenticated;
grant execute on function private.is_dagster_address to authenticated, service_role;
grant execute on function private.dagster_op_name, private.dagster_step_state, private.lock_dagster_run, private.adopt_dagster_run, private.end_dagster_run,
  private.fail_dagster_ops, private.log_dagster_events, private.await_dagster, private.is_cancel_overdue, private.is_on_dagster, private.dagster_due
  to service_role;
grant execute on function public.list_dagster_jobs to authenticated, service_role;
grant execute on function public.connect_dagster, public.begin_dagster_step, public.claim_dagster_runs, public.record_dagster_run to service_role;
