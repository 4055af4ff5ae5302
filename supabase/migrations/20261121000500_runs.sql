-- Runs (domain pipelines): a run pins every version, and is worked off as steps.
--
-- Security definer functions, and why they must be:
--   private.start_run, private.retry_run, private.cancel_run
--                       clients may not write runs or steps: a forged run would be a forged result
--   private.relane_steps  as above, for a limit that changes while steps are in work
--   private.drop_events   who deletes a pipeline, and its runs with it, may not write events

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
  from_block_id uuid,
  priority integer not null default 0 check (priority between -100 and 100),
  input jsonb,
  output jsonb,
  error jsonb,
  definition jsonb not null,
  idempotency_key text check (char_length(idempotency_key) <= 255),
  parent_run_id uuid references public.pipeline_runs (id) on delete set null,
  executor public.pipeline_executor not null default 'edge',
  external_id text,
  created_by uuid references auth.users (id) on delete set null,
  api_key_id uuid,
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
comment on column public.pipeline_runs.from_block_id is 'Where it began, if not at the beginning.';
comment on column public.pipeline_runs.priority is 'Steps of the run with the higher one are claimed first.';
comment on column public.pipeline_runs.parent_run_id is 'The run that this one tries again.';
comment on column public.pipeline_runs.definition is 'The pipeline with every version pinned at start.';
comment on column public.pipeline_runs.error is '{code, message, block} of the step that failed first.';
comment on column public.pipeline_runs.created_by is 'Steps act as this user, under RLS.';
comment on column public.pipeline_runs.api_key_id is
  'The issued key that it began with: what its steps spend counts for it. A run goes on when its key is revoked, as it does when who started it signs out.';
create index pipeline_runs_organization_idx on public.pipeline_runs (organization_id, created_at desc, id desc);
create index pipeline_runs_pipeline_idx on public.pipeline_runs (pipeline_id, organization_id);
create index pipeline_runs_list_idx on public.pipeline_runs (pipeline_id, created_at desc, id desc);
create index pipeline_runs_ended_idx on public.pipeline_runs (pipeline_id, created_at desc, id desc) where finished_at is not null;
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
  block_id uuid not null,
  block_version_id uuid not null,
  name text not null,
  status public.step_status not null,
  incoming jsonb not null default '[]',
  child_ids uuid[] not null default '{}',
  pending_parents integer not null default 0,
  priority integer not null default 0,
  lane uuid,
  attempt integer not null default 0,
  max_attempts integer not null default 3,
  failures integer not null default 0,
  continuations integer not null default 0,
  timeout_seconds integer not null default 60,
  run_at timestamptz not null default now(),
  is_suspect boolean not null default false,
  continuation jsonb,
  cache boolean not null default false,
  cache_key text,
  reused_step_id uuid,
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
comment on column public.run_steps.block_id is 'As in the run''s definition; no foreign key, because the run outlives the block.';
comment on column public.run_steps.name is 'The block''s name at start.';
comment on column public.run_steps.priority is 'The run''s, then the block''s within it.';
comment on column public.run_steps.lane is 'Whose limit of concurrent steps counts: the pipeline, else the organization; null: there is none.';
comment on column public.run_steps.is_suspect is 'Its worker died: it is claimed alone, so that a step that kills workers takes no other along.';
comment on column public.run_steps.failures is 'Attempts that failed since the step last got on; at max_attempts it has failed.';
comment on column public.run_steps.continuations is 'Parts of a long step that are done.';
comment on column public.run_steps.continuation is '{cursor} that the next attempt goes on from.';
comment on column public.run_steps.cache_key is 'SHA-256 of versions and inputs, of a step whose output may be reused.';
comment on column public.run_steps.reused_step_id is 'The step that did the work, in an earlier run.';
comment on column public.run_steps.incoming is '[{source_step_id, source_name, edge_id, edge_version_id}] in graph order.';
comment on column public.run_steps.child_ids is 'Steps that wait for this one.';
comment on column public.run_steps.pending_parents is 'Parents not yet succeeded; ready at zero.';
comment on column public.run_steps.attempt is 'Counts claims; together with worker_id it fences late writers.';
comment on column public.run_steps.run_at is 'Not claimed before; moved ahead by a retry''s backoff.';
comment on column public.run_steps.output_path is 'Object in the bucket artifacts that holds an output over 256 KiB.';
create index run_steps_ready_idx on public.run_steps (priority desc, run_at, id)
  where status = 'ready' and lane is null and not is_suspect;
create index run_steps_lane_idx on public.run_steps (lane, priority desc, run_at, id)
  where status = 'ready' and lane is not null and not is_suspect;
create index run_steps_suspect_idx on public.run_steps (run_at) where status = 'ready' and is_suspect;
create index run_steps_running_idx on public.run_steps (worker_id) where status = 'running';
create index run_steps_running_lane_idx on public.run_steps (organization_id, lane) where status = 'running' and lane is not null;
create index run_steps_organization_idx on public.run_steps (organization_id, run_id, status);
create index run_steps_cache_idx on public.run_steps (organization_id, cache_key, finished_at desc)
  where cache_key is not null and status = 'succeeded';

create sequence private.run_event_numbers minvalue -9223372036854775808 maxvalue -4611686018427387905 cycle;

-- Two events a step: what a row costs is what the engine costs. Its id counts, as an audit row's does, because
-- random ids dirty a page of the key each; and one index serves the organization, the run and the order.
create table public.run_events (
  transaction_id xid8 not null default greatest(pg_current_xact_id(), pg_snapshot_xmax(pg_current_snapshot())),
  sequence bigint not null generated always as identity,
  id uuid primary key default ('0' || to_hex((date_part('epoch', clock_timestamp()) * 1000)::bigint) || '7000'
    || to_hex(nextval('private.run_event_numbers')))::uuid,
  organization_id uuid not null,
  run_id uuid not null,
  step_id uuid,
  event_type text not null check (event_type ~ '^(run|step)\.[a-z]+$'),
  message text not null default '',
  data jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now()
);
comment on table public.run_events is 'Transitions and log lines of a run, in order. Append-only.';
comment on column public.run_events.run_id is
  'No foreign key, which would lock the run''s row once an event; the trigger drop_events removes them with their run.';
comment on column public.run_events.transaction_id is
  'First half of the order: the latest transaction when it was written, so that nothing comes before what it waited for. A reader that stops before the oldest open transaction never misses a late commit.';
create index run_events_run_idx on public.run_events (organization_id, run_id, transaction_id, sequence);

-- Starting ------------------------------------------------------------------------------------

create function private.check_startable(pipeline public.pipelines, definition jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  culprit text;
begin
  if pipeline.status <> 'active' then
    perform private.raise_error(409, 'pipeline_not_active', format('The pipeline is %s: only an active one runs', pipeline.status));
  elsif definition -> 'blocks' = '[]' then
    perform private.raise_error(409, 'pipeline_empty', 'The pipeline has no blocks');
  elsif pipeline.executor = 'dagster' and not private.dagster_is_configured(pipeline.dagster_pipeline_config) then
    perform private.raise_error(409, 'executor_not_configured',
      'No Dagster is connected to this project: name one in dagster_pipeline_config.url, or set the executor to edge');
  end if;
  select b.name into culprit from public.blocks b
  where b.is_archived and b.id in (select d.block_id from jsonb_to_recordset(definition -> 'blocks') d (block_id uuid)) limit 1;
  if found then
    perform private.refuse_archived('block', culprit);
  end if;
  select e.name into culprit from public.edges e
  where e.is_archived and e.id in (select d.edge_id from jsonb_to_recordset(definition -> 'edges') d (edge_id uuid)) limit 1;
  if found then
    perform private.refuse_archived('edge', culprit);
  end if;
  select b.name into culprit
  from jsonb_to_recordset(definition -> 'blocks') b (name text, version_id uuid)
  where b.version_id is null limit 1;
  if found then
    perform private.raise_error(409, 'block_without_version', format('Block %s has no version yet', culprit));
  end if;
  select e.name into culprit
  from jsonb_to_recordset(definition -> 'edges') e (name text, version_id uuid)
  where 'passed' is distinct from (
    select v.verification_status from public.edge_verifications v
    where v.edge_version_id = e.version_id and v.verification_status <> 'pending'
    order by v.verified_at desc limit 1)
  limit 1;
  if found then
    perform private.raise_error(409, 'edge_not_verified',
      format('The current version of edge %s has not passed its verification', culprit));
  end if;
  select b.name into culprit
  from jsonb_to_recordset(definition -> 'edges') e (target_block_id uuid)
  join jsonb_to_recordset(definition -> 'blocks') b (block_id uuid, name text, block_type text, spec jsonb)
    on b.block_id = e.target_block_id
  where b.block_type = 'dataset' and b.spec ->> 'kind' not in ('storage', 'table')
  limit 1;
  if found then
    perform private.raise_error(409, 'block_not_writable',
      format('Dataset %s has an incoming edge, but only storage and table datasets can be written', culprit));
  end if;
end $$;
comment on function private.check_startable is 'What must hold of a definition before it runs; each breach has its own answer.';

create function private.pin_pipeline(pipeline public.pipelines) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'pipeline_id', pipeline.id, 'name', pipeline.name, 'revision', pipeline.revision,
    'executor', pipeline.executor,
    'blocks', coalesce((
      select jsonb_agg(jsonb_build_object('block_id', b.id, 'name', b.name, 'block_type', b.block_type,
        'version_id', v.id, 'version_number', v.version_number, 'spec', v.spec,
        'max_attempts', pb.max_attempts, 'timeout_seconds', pb.timeout_seconds, 'priority', pb.priority, 'cache', pb.cache)
        order by b.name)
      from public.pipeline_blocks pb
      join public.blocks b on b.id = pb.block_id
      left join public.block_versions v on v.id = b.current_version_id
      where pb.pipeline_id = pipeline.id), '[]'),
    'edges', coalesce((
      select jsonb_agg(jsonb_build_object('edge_id', e.id, 'name', e.name, 'version_id', v.id,
        'version_number', v.version_number, 'spec', v.spec,
        'source_block_id', pe.source_block_id, 'target_block_id', pe.target_block_id)
        order by pe.created_at, e.name)
      from public.pipeline_edges pe
      join public.edges e on e.id = pe.edge_id
      left join public.edge_versions v on v.id = e.current_version_id
      where pe.pipeline_id = pipeline.id), '[]'))
$$;
comment on function private.pin_pipeline is 'The definition that a run keeps: the graph with every version and its spec.';

create function private.lane_of(pipeline_id uuid) returns uuid
language sql stable set search_path = '' as $$
  select case when p.max_concurrent_steps is not null then p.id when o.max_concurrent_steps is not null then o.id end
  from public.pipelines p join public.organizations o on o.id = p.organization_id where p.id = lane_of.pipeline_id
$$;
comment on function private.lane_of is 'Whose limit holds for a pipeline''s steps; null where none does, which is the fast way.';

create function private.relane_steps() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- What waits is put in its lane when its turn comes. Nothing is waited for here: the limit's row is locked,
  -- and workers that hold a step may want it.
  update public.run_steps s set lane = private.lane_of(r.pipeline_id)
  from public.pipeline_runs r
  where r.id = s.run_id and s.id in (
    select t.id from public.run_steps t join public.pipeline_runs u on u.id = t.run_id
    where t.status = 'running' and new.id = case tg_table_name when 'pipelines' then u.pipeline_id else u.organization_id end
    for no key update of t skip locked);
  return null;
end $$;
comment on function private.relane_steps is 'A limit that is set or changed counts the steps that are in work, too.';

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
    from jsonb_to_recordset(run.definition -> 'blocks')
      b (block_id uuid, version_id uuid, name text, max_attempts integer, timeout_seconds integer, priority integer, cache boolean)
    join reached r on r.block_id = b.block_id
  ), link as materialized (
    select s.id as source_id, s.name as source_name, t.id as target_id, e.edge_id, e.version_id
    from edge e
    join step s on s.block_id = e.source_block_id
    join step t on t.block_id = e.target_block_id
  )
  insert into public.run_steps (id, organization_id, run_id, block_id, block_version_id, name, status,
    incoming, child_ids, pending_parents, max_attempts, timeout_seconds, priority, cache, lane)
  select s.id, run.organization_id, run.id, s.block_id, s.version_id, s.name,
    case when i.parents is null then 'ready' else 'blocked' end::public.step_status,
    coalesce(i.incoming, '[]'), coalesce(o.child_ids, '{}'), coalesce(i.parents, 0),
    s.max_attempts, s.timeout_seconds, run.priority * 1000 + s.priority, s.cache, private.lane_of(run.pipeline_id)
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
  first_block_id uuid default null, idempotency_key text default null, trigger_id uuid default null,
  priority integer default 0, parent_run_id uuid default null, api_key_id uuid default private.current_key_id()
) returns public.pipeline_runs
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  pipeline public.pipelines;
  run public.pipeline_runs;
  definition jsonb;
begin
  if auth.uid() is not null and created_by is distinct from auth.uid() then
    perform private.raise_error(403, 'forbidden', 'A run acts as the user who starts it');
  end if;
  -- The lock keeps a PATCH from changing the graph while it is pinned, and a second start with the
  -- same key from slipping past the look below. Not FOR SHARE: two starts would deadlock at the counter.
  select * into pipeline from public.pipelines p where p.id = pipeline_id for no key update;
  select * into run from public.pipeline_runs r
  where r.pipeline_id = pipeline.id and r.created_by = start_run.created_by
    and r.idempotency_key = start_run.idempotency_key;
  if found then
    if (run.input, run.from_block_id, run.priority) is distinct from (input, first_block_id, priority) then
      perform private.raise_error(422, 'idempotency_key_reused', 'This Idempotency-Key came with another request before');
    end if;
    return run;
  end if;
  if not exists (
    select 1 from public.memberships m
    where m.organization_id = pipeline.organization_id and m.user_id = created_by and m.status = 'active'
    union all select 1 from public.platform_admins a where a.user_id = created_by) then
    perform private.raise_error(403, 'forbidden', 'The user that the run would act as is no member any more');
  end if;
  -- Pinned first, checked second: what was checked is what runs, whatever is activated meanwhile.
  definition := private.pin_pipeline(pipeline);
  perform private.check_startable(pipeline, definition);
  if first_block_id is not null and not exists (
    select 1 from public.pipeline_blocks pb where pb.pipeline_id = pipeline.id and pb.block_id = first_block_id) then
    perform private.raise_error(422, 'validation_failed',
      format('Block %s is not in the pipeline', first_block_id), 'from');
  end if;
  insert into public.pipeline_runs (organization_id, pipeline_id, trigger, trigger_id, input, definition,
    idempotency_key, executor, created_by, api_key_id, from_block_id, priority, parent_run_id)
  values (pipeline.organization_id, pipeline.id, trigger, trigger_id, input, definition,
    idempotency_key, pipeline.executor, created_by, api_key_id, first_block_id, priority, parent_run_id)
  returning * into run;
  perform private.plan_steps(run, first_block_id);
  if run.executor = 'dagster' then
    perform private.hand_to_dagster(run, pipeline.dagster_pipeline_config);
  end if;
  insert into public.run_events (organization_id, run_id, event_type, message)
  values (run.organization_id, run.id, 'run.queued', format('Queued by %s', trigger));
  update public.pipelines p set times_run = p.times_run + 1, last_run_at = now() where p.id = pipeline.id;
  return run;
end $$;
comment on function private.start_run is 'A run with its steps. The caller has checked who may.';

create function public.start_run(
  pipeline_id uuid, request jsonb default '{}', idempotency_key text default null
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
  return private.start_run(pipeline_id, request -> 'input', 'manual', auth.uid(),
    (request ->> 'from')::uuid, idempotency_key, null, coalesce((request ->> 'priority')::integer, 0));
end $$;
comment on function public.start_run is 'Starts a run of an active pipeline whose edges have all passed verification. request: {input, from, priority}.';

-- Ending and trying again ---------------------------------------------------------------------

create function private.cancel_run(run_id uuid) returns public.pipeline_runs
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  run public.pipeline_runs;
begin
  select * into run from public.pipeline_runs r where r.id = run_id for no key update;
  if run.status in ('succeeded', 'failed') then
    perform private.raise_error(409, 'run_ended', format('The run is %s: that is final', run.status));
  elsif run.status in ('canceled', 'canceling') then
    return run;
  end if;
  update public.pipeline_runs r set status = 'canceling' where r.id = run.id;
  insert into public.run_events (organization_id, run_id, event_type) values (run.organization_id, run.id, 'run.canceling');
  with unbegun as (
    -- One that is being claimed at this moment is left to its worker, which finds the run canceled.
    select s.id from public.run_steps s where s.run_id = run.id and s.status in ('blocked', 'ready')
    order by s.id for no key update skip locked
  ), canceled as (
    update public.run_steps s set status = 'canceled', finished_at = clock_timestamp()
    from unbegun u where s.id = u.id returning s.*
  )
  insert into public.run_events (organization_id, run_id, step_id, event_type, data)
  select c.organization_id, c.run_id, c.id, 'step.canceled',
    jsonb_build_object('block_id', c.block_id, 'name', c.name, 'attempt', c.attempt)
  from canceled c order by c.id;
  perform private.settle_runs(array[run.id]);
  select * into run from public.pipeline_runs r where r.id = run_id;
  return run;
end $$;
comment on function private.cancel_run is
  'Nothing of the run begins any more, and what is running counts for nothing; it ends with its last running step.';

create function public.cancel_run(run_id uuid) returns public.pipeline_runs
language plpgsql set search_path = '' as $$
begin
  if not exists (select 1 from public.pipeline_runs r where r.id = cancel_run.run_id) then
    perform private.raise_error(404, 'not_found', format('No run with id %s', cancel_run.run_id));
  end if;
  return private.cancel_run(run_id);
end $$;
comment on function public.cancel_run is 'Cancels a run that the caller sees. Once more changes nothing.';

create function private.copy_steps(source public.pipeline_runs, target public.pipeline_runs) returns void
language sql set search_path = '' as $$
  with twin as materialized (
    select s.*, gen_random_uuid() as twin_id from public.run_steps s where s.run_id = source.id
  ), link as materialized (
    select t.id as target_id, count(*) filter (where p.status <> 'succeeded') as pending,
      jsonb_agg(i.value || jsonb_build_object('source_step_id', p.twin_id) order by i.position) as incoming
    from twin t cross join jsonb_array_elements(t.incoming) with ordinality i (value, position)
    join twin p on p.id = (i.value ->> 'source_step_id')::uuid group by t.id
  )
  insert into public.run_steps (id, organization_id, run_id, block_id, block_version_id, name, status, incoming, child_ids,
    pending_parents, max_attempts, timeout_seconds, priority, cache, lane, output, output_path, reused_step_id, started_at, finished_at)
  select t.twin_id, t.organization_id, target.id, t.block_id, t.block_version_id, t.name,
    case when d.is_done then 'succeeded' when coalesce(l.pending, 0) = 0 then 'ready' else 'blocked' end::public.step_status,
    coalesce(l.incoming, '[]'),
    array(select c.twin_id from unnest(t.child_ids) with ordinality i (id, position) join twin c on c.id = i.id order by i.position),
    coalesce(l.pending, 0), t.max_attempts, t.timeout_seconds, t.priority, t.cache, private.lane_of(target.pipeline_id),
    case when d.is_done then t.output end, case when d.is_done then t.output_path end,
    case when d.is_done then coalesce(t.reused_step_id, t.id) end,
    case when d.is_done then now() end, case when d.is_done then now() end
  from twin t
  cross join lateral (select t.status = 'succeeded' as is_done) d
  left join link l on l.target_id = t.id
$$;
comment on function private.copy_steps is 'The steps of a run once more: what succeeded keeps its output, the rest is to do.';

create function private.retry_run(run_id uuid, start_at text, created_by uuid) returns public.pipeline_runs
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  source public.pipeline_runs;
  pipeline public.pipelines;
  run public.pipeline_runs;
  api_key_id uuid := private.current_key_id();
begin
  if auth.uid() is not null and created_by is distinct from auth.uid() then
    perform private.raise_error(403, 'forbidden', 'A run acts as the user who starts it');
  end if;
  select * into source from public.pipeline_runs r where r.id = run_id;
  -- Locked as by a start, and before anything else.
  select * into pipeline from public.pipelines p where p.id = source.pipeline_id for no key update;
  if api_key_id is null and source.created_by = created_by then
    -- The same work of the same user; another's key is not theirs to spend with.
    api_key_id := source.api_key_id;
  end if;
  if source.finished_at is null then
    perform private.raise_error(409, 'run_not_ended', format('The run is %s: cancel it, or wait for its end', source.status));
  elsif start_at = 'start' then
    return private.start_run(source.pipeline_id, source.input, 'retry', created_by, source.from_block_id, null, null,
      source.priority, source.id, api_key_id);
  elsif source.status = 'succeeded' then
    perform private.raise_error(409, 'run_ended', 'The run succeeded: there is no failed step to begin at');
  end if;
  -- Held against what it pinned, not against what the pipeline has become.
  pipeline.executor := source.executor;
  perform private.check_startable(pipeline, source.definition);
  insert into public.pipeline_runs (organization_id, pipeline_id, trigger, input, definition, executor, created_by,
    api_key_id, from_block_id, priority, parent_run_id)
  values (source.organization_id, source.pipeline_id, 'retry', source.input, source.definition, source.executor, created_by,
    api_key_id, source.from_block_id, source.priority, source.id)
  returning * into run;
  perform private.copy_steps(source, run);
  if run.executor = 'dagster' then
    perform private.hand_to_dagster(run, pipeline.dagster_pipeline_config, source.id);
  end if;
  insert into public.run_events (organization_id, run_id, event_type, message, data)
  values (run.organization_id, run.id, 'run.queued', 'Queued by retry', jsonb_build_object('parent_run_id', source.id));
  insert into public.run_events (organization_id, run_id, step_id, event_type, data)
  select s.organization_id, s.run_id, s.id, 'step.reused',
    jsonb_build_object('block_id', s.block_id, 'name', s.name, 'attempt', s.attempt, 'reused_step_id', s.reused_step_id)
  from public.run_steps s where s.run_id = run.id and s.status = 'succeeded' order by s.id;
  update public.pipelines p set times_run = p.times_run + 1, last_run_at = now() where p.id = run.pipeline_id;
  return run;
end $$;
comment on function private.retry_run is
  'From the failed steps on, with the versions and the finished outputs of that run; or from the start, with today''s versions.';

create function public.retry_run(run_id uuid, start_at text default 'failed') returns public.pipeline_runs
language plpgsql set search_path = '' as $$
begin
  if start_at not in ('failed', 'start') then
    perform private.raise_error(422, 'validation_failed', 'from is failed or start', 'from');
  elsif not exists (select 1 from public.pipeline_runs r where r.id = retry_run.run_id) then
    perform private.raise_error(404, 'not_found', format('No run with id %s', retry_run.run_id));
  elsif auth.uid() is null then
    perform private.raise_error(403, 'forbidden', 'A run acts as the user who starts it: sign in as one');
  end if;
  return private.retry_run(run_id, start_at, auth.uid());
end $$;
comment on function public.retry_run is 'Tries an ended run again, as the caller.';

-- Reading -------------------------------------------------------------------------------------

create function public.get_run(run_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  run jsonb;
begin
  select to_jsonb(r) || jsonb_build_object('steps', coalesce((
    select jsonb_agg(jsonb_build_object('id', s.id, 'block_id', s.block_id, 'name', s.name, 'status', s.status,
      'reused_step_id', s.reused_step_id, 'attempt', s.attempt, 'failures', s.failures, 'max_attempts', s.max_attempts,
      'continuations', s.continuations, 'timeout_seconds', s.timeout_seconds, 'priority', s.priority - r.priority * 1000,
      'cache', s.cache, 'next_attempt_at', case when s.status = 'ready' then s.run_at end, 'error', s.error,
      'output', case when s.bytes_so_far <= 1024 * 1024 then s.output end,
      'output_omitted', s.bytes_so_far > 1024 * 1024,
      'started_at', s.started_at, 'finished_at', s.finished_at) order by s.started_at, s.name)
    from (
      select s.*, coalesce(sum(pg_column_size(s.output)) over (order by s.started_at, s.name, s.id), 0) as bytes_so_far
      from public.run_steps s where s.run_id = r.id) s), '[]'))
  into run from public.pipeline_runs r where r.id = get_run.run_id;
  if run is null then
    perform private.raise_error(404, 'not_found', format('No run with id %s', get_run.run_id));
  end if;
  return run;
end $$;
comment on function public.get_run is
  'A run with its steps in the order they started. Outputs are shown up to 1 MiB in all, and marked where left out.';

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
  -- Rows that may still be preceded by those of open transactions are left for the next page, so that
  -- none is passed by; when no transaction is open there are none. An ended run has none either:
  -- there the bound would only hide what a restored backup brought along.
  select coalesce(jsonb_agg(to_jsonb(e) - '{transaction_id,sequence,updated_at}'::text[]
    || jsonb_build_object('id', e.transaction_id || '-' || e.sequence) order by e.transaction_id, e.sequence), '[]')
  into events
  from (
    select * from public.run_events e
    where e.organization_id = run.organization_id and e.run_id = run.id
      and (e.transaction_id, e.sequence) > (split_part(after, '-', 1)::xid8, split_part(after, '-', 2)::bigint)
      and (run.finished_at is not null
        or pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot())
        or e.transaction_id < pg_snapshot_xmin(pg_current_snapshot()))
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
-- The statements that write most set updated_at themselves, and spare each row a function's call.
create or replace trigger set_updated_at before update on public.run_steps
  for each row when (new.updated_at = old.updated_at) execute function private.set_updated_at();
select private.guard_table('run_events');

create function private.drop_events() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.run_events e using ended d where e.organization_id = d.organization_id and e.run_id = d.id;
  return null;
end $$;
comment on function private.drop_events is 'Events go with their run.';
create trigger drop_events after delete on public.pipeline_runs
  referencing old table as ended for each statement execute function private.drop_events();

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
create trigger relane_steps after update of max_concurrent_steps on public.pipelines
  for each row when (new.max_concurrent_steps is distinct from old.max_concurrent_steps) execute function private.relane_steps();
create trigger relane_steps after update of max_concurrent_steps on public.organizations
  for each row when (new.max_concurrent_steps is distinct from old.max_concurrent_steps) execute function private.relane_steps();

select private.audit('pipeline_runs', 'pipeline_run', '{definition,input,output}');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('pipeline_runs', 'member');
select private.tenant_policies('run_steps', 'member');
select private.tenant_policies('run_events', 'member');
create policy "No client sees workers" on public.workers for select to authenticated using (false);

insert into storage.buckets (id, name, public)
values ('datasets', 'datasets', false), ('artifacts', 'artifacts', false)
on conflict (id) do nothing;

-- Objects live under their organization's id: <organization_id>/….
create policy "A member reads the organization's objects" on storage.objects
  for select to authenticated
  using (bucket_id in ('datasets', 'artifacts')
    and split_part(name, '/', 1) = any ((select private.organization_ids('member'))::text[]));
create policy "A member adds objects to datasets" on storage.objects
  for insert to authenticated
  with check (bucket_id = 'datasets'
    and split_part(name, '/', 1) = any ((select private.organization_ids('member'))::text[]));
create policy "A member changes objects of datasets" on storage.objects
  for update to authenticated
  using (bucket_id = 'datasets'
    and split_part(name, '/', 1) = any ((select private.organization_ids('member'))::text[]))
  with check (bucket_id = 'datasets'
    and split_part(name, '/', 1) = any ((select private.organization_ids('member'))::text[]));
create policy "A member removes objects of datasets" on storage.objects
  for delete to authenticated
  using (bucket_id = 'datasets'
    and split_part(name, '/', 1) = any ((select private.organization_ids('member'))::text[]));

-- Grants --------------------------------------------------------------------------------------

grant select on public.pipeline_runs, public.run_steps, public.run_events to authenticated;
grant usage on sequence private.run_event_numbers to service_role;
grant execute on function private.lane_of to service_role;
grant execute on function private.start_run, private.retry_run, private.cancel_run to authenticated, service_role;
grant execute on function public.start_run, public.retry_run, public.cancel_run, public.get_run, public.list_run_events to authenticated, service_role;
