-- Engine (domain pipelines): how steps are worked off.
--
-- The step row is the truth; every wake-up is a hint. A worker claims ready steps, and each write of
-- it is fenced by (step, attempt, worker): whoever lost the lease changes nothing. Completing steps
-- is one transaction: outputs, children's counters, newly ready steps, run state, events.
--
-- Security definer functions: none. The commands are service_role's alone.

-- Functions -----------------------------------------------------------------------------------

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
  select make_interval(secs => case
    when retry_after_seconds is null then least(2 ^ least(attempt, 9), 300) * random()
    else least(greatest(retry_after_seconds, 0), 3600) end::double precision)
$$;
comment on function private.backoff is 'Time until the next attempt after so many failures in a row; what the failing side asked for wins.';

create function private.run_output(run_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  -- Many final blocks could add up to more than a row can hold: then each is named, not shown.
  select case
    when count(*) = 1 then (array_agg(s.output))[1]
    when sum(pg_column_size(s.output)) > 1024 * 1024 then jsonb_object_agg(s.name, jsonb_build_object('step_id', s.id))
    else jsonb_object_agg(s.name, s.output)
  end
  from public.run_steps s where s.run_id = run_output.run_id and s.child_ids = '{}'
$$;
comment on function private.run_output is
  'The final block''s output; of several, an object by block name, of outputs or (over 1 MiB in all) of their steps.';

create function private.settle_runs(run_ids uuid[]) returns void
language plpgsql set search_path = '' as $$
declare
  run public.pipeline_runs;
  failed_step public.run_steps;
  outcome public.run_status;
  ended uuid[] := '{}';
begin
  -- The run's row is locked before its steps are looked at: of two workers that finish the last two
  -- steps, the second one sees the first one's.
  for run in
    select * from public.pipeline_runs r
    where r.id = any (run_ids) and r.finished_at is null order by r.id for no key update
  loop
    continue when exists (select 1 from public.run_steps s where s.organization_id = run.organization_id
      and s.run_id = run.id and s.status in ('blocked', 'ready', 'running'))
      or (run.executor = 'dagster' and private.is_on_dagster(run.id));
    select * into failed_step from public.run_steps s
    where s.run_id = run.id and s.status = 'failed' order by s.finished_at, s.id limit 1;
    outcome := case when run.status = 'canceling' then 'canceled' when failed_step.id is null then 'succeeded' else 'failed' end;
    update public.pipeline_runs r set status = outcome, finished_at = clock_timestamp(),
      error = case when failed_step.id is not null
        then failed_step.error || jsonb_build_object('block_id', failed_step.block_id, 'block', failed_step.name) end,
      output = case when outcome = 'succeeded' then private.run_output(run.id) end
    where r.id = run.id returning * into run;
    insert into public.run_events (organization_id, run_id, event_type, message)
    values (run.organization_id, run.id, 'run.' || run.status, coalesce(run.error ->> 'message', ''));
    ended := ended || run.pipeline_id;
  end loop;
  perform 1 from public.pipelines p where p.id = any (ended) order by p.id for no key update;
  update public.pipelines p set average_runtime = (
    select avg(extract(epoch from latest.finished_at - latest.started_at)) from (
      select r.started_at, r.finished_at from public.pipeline_runs r
      where r.pipeline_id = p.id and r.finished_at is not null
      order by r.created_at desc, r.id desc limit 100) latest)
  where p.id = any (ended);
end $$;
comment on function private.settle_runs is 'Ends the runs that have nothing left to do.';

create function private.release_children(succeeded uuid[]) returns void
language sql set search_path = '' as $$
  -- Children belong to the run of their parents, which is locked: nobody else counts them down meanwhile.
  update public.run_steps c set
    pending_parents = c.pending_parents - done.parents,
    status = case when c.status = 'blocked' and c.pending_parents = done.parents then 'ready' else c.status end,
    run_at = case when c.status = 'blocked' and c.pending_parents = done.parents then now() else c.run_at end
  from (
    select child_id, count(*)::integer as parents
    from public.run_steps s cross join unnest(s.child_ids) child_id
    where s.id = any (succeeded) group by child_id
  ) done
  where c.id = done.child_id
$$;
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

create function private.slots_key(lane uuid) returns bigint
language sql stable set search_path = '' as $$
  select hashtextextended('private.slots_key ' || coalesce((select p.organization_id from public.pipelines p where p.id = lane), lane), 0)
$$;
comment on function private.slots_key is
  'The advisory lock of a lane''s organization: who counts its slots and takes them must be alone with it.';

create function private.waiting_lanes() returns uuid[]
language sql volatile set search_path = '' as $$
  -- From lane to lane by jumps along the index, round until one comes again. It begins anywhere, so
  -- that where there are very many, none is always beyond the end.
  with recursive walk (lane) as (
    select gen_random_uuid()
    union
    select coalesce(
      (select s.lane from public.run_steps s
        where s.status = 'ready' and s.lane > w.lane and not s.is_suspect order by s.lane limit 1),
      (select s.lane from public.run_steps s
        where s.status = 'ready' and s.lane is not null and not s.is_suspect order by s.lane limit 1))
    from walk w where w.lane is not null
  )
  select array(select w.lane from walk w where w.lane is not null offset 1 limit 200)
$$;
comment on function private.waiting_lanes is 'Lanes in which steps wait; not more than 200.';

create function private.lock_lanes(lanes uuid[]) returns uuid[]
language sql volatile set search_path = '' as $$
  select coalesce(array_agg(lane), '{}') from unnest(lanes) lane where pg_try_advisory_xact_lock(private.slots_key(lane))
$$;
comment on function private.lock_lanes is 'Those lanes whose slots no other worker is counting; none will until this transaction ends.';

create function private.free_slots(lanes uuid[])
returns table (lane uuid, organization_id uuid, in_lane bigint, in_organization bigint)
language sql stable set search_path = '' as $$
  -- Slots are what live attempts leave, never a counter that could go wrong.
  with limits as (
    select l.lane, o.id as organization_id, p.max_concurrent_steps as of_lane, o.max_concurrent_steps as of_organization
    from unnest(lanes) l (lane)
    left join public.pipelines p on p.id = l.lane
    join public.organizations o on o.id = coalesce(p.organization_id, l.lane)
  ), running as (
    select s.organization_id, s.lane, count(*) as steps from public.run_steps s
    where s.status = 'running' and s.lane is not null and s.organization_id in (select l.organization_id from limits l)
    group by s.organization_id, s.lane
  )
  select l.lane, l.organization_id,
    l.of_lane - coalesce((select r.steps from running r where r.lane = l.lane), 0),
    l.of_organization - coalesce((select sum(r.steps)::bigint from running r where r.organization_id = l.organization_id), 0)
  from limits l
$$;
comment on function private.free_slots is 'How many more steps of a lane, and of its organization, may be in work; null: any.';

create function private.pick_suspect() returns uuid[]
language plpgsql set search_path = '' as $$
declare
  lanes constant uuid[] := private.lock_lanes(array(
    select distinct s.lane from public.run_steps s
    where s.status = 'ready' and s.is_suspect and s.run_at <= clock_timestamp() and s.lane is not null));
begin
  return array(select s.id from public.run_steps s
    where s.status = 'ready' and s.is_suspect and s.run_at <= clock_timestamp()
      and (s.lane is null or s.lane in (
        select f.lane from private.free_slots(lanes) f where coalesce(least(f.in_lane, f.in_organization), 1) > 0))
    order by s.priority desc, s.run_at, s.id limit 1 for update of s skip locked);
end $$;
comment on function private.pick_suspect is 'A step whose worker died, to be tried with no other beside it.';

create function private.pick_from_lanes(lanes uuid[], max_steps integer)
returns table (id uuid, priority integer, run_at timestamptz)
language sql volatile set search_path = '' as $$
  select c.id, c.priority, c.run_at from (
    select s.*, f.in_organization,
      row_number() over (partition by f.organization_id order by s.priority desc, s.run_at, s.id) as place
    from private.free_slots(lanes) f
    cross join lateral (
      select s.id, s.priority, s.run_at from public.run_steps s
      where s.status = 'ready' and s.lane = f.lane and not s.is_suspect and s.run_at <= clock_timestamp()
      order by s.priority desc, s.run_at, s.id
      limit greatest(least(max_steps, f.in_lane, f.in_organization), 0)
    ) s
  ) c
  where c.place <= coalesce(c.in_organization, max_steps)
$$;
comment on function private.pick_from_lanes is
  'Ready steps of pipelines and organizations that have a limit, as many as it leaves room for. The lanes are locked.';

create function private.pick_steps(max_steps integer) returns uuid[]
language plpgsql set search_path = '' as $$
declare
  lanes constant uuid[] := private.waiting_lanes();
  locked uuid[] := private.lock_lanes(lanes);
  free uuid[];
  picked uuid[];
begin
  loop
    free := array(
      select s.id from public.run_steps s
      where s.status = 'ready' and s.lane is null and not s.is_suspect and s.run_at <= clock_timestamp()
      order by s.priority desc, s.run_at, s.id limit max_steps for update skip locked);
    if lanes = '{}' then
      return free;
    end if;
    picked := array(
      select c.id from (
        select s.id, s.priority, s.run_at from public.run_steps s where s.id = any (free)
        union all select l.id, l.priority, l.run_at from private.pick_from_lanes(locked, max_steps) l
      ) c order by c.priority desc, c.run_at, c.id limit max_steps);
    exit when picked <> '{}' or locked <> '{}';
    -- Another worker is counting the slots of all that waits: it is done in a moment.
    perform pg_advisory_xact_lock(private.slots_key(lanes[1]));
    locked := private.lock_lanes(lanes);
  end loop;
  return array(select s.id from public.run_steps s where s.id = any (picked) and s.status = 'ready' for update skip locked);
end $$;
comment on function private.pick_steps is 'The ready steps that come first among those that no limit holds back, locked.';

create function private.look_over(picked uuid[], out set_aside boolean, out may_reuse boolean)
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  canceling uuid[];
  stray uuid[];
  canceled uuid[];
begin
  select coalesce(bool_or(w.caches), false), array_agg(r.id) filter (where r.status = 'canceling'),
    array_agg(r.id) filter (where case when p.max_concurrent_steps is not null then w.lane is distinct from p.id
      else o.max_concurrent_steps is not null and w.lane is null end)
  into may_reuse, canceling, stray
  from (
    select s.run_id, s.lane, bool_or(s.cache) as caches
    from public.run_steps s where s.id = any (picked) group by s.run_id, s.lane
  ) w
  join public.pipeline_runs r on r.id = w.run_id
  join public.pipelines p on p.id = r.pipeline_id
  join public.organizations o on o.id = r.organization_id;
  if canceling is not null then
    canceled := array(select s.id from public.run_steps s where s.id = any (picked) and s.run_id = any (canceling));
    perform private.cancel_attempts(canceled);
    perform private.settle_runs(canceling);
  end if;
  if stray is not null then
    -- The rest of its run comes along, where nobody else is at it.
    update public.run_steps s set lane = private.lane_of(r.pipeline_id)
    from public.pipeline_runs r
    where r.id = s.run_id and s.id in (
      select t.id from public.run_steps t where t.status = 'ready' and t.run_id = any (stray)
      for no key update skip locked);
  end if;
  set_aside := canceling is not null or stray is not null;
end $$;
comment on function private.look_over is
  'set_aside: whether there are steps among these that must not be claimed: of runs canceled this moment, or waiting past a limit that was set since they were planned. They are canceled, or put in their lane. may_reuse: whether one could do with an earlier step''s output.';

create function private.take_steps(worker_id uuid, step_ids uuid[]) returns uuid[]
language plpgsql set search_path = '' as $$
declare
  -- Locks on runs are taken in one order everywhere, so that workers never wait for each other in a circle:
  -- here at once for the runs that begin, and for those that reused outputs may end.
  locked constant uuid[] := array(
    select r.id from public.pipeline_runs r
    join (
      select s.run_id, bool_or(s.cache) as caches from public.run_steps s
      where s.id = any (step_ids) and s.status = 'ready' group by s.run_id
    ) w on w.run_id = r.id
    where r.status = 'queued' or w.caches order by r.id for no key update of r);
  claimed uuid[];
begin
  if locked <> '{}' then
    with started as (
      update public.pipeline_runs r set status = 'running', started_at = clock_timestamp()
      where r.id = any (locked) and r.status = 'queued'
      returning r.organization_id, r.id
    )
    insert into public.run_events (organization_id, run_id, event_type)
    select r.organization_id, r.id, 'run.started' from started r;
  end if;
  with mine as (
    update public.run_steps s set
      status = 'running', attempt = s.attempt + 1, worker_id = take_steps.worker_id, started_at = clock_timestamp(),
      error = null, updated_at = now()
    where s.id = any (step_ids) and s.status = 'ready'
    returning s.id, s.organization_id, s.run_id, s.block_id, s.name, s.attempt, s.priority, s.run_at
  ), event as (
    insert into public.run_events (organization_id, run_id, step_id, event_type, data)
    select m.organization_id, m.run_id, m.id, 'step.started',
      jsonb_build_object('block_id', m.block_id, 'name', m.name, 'attempt', m.attempt)
    from mine m order by m.priority desc, m.run_at, m.id
  )
  select array_agg(m.id order by m.priority desc, m.run_at, m.id) into claimed from mine m;
  return coalesce(claimed, '{}');
end $$;
comment on function private.take_steps is 'Makes ready steps a worker''s own: a new attempt of each.';

create function private.reuse_outputs(claimed uuid[]) returns uuid[]
language plpgsql set search_path = '' as $$
declare
  reused uuid[];
begin
  -- A step without incoming edges is fed by the run; one that the run began at does what it would do in the middle.
  -- A large output is known by its digest, not by the address it was put at.
  -- What a table or a file shows depends on who looks, and to write there is not done by having done it before.
  update public.run_steps s set cache_key = encode(sha256(convert_to(jsonb_build_array(s.block_version_id,
    case when v.spec ->> 'kind' in ('table', 'storage') then (
      select r.created_by from public.pipeline_runs r where r.id = s.run_id) end,
    case when s.incoming = '[]' then (
      select jsonb_build_array(r.input, r.from_block_id is not distinct from s.block_id)
      from public.pipeline_runs r where r.id = s.run_id) end,
    (select jsonb_agg(jsonb_build_array(i ->> 'source_name', i ->> 'edge_version_id',
        case when p.output_path is null then p.output end, p.output_path is null,
        coalesce(p.output #>> '{artifact,sha256}', p.output_path)) order by i ->> 'source_name')
      from jsonb_array_elements(s.incoming) i join public.run_steps p on p.id = (i ->> 'source_step_id')::uuid))::text, 'UTF8')), 'hex')
  from public.block_versions v
  where s.id = any (claimed) and s.cache and s.continuation is null and v.id = s.block_version_id
    and (s.incoming = '[]' or v.spec ->> 'kind' not in ('table', 'storage'));
  with hit as (
    select s.id, found.* from public.run_steps s
    join public.pipeline_runs r on r.id = s.run_id and r.status = 'running'
    cross join lateral (
      select coalesce(e.reused_step_id, e.id) as reused_step_id, e.output, e.output_path from public.run_steps e
      where e.organization_id = s.organization_id and e.cache_key = s.cache_key and e.status = 'succeeded'
      order by e.finished_at desc limit 1) found
    where s.id = any (claimed) and s.cache_key is not null
  ), done as (
    update public.run_steps s set status = 'succeeded', output = h.output, output_path = h.output_path,
      reused_step_id = h.reused_step_id, finished_at = clock_timestamp(), worker_id = null, is_suspect = false
    from hit h where s.id = h.id returning s.*
  ), event as (
    insert into public.run_events (organization_id, run_id, step_id, event_type, data)
    select d.organization_id, d.run_id, d.id, 'step.reused', jsonb_build_object('block_id', d.block_id, 'name', d.name,
      'attempt', d.attempt, 'reused_step_id', d.reused_step_id)
    from done d order by d.id
  )
  select array_agg(d.id) into reused from done d;
  if reused is not null then
    perform private.advance_runs(reused, '{}', private.runs_of(reused));
  end if;
  return coalesce(reused, '{}');
end $$;
comment on function private.reuse_outputs is
  'Steps of which an earlier one with the same versions and inputs has an output take it, and are done. Their runs are locked.';

create function public.claim_steps(
  worker_id uuid, max_steps integer, lease_seconds integer default 60, is_idle boolean default false
) returns json language plpgsql set search_path = ''
-- A queue's statistics are never true. Its plans are few and known: by indexes, planned once.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_variable
declare
  is_new boolean;
  is_alone boolean := false;
  again boolean;
  look record;
  picked uuid[] := '{}';
  claimed uuid[] := '{}';
  reused uuid[] := '{}';
begin
  -- What ends or moves steps is a claim of its own, so that no claim locks runs twice, out of order.
  again := private.reap_steps();
  if not again then
    insert into public.workers (id, heartbeat_at, lease_seconds) values (worker_id, clock_timestamp(), lease_seconds)
    on conflict (id) do update set heartbeat_at = excluded.heartbeat_at
    returning xmax = 0 into is_new;
  end if;
  if not again and max_steps > 0 then
    -- A worker's first step is a suspect one, if there is one, and then only when nothing else is to do: a busy
    -- queue holds up no suspect for ever, nor do suspects, one by one, hold up the queue.
    if is_idle and is_new then
      picked := private.pick_suspect();
      is_alone := picked <> '{}';
    end if;
    if not is_alone then
      picked := private.pick_steps(max_steps);
    end if;
    if is_idle and not is_new and picked = '{}' then
      picked := private.pick_suspect();
      is_alone := picked <> '{}';
    end if;
    if picked = '{}' then
      -- An idle moment: workers are short-lived, and their rows are of no use once their leases are long over.
      delete from public.workers w where w.heartbeat_at < clock_timestamp() - interval '15 minutes'
        and not exists (select 1 from public.run_steps s where s.worker_id = w.id and s.status = 'running');
    end if;
  end if;
  if picked <> '{}' then
    select * into look from private.look_over(picked);
    again := look.set_aside;
    if not again then
      claimed := private.take_steps(worker_id, picked);
    end if;
    if not again and look.may_reuse then
      reused := private.reuse_outputs(claimed);
      again := reused <> '{}';
      claimed := array(select c from unnest(claimed) with ordinality t (c, position) where c <> all (reused) order by position);
    end if;
  end if;
  return private.describe_steps(claimed, is_alone and claimed <> '{}', again);
end $$;
comment on function public.claim_steps is
  'Takes up to max_steps ready steps for a worker, and tells all that executing them needs. An idle worker may get one suspect step, which is_alone: it claims no other beside it. again: steps went on without it, so it had better ask once more.';

create function private.describe_steps(step_ids uuid[], is_alone boolean default false, again boolean default false)
returns json language plpgsql stable set search_path = '' as $$
declare
  steps json;
  run_ids uuid[];
  has_incoming boolean;
  edge_specs json;
  outputs json;
begin
  -- JSON, because it is only told: as jsonb it would be built three times over. PL/pgSQL keeps the plans.
  select json_agg(json_build_object('step_id', s.id, 'attempt', s.attempt, 'run_id', s.run_id, 'block_id', s.block_id,
      'name', s.name, 'block_type', b.block_type, 'spec', v.spec, 'incoming', s.incoming,
      'timeout_seconds', s.timeout_seconds, 'cursor', s.continuation -> 'cursor') order by t.position),
    array_agg(distinct s.run_id), bool_or(s.incoming <> '[]')
  into steps, run_ids, has_incoming
  from unnest(step_ids) with ordinality t (id, position)
  join public.run_steps s on s.id = t.id
  left join public.block_versions v on v.id = s.block_version_id
  left join public.blocks b on b.id = s.block_id;
  if has_incoming then
    with arrow as (
      select i.source_step_id, i.edge_version_id from public.run_steps s
      cross join jsonb_to_recordset(s.incoming) i (source_step_id uuid, edge_version_id uuid)
      where s.id = any (step_ids)
    )
    select (
        select json_object_agg(v.id, v.spec)
        from public.edge_versions v where v.id in (select a.edge_version_id from arrow a)), (
        select json_object_agg(o.id, json_build_object('output', o.output, 'output_path', o.output_path))
        from public.run_steps o where o.id in (select a.source_step_id from arrow a))
    into edge_specs, outputs;
  end if;
  return json_build_object('steps', coalesce(steps, '[]'), 'edge_specs', coalesce(edge_specs, '{}'),
    'outputs', coalesce(outputs, '{}'), 'is_alone', is_alone, 'again', again,
    'runs', coalesce((
      select json_object_agg(r.id, json_build_object('organization_id', r.organization_id, 'input', r.input,
        'user_id', (
          -- Null when the membership has ended since: nobody's rights are left to act with.
          select r.created_by where exists (
            select 1 from public.memberships m
            where m.organization_id = r.organization_id and m.user_id = r.created_by and m.status = 'active'
            union all select 1 from public.platform_admins a where a.user_id = r.created_by)),
        'api_key_id', r.api_key_id,
        'started_at_ms', floor(extract(epoch from coalesce(r.started_at, now())) * 1000),
        -- The first step of a run that begins in the middle is fed by the run's input instead of its edges.
        'fed_block_id', case when r.from_block_id is not null and r.definition -> 'edges'
          @> jsonb_build_array(jsonb_build_object('target_block_id', r.from_block_id)) then r.from_block_id end))
      from public.pipeline_runs r where r.id = any (run_ids)), '{}'));
end $$;
comment on function private.describe_steps is
  'What a worker is told of steps: {steps, runs, edge_specs, outputs, is_alone, again}. What several share is told once, by id.';

create function private.cancel_attempts(step_ids uuid[]) returns void
language sql set search_path = '' as $$
  with canceled as (
    update public.run_steps s set status = 'canceled', finished_at = clock_timestamp(), worker_id = null
    where s.id = any (step_ids) returning s.*
  )
  insert into public.run_events (organization_id, run_id, step_id, event_type, data)
  select c.organization_id, c.run_id, c.id, 'step.canceled',
    jsonb_build_object('block_id', c.block_id, 'name', c.name, 'attempt', c.attempt)
  from canceled c order by c.id
$$;
comment on function private.cancel_attempts is 'Steps of a canceled run end, and what they did counts for nothing.';

create function private.fail_attempt(step public.run_steps, error jsonb, retryable boolean, retry_after_seconds numeric)
returns boolean language plpgsql set search_path = '' as $$
declare
  again constant boolean := retryable and step.failures + 1 < step.max_attempts;
begin
  update public.run_steps s set
    status = case when not again then 'failed' when s.pending_parents > 0 then 'blocked' else 'ready' end::public.step_status,
    failures = s.failures + 1,
    is_suspect = coalesce(fail_attempt.error ->> 'code' = 'lease_expired', false),
    run_at = case when again then clock_timestamp() + private.backoff(s.failures + 1, retry_after_seconds) else s.run_at end,
    finished_at = case when again then null else clock_timestamp() end,
    worker_id = null, error = fail_attempt.error
  where s.id = step.id;
  perform private.add_event(step, case when again then 'step.retrying' else 'step.failed' end,
    coalesce(error ->> 'message', ''), jsonb_build_object('error', error));
  return again;
end $$;
comment on function private.fail_attempt is 'An attempt that failed: tried again later, or failed for good (false).';

create function private.advance_runs(succeeded uuid[], failed uuid[], run_ids uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
  if succeeded <> '{}' then
    perform private.release_children(succeeded);
  end if;
  if failed <> '{}' then
    perform private.skip_descendants(failed);
  end if;
  perform private.settle_runs(run_ids);
end $$;
comment on function private.advance_runs is
  'What follows from steps that ended: children released or skipped, runs ended. The runs are locked.';

create function private.runs_of(step_ids uuid[]) returns uuid[]
language sql stable set search_path = '' as $$
  select array(select distinct s.run_id from public.run_steps s where s.id = any (step_ids))
$$;
comment on function private.runs_of is 'The runs that steps belong to.';

create function private.lock_runs(step_ids uuid[], run_ids uuid[] default null) returns uuid[]
language plpgsql set search_path = '' as $$
declare
  theirs constant uuid[] := coalesce(run_ids, private.runs_of(step_ids));
  canceling uuid[];
  canceled uuid[];
begin
  -- Before anything is decided: of a cancel and a result that come at once, one is first and the other sees it.
  -- Materialized, or the status would be looked at before the lock.
  with locked as materialized (
    select r.id, r.status from public.pipeline_runs r where r.id = any (theirs) order by r.id for no key update
  )
  select array_agg(l.id) into canceling from locked l where l.status = 'canceling';
  if canceling is null then
    return step_ids;
  end if;
  canceled := array(select s.id from public.run_steps s where s.id = any (step_ids) and s.run_id = any (canceling));
  perform private.cancel_attempts(canceled);
  return array(select i from unnest(step_ids) i where i <> all (canceled));
end $$;
comment on function private.lock_runs is
  'Locks the runs of attempts that are ending. Those of canceled runs are canceled, whatever became of them; the others are returned. run_ids, if the caller knows them.';

create function private.reap_steps() returns boolean
language plpgsql set search_path = '' as $$
declare
  expired constant uuid[] := array(
    select s.id from public.run_steps s
    where s.status = 'running' and s.worker_id in (
      select w.id from public.workers w where w.heartbeat_at + make_interval(secs => w.lease_seconds) < clock_timestamp())
    order by s.id for no key update of s skip locked);
  run_ids constant uuid[] := private.runs_of(expired);
  step public.run_steps;
  lost uuid[];
  failed uuid[] := '{}';
begin
  if expired = '{}' then
    return false;
  end if;
  lost := private.lock_runs(expired, run_ids);
  for step in select * from public.run_steps s where s.id = any (lost) order by s.id loop
    if not private.fail_attempt(step, jsonb_build_object('code', 'lease_expired',
      'message', 'The worker stopped answering'), true, null) then
      failed := failed || step.id;
    end if;
  end loop;
  perform private.advance_runs('{}', failed, run_ids);
  return true;
end $$;
comment on function private.reap_steps is
  'Takes the steps of dead workers back: retried with backoff, or failed. Tells whether there were any.';

create function private.continue_step(step public.run_steps, cursor jsonb) returns boolean
language plpgsql set search_path = '' as $$
begin
  if step.continuations >= 10000 then
    return private.fail_attempt(step, jsonb_build_object('code', 'too_many_continuations',
      'message', 'The step has gone on 10,000 times and is not done'), false, null);
  end if;
  -- It got on, so what failed before counts no more.
  update public.run_steps s set status = case when s.pending_parents > 0 then 'blocked' else 'ready' end::public.step_status,
    worker_id = null, started_at = null, run_at = clock_timestamp(), is_suspect = false, failures = 0, error = null,
    continuations = s.continuations + 1, continuation = jsonb_build_object('cursor', continue_step.cursor)
  where s.id = step.id;
  perform private.add_event(step, 'step.continued', '', jsonb_build_object('continuations', step.continuations + 1));
  return true;
end $$;
comment on function private.continue_step is
  'A part of a long step is done: the next one is queued, and no retry is spent. False when it has had too many.';

create function public.finish_steps(worker_id uuid, results jsonb) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_variable
declare
  held uuid[];
  run_ids uuid[];
  accepted uuid[];
  succeeded uuid[];
  parents uuid[];
  failed uuid[] := '{}';
  result record;
  step public.run_steps;
begin
  update public.workers w set heartbeat_at = clock_timestamp() where w.id = worker_id;
  -- The fence: only the worker that holds an attempt may end it.
  select coalesce(array_agg(h.id), '{}'), array_agg(distinct h.run_id) into held, run_ids from (
    select s.id, s.run_id from jsonb_to_recordset(results) r (step_id uuid, attempt integer)
    join public.run_steps s on s.id = r.step_id and s.attempt = r.attempt
    where s.worker_id = finish_steps.worker_id and s.status = 'running'
    order by s.id for no key update of s) h;
  accepted := private.lock_runs(held, run_ids);
  -- Successes, nearly all of what comes, in one statement.
  with done as (
    update public.run_steps s set status = 'succeeded', output = coalesce(r.output, 'null'), output_path = r.output_path,
      finished_at = clock_timestamp(), worker_id = null, error = null, is_suspect = false, updated_at = now()
    from jsonb_to_recordset(results) r (step_id uuid, succeeded boolean, output jsonb, output_path text)
    where r.succeeded and s.id = r.step_id and s.id = any (accepted)
    returning s.id, s.organization_id, s.run_id, s.block_id, s.name, s.attempt, s.child_ids
  ), event as (
    insert into public.run_events (organization_id, run_id, step_id, event_type, data)
    select d.organization_id, d.run_id, d.id, 'step.succeeded',
      jsonb_build_object('block_id', d.block_id, 'name', d.name, 'attempt', d.attempt)
    from done d order by d.id
  )
  select coalesce(array_agg(d.id), '{}'), coalesce(array_agg(d.id) filter (where d.child_ids <> '{}'), '{}')
  into succeeded, parents from done d;
  for result in
    select r.* from jsonb_to_recordset(results) r (step_id uuid, released boolean, continued boolean, cursor jsonb,
      error jsonb, retryable boolean, retry_after_seconds numeric)
    where cardinality(succeeded) < cardinality(accepted)
      and r.step_id = any (accepted) and r.step_id <> all (succeeded) order by r.step_id
  loop
    select * into step from public.run_steps s where s.id = result.step_id and s.status = 'running';
    continue when not found;
    if result.released then
      update public.run_steps s set status = case when s.pending_parents > 0 then 'blocked' else 'ready' end::public.step_status,
        worker_id = null, started_at = null, run_at = clock_timestamp()
      where s.id = step.id;
    elsif result.continued then
      if not private.continue_step(step, result.cursor) then
        failed := failed || step.id;
      end if;
    elsif not private.fail_attempt(step, result.error, coalesce(result.retryable, false), result.retry_after_seconds) then
      failed := failed || step.id;
    end if;
  end loop;
  perform private.advance_runs(parents, failed, run_ids);
  return jsonb_build_object('accepted', to_jsonb(accepted));
end $$;
comment on function public.finish_steps is
  'Ends attempts, all in one transaction. Results of attempts that the worker no longer holds, or of canceled runs, are ignored.';

create function public.heartbeat_worker(worker_id uuid, held uuid[] default null) returns uuid[]
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  -- Of a claim whose answer was lost, or results that could not be told. What began just now may still be on its way.
  forgotten constant jsonb := (
    select jsonb_agg(jsonb_build_object('step_id', s.id, 'attempt', s.attempt, 'released', true)) from public.run_steps s
    where s.worker_id = heartbeat_worker.worker_id and s.status = 'running' and s.id <> all (held)
      and s.started_at < clock_timestamp() - interval '10 seconds');
begin
  update public.workers w set heartbeat_at = clock_timestamp() where w.id = worker_id;
  if forgotten is not null then
    -- By the same fence as any result: should the worker know of one after all, what it says counts no more.
    perform public.finish_steps(worker_id, forgotten);
  end if;
  return array(select s.id from public.run_steps s join public.pipeline_runs r on r.id = s.run_id
    where s.worker_id = heartbeat_worker.worker_id and s.status = 'running' and r.status = 'canceling');
end $$;
comment on function public.heartbeat_worker is
  'A worker says that it lives, and hears which of its steps it shall stop: those of canceled runs. held, if it tells: the steps it knows of; any other of its own is given back, and no retry is spent.';

create function private.steps_due() returns boolean
language sql stable set search_path = '' as $$
  select exists (select 1 from public.run_steps s
      where s.status = 'ready' and s.lane is null and not s.is_suspect and s.run_at <= now())
    or exists (select 1 from public.run_steps s
      where s.status = 'ready' and s.lane is not null and not s.is_suspect and s.run_at <= now())
    or exists (select 1 from public.run_steps s where s.status = 'ready' and s.is_suspect and s.run_at <= now())
    or exists (
      select 1 from public.run_steps s join public.workers w on w.id = s.worker_id
      where s.status = 'running' and w.heartbeat_at + make_interval(secs => w.lease_seconds) < now())
$$;
comment on function private.steps_due is 'Whether a step wants a worker.';

-- Grants --------------------------------------------------------------------------------------

grant execute on function private.backoff, private.run_output, private.settle_runs, private.release_children, private.skip_descendants,
  private.describe_steps, private.fail_attempt, private.continue_step, private.cancel_attempts, private.lock_runs, private.runs_of,
  private.advance_runs, private.reap_steps, private.slots_key, private.waiting_lanes, private.lock_lanes, private.free_slots,
  private.pick_suspect, private.pick_from_lanes, private.pick_steps, private.look_over, private.take_steps,
  private.reuse_outputs, private.add_event, private.steps_due
  to service_role;
grant execute on function public.claim_steps, public.finish_steps, public.heartbeat_worker to service_role;
