-- Runs (domain pipelines): a run pins every version, and is worked off as steps.
--
-- The step row is the truth; every wake-up is a hint. A worker claims ready steps, and each write of
-- it is fenced by (step, attempt, worker): whoever lost the lease changes nothing. Completing steps
-- is one transaction: outputs, children's counters, newly ready steps, run state, events.
--
-- Security definer functions, and why they must be:
--   private.start_run   clients may not write runs or steps: a forged run would be a forged result
-- The worker's commands are invoker functions that only service_role may execute.

-- Tables --------------------------------------------------------------------------------------

create type public.run_status as enum ('queued', 'running', 'succeeded', 'failed', 'canceling', 'canceled');
create type public.run_trigger as enum ('manual', 'webhook', 'cron', 'retry');
create type public.step_status as enum
  ('blocked', 'ready', 'running', 'succeeded', 'failed', 'skipped', 'canceled');

create table public.pipeline_runs (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  pipeline_id uuid not null,
  status public.run_status not null default 'queued',
  trigger public.run_trigger not null default 'manual',
  trigger_id uuid,
  input jsonb,
  output jsonb,
  error jsonb,
  definition jsonb not null,
  idempotency_key text check (char_length(idempotency_key) <= 255),
  parent_run_id uuid references public.pipeline_runs (id) on delete set null,
  executor public.pipeline_executor not null default 'edge',
  external_id text,
  created_by uuid references auth.users (id) on delete set null,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (pipeline_id, created_by, idempotency_key),
  foreign key (pipeline_id, organization_id) references public.pipelines (id, organization_id) on delete cascade,
  constraint finished_at_when_ended
    check ((status in ('succeeded', 'failed', 'canceled')) = (finished_at is not null))
);
comment on table public.pipeline_runs is 'One execution of a pipeline. Written by the engine alone.';
comment on column public.pipeline_runs.definition is 'The pipeline with every version pinned at start.';
comment on column public.pipeline_runs.error is '{code, message, block} of the step that failed first.';
comment on column public.pipeline_runs.created_by is 'Steps act as this user, under RLS.';
create index pipeline_runs_organization_idx on public.pipeline_runs (organization_id, created_at desc, id desc);
create index pipeline_runs_pipeline_idx on public.pipeline_runs (pipeline_id, organization_id, created_at desc, id desc);
create index pipeline_runs_parent_idx on public.pipeline_runs (parent_run_id);
create index pipeline_runs_created_by_idx on public.pipeline_runs (created_by);

create table public.workers (
  id uuid primary key,
  heartbeat_at timestamptz not null,
  lease_seconds integer not null default 60 check (lease_seconds between 5 and 600),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table public.workers is
  'Leases: a worker whose heartbeat is older than its lease has lost its steps. No index but the key, so that beats stay HOT.';

create table public.run_steps (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  run_id uuid not null references public.pipeline_runs (id) on delete cascade,
  block_id uuid references public.blocks (id) on delete set null,
  block_version_id uuid references public.block_versions (id) on delete set null,
  name text not null,
  status public.step_status not null,
  incoming jsonb not null default '[]',
  child_ids uuid[] not null default '{}',
  pending_parents integer not null default 0,
  priority smallint not null default 0,
  attempt integer not null default 0,
  max_attempts integer not null default 3,
  timeout_seconds integer not null default 60,
  run_at timestamptz not null default now(),
  worker_id uuid,
  output jsonb,
  output_path text,
  error jsonb,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (run_id, block_id)
) with (fillfactor = 70);
comment on table public.run_steps is 'A run''s blocks to execute: the queue and its history in one.';
comment on column public.run_steps.name is 'The block''s name at start.';
comment on column public.run_steps.incoming is '[{source_step_id, source_name, edge_id, edge_version_id}] in graph order.';
comment on column public.run_steps.child_ids is 'Steps that wait for this one.';
comment on column public.run_steps.pending_parents is 'Parents not yet succeeded; ready at zero.';
comment on column public.run_steps.attempt is 'Counts claims; together with worker_id it fences late writers.';
comment on column public.run_steps.run_at is 'Not claimed before; moved ahead by a retry''s backoff.';
comment on column public.run_steps.output_path is 'Object in the bucket artifacts that holds an output over 256 KiB.';
create index run_steps_ready_idx on public.run_steps (priority desc, run_at, id) where status = 'ready';
create index run_steps_running_idx on public.run_steps (worker_id) where status = 'running';
create index run_steps_organization_idx on public.run_steps (organization_id, run_id);
create index run_steps_block_idx on public.run_steps (block_id);
create index run_steps_block_version_idx on public.run_steps (block_version_id);

create table public.run_events (
  transaction_id xid8 not null default pg_current_xact_id(),
  sequence bigint not null generated always as identity,
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  run_id uuid not null references public.pipeline_runs (id) on delete cascade,
  step_id uuid references public.run_steps (id) on delete cascade,
  event_type text not null check (event_type ~ '^(run|step)\.[a-z]+$'),
  message text not null default '',
  data jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now()
);
comment on table public.run_events is 'Transitions and log lines of a run, in order. Append-only.';
comment on column public.run_events.transaction_id is
  'First half of the order: a reader that stops before the oldest open transaction never misses a late commit.';
create index run_events_run_idx on public.run_events (run_id, transaction_id, sequence);
create index run_events_organization_idx on public.run_events (organization_id, run_id);
create index run_events_step_idx on public.run_events (step_id);

-- Starting ------------------------------------------------------------------------------------

create function private.check_startable(pipeline public.pipelines) returns void
language plpgsql set search_path = '' as $$
declare
  culprit text;
begin
  if pipeline.status <> 'active' then
    perform private.raise_error(409, 'pipeline_not_active', format('The pipeline is %s: only an active one runs', pipeline.status));
  elsif not exists (select 1 from public.pipeline_blocks pb where pb.pipeline_id = pipeline.id) then
    perform private.raise_error(409, 'pipeline_empty', 'The pipeline has no blocks');
  elsif pipeline.executor <> 'edge' then
    perform private.raise_error(409, 'executor_not_configured',
      format('No %s is connected to this project: set the executor to edge', pipeline.executor));
  end if;
  select b.name into culprit
  from public.pipeline_blocks pb join public.blocks b on b.id = pb.block_id
  where pb.pipeline_id = pipeline.id and b.current_version_id is null limit 1;
  if found then
    perform private.raise_error(409, 'block_without_version', format('Block %s has no version yet', culprit));
  end if;
  select e.name into culprit
  from public.pipeline_edges pe join public.edges e on e.id = pe.edge_id
  where pe.pipeline_id = pipeline.id and 'passed' is distinct from (
    select v.verification_status from public.edge_verifications v
    where v.edge_version_id = e.current_version_id and v.verification_status <> 'pending'
    order by v.verified_at desc limit 1)
  limit 1;
  if found then
    perform private.raise_error(409, 'edge_not_verified',
      format('The current version of edge %s has not passed its verification', culprit));
  end if;
  select b.name into culprit
  from public.pipeline_edges pe
  join public.blocks b on b.id = pe.target_block_id
  join public.block_versions v on v.id = b.current_version_id
  where pe.pipeline_id = pipeline.id and b.block_type = 'dataset' and v.spec ->> 'kind' not in ('storage', 'table')
  limit 1;
  if found then
    perform private.raise_error(409, 'block_not_writable',
      format('Dataset %s has an incoming edge, but only storage and table datasets can be written', culprit));
  end if;
end $$;
comment on function private.check_startable is 'What must hold before a run starts; each breach has its own answer.';

create function private.pin_pipeline(pipeline public.pipelines) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'pipeline_id', pipeline.id, 'name', pipeline.name, 'revision', pipeline.revision,
    'executor', pipeline.executor,
    'blocks', (
      select jsonb_agg(jsonb_build_object('block_id', b.id, 'name', b.name, 'block_type', b.block_type,
        'version_id', v.id, 'version_number', v.version_number, 'spec', v.spec) order by b.name)
      from public.pipeline_blocks pb
      join public.blocks b on b.id = pb.block_id
      join public.block_versions v on v.id = b.current_version_id
      where pb.pipeline_id = pipeline.id),
    'edges', coalesce((
      select jsonb_agg(jsonb_build_object('edge_id', e.id, 'name', e.name, 'version_id', v.id,
        'version_number', v.version_number, 'spec', v.spec,
        'source_block_id', pe.source_block_id, 'target_block_id', pe.target_block_id)
        order by pe.created_at, e.name)
      from public.pipeline_edges pe
      join public.edges e on e.id = pe.edge_id
      join public.edge_versions v on v.id = e.current_version_id
      where pe.pipeline_id = pipeline.id), '[]'))
$$;
comment on function private.pin_pipeline is 'The definition that a run keeps: the graph with every version and its spec.';

create function private.plan_steps(run public.pipeline_runs, first_block_id uuid) returns void
language sql set search_path = '' as $$
  with recursive edge as (
    select e.* from jsonb_to_recordset(run.definition -> 'edges')
      e (edge_id uuid, version_id uuid, source_block_id uuid, target_block_id uuid)
  ), reached (block_id) as (
    select b.block_id from jsonb_to_recordset(run.definition -> 'blocks') b (block_id uuid)
    where first_block_id is null or b.block_id = first_block_id
    union
    select e.target_block_id from reached r join edge e on e.source_block_id = r.block_id
  ), step as materialized (
    select gen_random_uuid() as id, b.*
    from jsonb_to_recordset(run.definition -> 'blocks') b (block_id uuid, version_id uuid, name text)
    join reached r on r.block_id = b.block_id
  ), link as materialized (
    select s.id as source_id, s.name as source_name, t.id as target_id, e.edge_id, e.version_id
    from edge e
    join step s on s.block_id = e.source_block_id
    join step t on t.block_id = e.target_block_id
  )
  insert into public.run_steps (id, organization_id, run_id, block_id, block_version_id, name, status,
    incoming, child_ids, pending_parents)
  select s.id, run.organization_id, run.id, s.block_id, s.version_id, s.name,
    case when i.parents is null then 'ready' else 'blocked' end::public.step_status,
    coalesce(i.incoming, '[]'), coalesce(o.child_ids, '{}'), coalesce(i.parents, 0)
  from step s
  left join (
    select l.target_id, count(*) as parents, jsonb_agg(jsonb_build_object('source_step_id', l.source_id,
      'source_name', l.source_name, 'edge_id', l.edge_id, 'edge_version_id', l.version_id)) as incoming
    from link l group by l.target_id
  ) i on i.target_id = s.id
  left join (
    select l.source_id, array_agg(l.target_id) as child_ids from link l group by l.source_id
  ) o on o.source_id = s.id
$$;
comment on function private.plan_steps is
  'Lays out the steps of a run in one statement; from a first block on, if one is named.';

create function private.start_run(
  pipeline_id uuid, input jsonb, trigger public.run_trigger, created_by uuid,
  first_block_id uuid default null, idempotency_key text default null, trigger_id uuid default null
) returns public.pipeline_runs
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  pipeline public.pipelines;
  run public.pipeline_runs;
begin
  -- The lock keeps a PATCH from changing the graph while it is pinned, and a second start with the
  -- same key from slipping past the look below. Not FOR SHARE: two starts would deadlock at the counter.
  select * into pipeline from public.pipelines p where p.id = pipeline_id for no key update;
  select * into run from public.pipeline_runs r
  where r.pipeline_id = pipeline.id and r.created_by = start_run.created_by
    and r.idempotency_key = start_run.idempotency_key;
  if found then
    return run;
  end if;
  perform private.check_startable(pipeline);
  if first_block_id is not null and not exists (
    select 1 from public.pipeline_blocks pb where pb.pipeline_id = pipeline.id and pb.block_id = first_block_id) then
    perform private.raise_error(422, 'validation_failed',
      format('Block %s is not in the pipeline', first_block_id), 'from');
  end if;
  insert into public.pipeline_runs (organization_id, pipeline_id, trigger, trigger_id, input, definition,
    idempotency_key, executor, created_by)
  values (pipeline.organization_id, pipeline.id, trigger, trigger_id, input, private.pin_pipeline(pipeline),
    idempotency_key, pipeline.executor, created_by)
  returning * into run;
  perform private.plan_steps(run, first_block_id);
  insert into public.run_events (organization_id, run_id, event_type, message)
  values (run.organization_id, run.id, 'run.queued', format('Queued by %s', trigger));
  update public.pipelines p set times_run = p.times_run + 1, last_run_at = now() where p.id = pipeline.id;
  return run;
end $$;
comment on function private.start_run is 'A run with its steps. The caller has checked who may.';

create function public.start_run(
  pipeline_id uuid, input jsonb default null, first_block_id uuid default null, idempotency_key text default null
) returns public.pipeline_runs
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  -- As the caller, under RLS: a pipeline of another organization is not there.
  if not exists (select 1 from public.pipelines p where p.id = pipeline_id) then
    perform private.raise_error(404, 'not_found', format('No pipeline with id %s', pipeline_id));
  elsif auth.uid() is null then
    perform private.raise_error(403, 'forbidden', 'A run acts as the user who starts it: sign in as one');
  end if;
  return private.start_run(pipeline_id, input, 'manual', auth.uid(), first_block_id, idempotency_key);
end $$;
comment on function public.start_run is 'Starts a run of an active pipeline whose edges have all passed verification.';

-- Working -------------------------------------------------------------------------------------

create function private.add_event(
  step public.run_steps, event_type text, message text default '', data jsonb default '{}'
) returns void language sql set search_path = '' as $$
  insert into public.run_events (organization_id, run_id, step_id, event_type, message, data)
  values (step.organization_id, step.run_id, step.id, event_type, message,
    jsonb_build_object('block_id', step.block_id, 'name', step.name, 'attempt', step.attempt) || data)
$$;
comment on function private.add_event is 'An event of a step, with what a reader needs to name it.';

create function private.backoff(attempt integer, retry_after_seconds numeric default null) returns interval
language sql volatile set search_path = '' as $$
  -- Exponential with full jitter, so that what failed together does not come back together.
  select make_interval(secs => coalesce(least(retry_after_seconds, 3600), least(2 ^ attempt, 300) * random())::double precision)
$$;
comment on function private.backoff is 'Seconds until the next attempt; what the failing side asked for wins.';

create function private.settle_runs(run_ids uuid[]) returns void
language plpgsql set search_path = '' as $$
declare
  run public.pipeline_runs;
  failed_step public.run_steps;
begin
  -- The run's row is locked before its steps are looked at: of two workers that finish the last two
  -- steps, the second one sees the first one's.
  for run in
    select * from public.pipeline_runs r
    where r.id = any (run_ids) and r.finished_at is null order by r.id for no key update
  loop
    continue when exists (select 1 from public.run_steps s
      where s.run_id = run.id and s.status in ('blocked', 'ready', 'running'));
    select * into failed_step from public.run_steps s
    where s.run_id = run.id and s.status = 'failed' order by s.finished_at, s.id limit 1;
    update public.pipeline_runs r set
      status = case when run.status = 'canceling' then 'canceled' when failed_step.id is null then 'succeeded' else 'failed' end::public.run_status,
      finished_at = clock_timestamp(),
      error = case when failed_step.id is not null
        then failed_step.error || jsonb_build_object('block_id', failed_step.block_id, 'block', failed_step.name) end,
      output = case when failed_step.id is null then (
        select case when count(*) = 1 then (array_agg(s.output))[1] else jsonb_object_agg(s.name, s.output) end
        from public.run_steps s where s.run_id = run.id and s.child_ids = '{}') end
    where r.id = run.id returning * into run;
    insert into public.run_events (organization_id, run_id, event_type, message)
    values (run.organization_id, run.id, 'run.' || run.status, coalesce(run.error ->> 'message', ''));
    update public.pipelines p set average_runtime = (
      select avg(extract(epoch from r.finished_at - r.started_at)) from (
        select * from public.pipeline_runs r where r.pipeline_id = run.pipeline_id and r.finished_at is not null
        order by r.created_at desc limit 100) r)
    where p.id = run.pipeline_id;
  end loop;
end $$;
comment on function private.settle_runs is 'Ends the runs that have nothing left to do.';

create function private.release_children(succeeded uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
  -- Locked in one order, so that two workers with common children don't wait for each other.
  perform 1 from public.run_steps c
  where c.id in (select unnest(s.child_ids) from public.run_steps s where s.id = any (succeeded))
  order by c.id for no key update;
  update public.run_steps c set
    pending_parents = c.pending_parents - done.parents,
    status = case when c.status = 'blocked' and c.pending_parents = done.parents then 'ready' else c.status end,
    run_at = case when c.status = 'blocked' and c.pending_parents = done.parents then now() else c.run_at end
  from (
    select child_id, count(*)::integer as parents
    from public.run_steps s cross join unnest(s.child_ids) child_id
    where s.id = any (succeeded) group by child_id
  ) done
  where c.id = done.child_id;
end $$;
comment on function private.release_children is 'Counts down the children of finished steps; at zero they are ready.';

create function private.skip_descendants(failed uuid[]) returns void
language sql set search_path = '' as $$
  with recursive below (id) as (
    select unnest(s.child_ids) from public.run_steps s where s.id = any (failed)
    union
    select unnest(s.child_ids) from public.run_steps s join below b on b.id = s.id
  ), skipped as (
    update public.run_steps s set status = 'skipped', finished_at = clock_timestamp()
    from below b where s.id = b.id and s.status = 'blocked'
    returning s.*
  )
  insert into public.run_events (organization_id, run_id, step_id, event_type, message, data)
  select s.organization_id, s.run_id, s.id, 'step.skipped', 'A step before it failed',
    jsonb_build_object('block_id', s.block_id, 'name', s.name, 'attempt', s.attempt)
  from skipped s
$$;
comment on function private.skip_descendants is 'What can no longer run, because something before it failed, is skipped.';

create function public.claim_steps(worker_id uuid, max_steps integer, lease_seconds integer default 60)
returns jsonb language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  claimed uuid[];
begin
  insert into public.workers (id, heartbeat_at, lease_seconds) values (worker_id, clock_timestamp(), lease_seconds)
  on conflict (id) do update set heartbeat_at = excluded.heartbeat_at;
  perform private.reap_steps();
  with mine as (
    update public.run_steps s set
      status = 'running', attempt = s.attempt + 1, worker_id = claim_steps.worker_id,
      started_at = clock_timestamp(), error = null
    where s.id = any (array(
      select r.id from public.run_steps r
      where r.status = 'ready' and r.run_at <= clock_timestamp()
      order by r.priority desc, r.run_at, r.id
      limit max_steps for update skip locked))
    returning s.id, s.priority, s.run_at
  )
  select array_agg(m.id order by m.priority desc, m.run_at, m.id) into claimed from mine m;
  with started as (
    update public.pipeline_runs r set status = 'running', started_at = clock_timestamp()
    where r.status = 'queued' and r.id in (select s.run_id from public.run_steps s where s.id = any (claimed))
    returning r.organization_id, r.id
  )
  insert into public.run_events (organization_id, run_id, event_type)
  select r.organization_id, r.id, 'run.started' from started r;
  insert into public.run_events (organization_id, run_id, step_id, event_type, data)
  select s.organization_id, s.run_id, s.id, 'step.started',
    jsonb_build_object('block_id', s.block_id, 'name', s.name, 'attempt', s.attempt)
  from public.run_steps s where s.id = any (claimed) order by array_position(claimed, s.id);
  if claimed is null then
    -- An idle moment: workers are short-lived, and their rows are of no use once their leases are long over.
    delete from public.workers w where w.heartbeat_at < clock_timestamp() - interval '1 day';
  end if;
  return private.describe_steps(claimed);
end $$;
comment on function public.claim_steps is
  'Takes up to max_steps ready steps for a worker, and tells all that executing them needs.';

create function private.describe_steps(step_ids uuid[]) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'steps', coalesce((
      select jsonb_agg(jsonb_build_object(
        'step_id', s.id, 'attempt', s.attempt, 'run_id', s.run_id, 'organization_id', s.organization_id,
        'user_id', r.created_by, 'name', s.name, 'block_type', b.block_type, 'spec', v.spec,
        'timeout_seconds', s.timeout_seconds,
        'started_at_ms', floor(extract(epoch from r.started_at) * 1000),
        -- The first step of a run that begins in the middle is fed by the run's input instead of its edges.
        'has_input', s.incoming <> '[]' or r.definition -> 'edges'
          @> jsonb_build_array(jsonb_build_object('target_block_id', s.block_id)),
        'incoming', coalesce((
          select jsonb_agg(jsonb_build_object('source_step_id', i.source_step_id, 'source_name', i.source_name,
            'spec', ev.spec) order by i.position)
          from rows from (jsonb_to_recordset(s.incoming) as (source_step_id uuid, source_name text, edge_version_id uuid))
            with ordinality i (source_step_id, source_name, edge_version_id, position)
          left join public.edge_versions ev on ev.id = i.edge_version_id), '[]')
      ) order by array_position(step_ids, s.id))
      from public.run_steps s
      join public.pipeline_runs r on r.id = s.run_id
      left join public.block_versions v on v.id = s.block_version_id
      left join public.blocks b on b.id = s.block_id
      where s.id = any (step_ids)), '[]'),
    'outputs', coalesce((
      select jsonb_object_agg(o.id, jsonb_build_object('output', o.output, 'output_path', o.output_path))
      from public.run_steps o
      where o.id in (
        select (i ->> 'source_step_id')::uuid
        from public.run_steps s cross join jsonb_array_elements(s.incoming) i where s.id = any (step_ids))), '{}'),
    'inputs', coalesce((
      select jsonb_object_agg(r.id, r.input) from public.pipeline_runs r
      where r.id in (select s.run_id from public.run_steps s where s.id = any (step_ids))), '{}'))
$$;
comment on function private.describe_steps is
  '{steps, outputs by step id, inputs by run id}: what several steps share is told once.';

create function private.fail_attempt(step public.run_steps, error jsonb, retryable boolean, retry_after_seconds numeric)
returns boolean language plpgsql set search_path = '' as $$
declare
  again constant boolean := retryable and step.attempt < step.max_attempts
    and (select r.status = 'running' from public.pipeline_runs r where r.id = step.run_id);
begin
  update public.run_steps s set
    status = case when again then 'ready' else 'failed' end::public.step_status,
    run_at = case when again then clock_timestamp() + private.backoff(step.attempt, retry_after_seconds) else s.run_at end,
    finished_at = case when again then null else clock_timestamp() end,
    worker_id = null, error = fail_attempt.error
  where s.id = step.id;
  perform private.add_event(step, case when again then 'step.retrying' else 'step.failed' end,
    coalesce(error ->> 'message', ''), jsonb_build_object('error', error));
  return again;
end $$;
comment on function private.fail_attempt is 'An attempt that failed: tried again later, or failed for good (false).';

create function private.reap_steps() returns void
language plpgsql set search_path = '' as $$
declare
  step public.run_steps;
  failed uuid[] := '{}';
  runs uuid[] := '{}';
begin
  for step in
    select s.* from public.run_steps s join public.workers w on w.id = s.worker_id
    where s.status = 'running' and w.heartbeat_at + make_interval(secs => w.lease_seconds) < clock_timestamp()
    order by s.id for no key update of s skip locked
  loop
    if not private.fail_attempt(step, jsonb_build_object('code', 'lease_expired',
      'message', 'The worker stopped answering'), true, null) then
      failed := failed || step.id;
      runs := runs || step.run_id;
    end if;
  end loop;
  if failed <> '{}' then
    perform private.skip_descendants(failed);
    perform private.settle_runs(runs);
  end if;
end $$;
comment on function private.reap_steps is 'Takes the steps of dead workers back: retried with backoff, or failed.';

create function public.finish_steps(worker_id uuid, results jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  result record;
  step public.run_steps;
  succeeded uuid[] := '{}';
  failed uuid[] := '{}';
  accepted uuid[] := '{}';
  runs uuid[] := '{}';
begin
  update public.workers w set heartbeat_at = clock_timestamp() where w.id = worker_id;
  for result in
    select r.* from jsonb_to_recordset(results) r (step_id uuid, attempt integer, succeeded boolean, released boolean, output jsonb,
      output_path text, error jsonb, retryable boolean, retry_after_seconds numeric, logs jsonb)
    order by r.step_id
  loop
    -- The fence: only the worker that holds this attempt may end it.
    select * into step from public.run_steps s
    where s.id = result.step_id and s.attempt = result.attempt
      and s.worker_id = finish_steps.worker_id and s.status = 'running'
    for no key update;
    continue when not found;
    accepted := accepted || step.id;
    if result.released then
      -- Given back unbegun: the attempt's number is spent, for the fence, but the retry is not.
      update public.run_steps s set status = 'ready', max_attempts = s.max_attempts + 1, worker_id = null,
        started_at = null where s.id = step.id;
      continue;
    end if;
    runs := runs || step.run_id;
    if result.succeeded then
      update public.run_steps s set status = 'succeeded', output = coalesce(result.output, 'null'),
        output_path = result.output_path, finished_at = clock_timestamp(), worker_id = null, error = null
      where s.id = step.id;
      perform private.add_event(step, 'step.succeeded');
      succeeded := succeeded || step.id;
    elsif not private.fail_attempt(step, result.error, result.retryable, result.retry_after_seconds) then
      failed := failed || step.id;
    end if;
  end loop;
  perform private.release_children(succeeded);
  perform private.skip_descendants(failed);
  perform private.settle_runs(runs);
  return jsonb_build_object('accepted', to_jsonb(accepted));
end $$;
comment on function public.finish_steps is
  'Ends attempts, all in one transaction. Results of attempts that the worker no longer holds are ignored.';

create function public.heartbeat_worker(worker_id uuid) returns void
language sql set search_path = '' as $$
  update public.workers w set heartbeat_at = clock_timestamp() where w.id = heartbeat_worker.worker_id
$$;
comment on function public.heartbeat_worker is 'A long step''s worker says that it lives.';

create function private.worker_needed() returns boolean
language sql stable set search_path = '' as $$
  select exists (select 1 from public.run_steps s where s.status = 'ready' and s.run_at <= now())
    or exists (
      select 1 from public.run_steps s join public.workers w on w.id = s.worker_id
      where s.status = 'running' and w.heartbeat_at + make_interval(secs => w.lease_seconds) < now())
$$;
comment on function private.worker_needed is 'What the scheduled sweep asks before it wakes a worker.';

-- Reading -------------------------------------------------------------------------------------

create function public.list_run_events(run_id uuid, after text default '0-0', max_events integer default 100)
returns jsonb language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
declare
  run public.pipeline_runs;
  events jsonb;
begin
  select * into run from public.pipeline_runs r where r.id = run_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('No run with id %s', run_id));
  elsif after !~ '^\d{1,19}-\d{1,18}$' then
    perform private.raise_error(400, 'invalid_cursor', 'The event id is one that this API gave, like 1234-56');
  end if;
  -- Rows of transactions still open elsewhere are left for the next page, so that none is passed by.
  -- An ended run has none: there the bound would only hide what a restored backup brought along.
  select coalesce(jsonb_agg(to_jsonb(e) - '{transaction_id,sequence,updated_at}'::text[]
    || jsonb_build_object('id', e.transaction_id || '-' || e.sequence) order by e.transaction_id, e.sequence), '[]')
  into events
  from (
    select * from public.run_events e
    where e.run_id = list_run_events.run_id
      and (e.transaction_id, e.sequence) > (split_part(after, '-', 1)::xid8, split_part(after, '-', 2)::bigint)
      and (run.finished_at is not null or e.transaction_id < pg_snapshot_xmin(pg_current_snapshot()))
    order by e.transaction_id, e.sequence limit max_events
  ) e;
  return jsonb_build_object('data', events, 'ended', run.finished_at is not null, 'status', run.status);
end $$;
comment on function public.list_run_events is
  '{data, ended, status}: events after a cursor. Each event''s id is the cursor to go on from.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('pipeline_runs', '{organization_id,pipeline_id,definition,input,trigger}');
-- The queue's rows change several times a step, and no client can write them: no guard in the way.
select private.guard_table('workers', null);
select private.guard_table('run_steps', null);
select private.guard_table('run_events');

create function private.check_run_transition() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.finished_at is not null and new.status is distinct from old.status then
    perform private.raise_error(409, 'run_ended', format('The run is %s: that is final', old.status));
  end if;
  return new;
end $$;
comment on function private.check_run_transition is 'An ended run stays as it ended.';
create trigger check_run_transition before update of status on public.pipeline_runs
  for each row execute function private.check_run_transition();

select private.audit('pipeline_runs', 'pipeline_run', '{definition,input,output}');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('pipeline_runs', 'member');
select private.tenant_policies('run_steps', 'member');
select private.tenant_policies('run_events', 'member');
create policy "No client sees workers" on public.workers for select to authenticated using (false);

insert into storage.buckets (id, name, public)
values ('datasets', 'datasets', false), ('artifacts', 'artifacts', false)
on conflict (id) do nothing;

create function private.object_organization_id(name text) returns uuid
language plpgsql immutable set search_path = '' as $$
begin
  return split_part(name, '/', 1)::uuid;
exception when invalid_text_representation then
  return null;
end $$;
comment on function private.object_organization_id is 'Objects live under their organization''s id: <organization_id>/….';

create policy "A member reads the organization's objects" on storage.objects
  for select to authenticated
  using (bucket_id in ('datasets', 'artifacts')
    and private.object_organization_id(name) = any ((select private.organization_ids('member'))::uuid[]));
create policy "A member adds objects to datasets" on storage.objects
  for insert to authenticated
  with check (bucket_id = 'datasets'
    and private.object_organization_id(name) = any ((select private.organization_ids('member'))::uuid[]));
create policy "A member changes objects of datasets" on storage.objects
  for update to authenticated
  using (bucket_id = 'datasets'
    and private.object_organization_id(name) = any ((select private.organization_ids('member'))::uuid[]))
  with check (bucket_id = 'datasets'
    and private.object_organization_id(name) = any ((select private.organization_ids('member'))::uuid[]));
create policy "A member removes objects of datasets" on storage.objects
  for delete to authenticated
  using (bucket_id = 'datasets'
    and private.object_organization_id(name) = any ((select private.organization_ids('member'))::uuid[]));

-- Grants --------------------------------------------------------------------------------------

grant select on public.pipeline_runs, public.run_steps, public.run_events to authenticated;
grant execute on function private.start_run, private.object_organization_id to authenticated, service_role;
grant execute on function private.backoff, private.settle_runs, private.release_children, private.skip_descendants,
  private.describe_steps, private.fail_attempt, private.reap_steps, private.add_event, private.worker_needed
  to service_role;
grant execute on function public.start_run, public.list_run_events to authenticated, service_role;
grant execute on function public.claim_steps, public.finish_steps, public.heartbeat_worker to service_role;
