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
    when retry_after_seconds is null then least(2 ^ attempt, 300) * random()
    else least(retry_after_seconds, 3600) end::double precision)
$$;
comment on function private.backoff is 'Seconds until the next attempt; what the failing side asked for wins.';

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
  ended uuid[] := '{}';
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
      output = case when failed_step.id is null then private.run_output(run.id) end
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
  -- Locks on runs are taken in one order everywhere, so that workers never wait for each other in a circle.
  perform 1 from public.pipeline_runs r
  where r.status = 'queued' and r.id in (select s.run_id from public.run_steps s where s.id = any (claimed))
  order by r.id for no key update;
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
language plpgsql stable set search_path = '' as $$
begin
  -- PL/pgSQL keeps the plan from call to call. A definition is large: it is unpacked once for a run, and
  -- only where a step has no incoming edges.
  return (with root_run as materialized (
    select r.id, r.definition -> 'edges' as edges from public.pipeline_runs r
    where r.id in (select s.run_id from public.run_steps s where s.id = any (step_ids) and s.incoming = '[]')
  ) select jsonb_build_object(
    'steps', coalesce((
      select jsonb_agg(jsonb_build_object(
        'step_id', s.id, 'attempt', s.attempt, 'run_id', s.run_id, 'organization_id', s.organization_id,
        'user_id', (
          -- Null when the membership has ended since: nobody's rights are left to act with.
          select r.created_by where exists (
            select 1 from public.memberships m
            where m.organization_id = s.organization_id and m.user_id = r.created_by and m.status = 'active'
            union all select 1 from public.platform_admins a where a.user_id = r.created_by)),
        'name', s.name, 'block_type', b.block_type, 'spec', v.spec,
        'timeout_seconds', s.timeout_seconds,
        'started_at_ms', floor(extract(epoch from r.started_at) * 1000),
        -- The first step of a run that begins in the middle is fed by the run's input instead of its edges.
        'has_input', s.incoming <> '[]' or rr.edges
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
      left join root_run rr on rr.id = s.run_id
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
      where r.id in (select s.run_id from public.run_steps s where s.id = any (step_ids))), '{}')));
end $$;
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
    select s.* from public.run_steps s left join public.workers w on w.id = s.worker_id
    where s.status = 'running'
      and (w.id is null or w.heartbeat_at + make_interval(secs => w.lease_seconds) < clock_timestamp())
    order by s.id for no key update of s skip locked
  loop
    if not private.fail_attempt(step, jsonb_build_object('code', 'lease_expired',
      'message', 'The worker stopped answering'), true, null) then
      failed := failed || step.id;
      runs := runs || step.run_id;
    end if;
  end loop;
  if failed <> '{}' then
    perform 1 from public.pipeline_runs r where r.id = any (runs) order by r.id for no key update;
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
  -- Successes, nearly all of what comes, in one statement. The fence: only the worker that holds an
  -- attempt may end it.
  with result as materialized (
    select r.* from jsonb_to_recordset(results)
      r (step_id uuid, attempt integer, succeeded boolean, output jsonb, output_path text)
    where r.succeeded
  ), held as materialized (
    select s.id from public.run_steps s join result r on r.step_id = s.id and r.attempt = s.attempt
    where s.worker_id = finish_steps.worker_id and s.status = 'running'
    order by s.id for no key update of s
  ), done as (
    update public.run_steps s set status = 'succeeded', output = coalesce(r.output, 'null'),
      output_path = r.output_path, finished_at = clock_timestamp(), worker_id = null, error = null
    from result r join held h on h.id = r.step_id
    where s.id = r.step_id
    returning s.*
  ), event as (
    insert into public.run_events (organization_id, run_id, step_id, event_type, data)
    select d.organization_id, d.run_id, d.id, 'step.succeeded',
      jsonb_build_object('block_id', d.block_id, 'name', d.name, 'attempt', d.attempt)
    from done d order by d.id
  )
  select coalesce(array_agg(d.id), '{}'), coalesce(array_agg(distinct d.run_id), '{}')
  into succeeded, runs from done d;
  accepted := succeeded;
  for result in
    select r.* from jsonb_to_recordset(results) r (step_id uuid, attempt integer, succeeded boolean,
      released boolean, error jsonb, retryable boolean, retry_after_seconds numeric)
    where r.succeeded is not true order by r.step_id
  loop
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
    if not private.fail_attempt(step, result.error, result.retryable, result.retry_after_seconds) then
      failed := failed || step.id;
    end if;
  end loop;
  perform 1 from public.pipeline_runs r where r.id = any (runs) order by r.id for no key update;
  perform private.release_children(succeeded);
  if failed <> '{}' then
    perform private.skip_descendants(failed);
  end if;
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
      select 1 from public.run_steps s left join public.workers w on w.id = s.worker_id
      where s.status = 'running'
        and (w.id is null or w.heartbeat_at + make_interval(secs => w.lease_seconds) < now()))
$$;
comment on function private.worker_needed is 'What the scheduled sweep asks before it wakes a worker.';

-- Grants --------------------------------------------------------------------------------------

grant execute on function private.backoff, private.run_output, private.settle_runs, private.release_children, private.skip_descendants,
  private.describe_steps, private.fail_attempt, private.reap_steps, private.add_event, private.worker_needed
  to service_role;
grant execute on function public.claim_steps, public.finish_steps, public.heartbeat_worker to service_role;
