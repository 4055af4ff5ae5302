-- Runs: what may start, and what claiming and finishing steps does to a run.
begin;
create extension if not exists pgtap with schema extensions;
select plan(79);

create function pg_temp.as_user(user_id uuid, statement text) returns text language plpgsql as $$
declare
  answer text;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', user_id, 'role', 'authenticated')::text, true);
  perform set_config('role', 'authenticated', true);
  execute statement into answer;
  perform set_config('role', 'none', true), set_config('request.jwt.claims', '', true);
  return answer;
end $$;
comment on function pg_temp.as_user is 'What a statement answers a signed-in user; an error takes the sign-in back, too.';

select ok(private.backoff(1) between interval '0' and interval '2 seconds', 'The first retry comes within two seconds');
select ok(private.backoff(20) <= interval '300 seconds', 'No retry waits longer than five minutes by itself');
select ok(private.backoff(20000) <= interval '300 seconds', 'However often it failed');
select is(private.backoff(1, 7), interval '7 seconds', 'What the other side asked for wins');
select is(private.backoff(1, 1000000), interval '1 hour', 'Within reason');
select is(private.backoff(1, -7), interval '0', 'And never back in time');

insert into auth.users (id, email) values
  ('a0000000-0000-4000-8000-000000000000', 'ada@example.com'),
  ('b0000000-0000-4000-8000-000000000000', 'bob@example.com'),
  ('c0000000-0000-4000-8000-000000000000', 'cy@example.com');
insert into public.organizations (id, name, slug) values
  ('00000000-0000-4000-8000-000000000001', 'Team', 'pgtap-team'),
  ('00000000-0000-4000-8000-000000000002', 'Others', 'pgtap-others');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'owner', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');
insert into public.blocks (id, organization_id, name, block_type) values
  ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', 'A', 'dataset'),
  ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'B', 'model'),
  ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000001', 'C', 'model'),
  ('00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', 'Theirs', 'model');
insert into public.edges (id, organization_id, name) values ('00000000-0000-4000-8000-000000000015', '00000000-0000-4000-8000-000000000001', 'Same');
insert into public.block_versions (block_id, spec)
select id, case block_type when 'dataset' then '{"kind": "inline", "rows": []}' else '{"kind": "jsonata", "expression": "input"}' end::jsonb
from public.blocks where organization_id = '00000000-0000-4000-8000-000000000001';
insert into public.edge_versions (id, edge_id, spec) values ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000015', '{"kind": "identity"}');
insert into public.pipelines (id, organization_id, name) values ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'P');
insert into public.pipeline_blocks (pipeline_id, block_id)
select '00000000-0000-4000-8000-000000000003', id from public.blocks where organization_id = '00000000-0000-4000-8000-000000000001';
insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id) values
  ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000015', '00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000012'),
  ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000015', '00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000013');
create function pg_temp.launch() returns uuid language sql as $$
  select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select (public.start_run(''00000000-0000-4000-8000-000000000003'', ''{"input": {"n": 1}}'')).id')::uuid
$$;
create function pg_temp.claim(worker uuid) returns integer language sql as $$
  select json_array_length(public.claim_steps(worker, 100, is_idle => true) -> 'steps')
$$;
create function pg_temp.finish(worker uuid, run uuid, step text, result jsonb, attempts_ago integer default 0)
returns integer language sql as $$
  select jsonb_array_length(public.finish_steps(worker, jsonb_build_array(
    jsonb_build_object('step_id', s.id, 'attempt', s.attempt - attempts_ago) || result)) -> 'accepted')
  from public.run_steps s where s.run_id = run and s.name = step
$$;
create function pg_temp.steps(run uuid) returns text language sql as $$
  select string_agg(name || ' ' || status, ', ' order by name) from public.run_steps where run_id = run
$$;
create function pg_temp.status(run uuid) returns text language sql as $$
  select status::text from public.pipeline_runs where id = run
$$;
create function pg_temp.events(run uuid) returns text language sql as $$
  select string_agg(event_type, ' ' order by transaction_id, sequence) from public.run_events where run_id = run
$$;
-- Without chance: what is tried again waits for as long as the test likes.
create or replace function private.backoff(attempt integer, retry_after_seconds numeric default null) returns interval
language sql volatile set search_path = '' as $$ select interval '1 minute' $$;
-- A database in use may have work of its own waiting, which is not ours to claim.
update public.run_steps set run_at = 'infinity' where status = 'ready';

-- Starting ------------------------------------------------------------------------------------

select throws_ok('select pg_temp.launch()', 'PT409', null, 'An edge that nobody has verified can''t run');
insert into public.edge_verifications (edge_version_id) values ('00000000-0000-4000-8000-000000000031');
select throws_ok('select pg_temp.launch()', 'PT409', null, 'Nor one whose verification is pending');
update public.edge_verifications set verification_status = 'passed', verified_at = now()
where edge_version_id = '00000000-0000-4000-8000-000000000031';
update public.pipelines set status = 'draft' where id = '00000000-0000-4000-8000-000000000003';
select throws_ok('select pg_temp.launch()', 'PT409', null, 'A draft does not run');
update public.pipelines set status = 'active' where id = '00000000-0000-4000-8000-000000000003';
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000', 'select public.start_run(''00000000-0000-4000-8000-000000000003'')')$$,
  'PT404', null, 'To a stranger the pipeline is not there');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select public.start_run(''00000000-0000-4000-8000-000000000003'', ''{"from": "00000000-0000-4000-8000-000000000014"}'')')$$,
  'PT422', null, 'A run starts at a block of the pipeline');
create temporary table one as select pg_temp.launch() as id;
select is(pg_temp.status((select id from one)), 'queued', 'A run waits at first');
select is(pg_temp.steps((select id from one)), 'A ready, B blocked, C blocked', 'A step is ready when it waits for none');
select results_eq(
  $$select name, pending_parents, cardinality(child_ids) from public.run_steps where run_id = (select id from one) order by 1$$,
  $$values ('A', 0, 1), ('B', 1, 1), ('C', 1, 0)$$, 'Each step knows how many it waits for, and who waits for it');
select is(
  (select jsonb_array_length(definition -> 'blocks') || ' ' || jsonb_array_length(definition -> 'edges')
    from public.pipeline_runs where id = (select id from one)),
  '3 2', 'The definition is pinned');
select results_eq(
  $$select (a.r).id = (b.r).id from
    (select public.start_run('00000000-0000-4000-8000-000000000003', '{}', 'k') r from (select set_config('request.jwt.claims', '{"sub": "b0000000-0000-4000-8000-000000000000"}', true)) x) a,
    (select public.start_run('00000000-0000-4000-8000-000000000003', '{}', 'k') r) b$$,
  'values (true)', 'A key starts one run');
select throws_ok(
  format($$select public.start_run('00000000-0000-4000-8000-000000000003', %L, 'k')$$, request), 'PT422', null, 'With another ' || what || ' it is refused')
from (values ('priority', '{"priority": 1}'), ('input', '{"input": 1}'),
  ('first block', '{"from": "00000000-0000-4000-8000-000000000011"}')) x (what, request);
update public.run_steps set run_at = 'infinity' where run_id <> (select id from one);
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'insert into public.pipeline_runs (organization_id, pipeline_id, definition)
    values (''00000000-0000-4000-8000-000000000001'', ''00000000-0000-4000-8000-000000000003'', ''{}'') returning id')$$,
  '42501', null, 'No client forges a run');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'update public.run_steps set output = ''1'' returning id')$$,
  '42501', null, 'No client forges a result');
select is_empty(
  $$select r, f from unnest(array['anon', 'authenticated']) r
    cross join unnest(array['public.claim_steps(uuid, integer, integer, boolean)', 'public.finish_steps(uuid, jsonb)',
      'public.heartbeat_worker(uuid, uuid[])']) f
    where has_function_privilege(r, f, 'execute')$$,
  'The worker''s commands are service_role''s alone');

-- Working -------------------------------------------------------------------------------------

select is(pg_temp.claim('00000000-0000-4000-8000-000000000091'), 1, 'A worker claims what is ready');
select is(pg_temp.claim('00000000-0000-4000-8000-000000000092'), 0, 'And another worker does not get it again');
select is(pg_temp.status((select id from one)), 'running', 'The run has begun');
select is(
  (select attempt || ' ' || worker_id from public.run_steps where run_id = (select id from one) and name = 'A'),
  '1 00000000-0000-4000-8000-000000000091', 'A claim counts an attempt and names its worker');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000092', (select id from one), 'A', '{"succeeded": true, "output": 1}'), 0, 'Another worker can''t end it');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from one), 'A', '{"succeeded": true, "output": 1}', 1), 0, 'Nor a late one of an earlier attempt');
select is(pg_temp.steps((select id from one)), 'A running, B blocked, C blocked', 'And they change nothing');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from one), 'A', '{"succeeded": true, "output": 1}'), 1, 'The holder ends it');
select is(pg_temp.steps((select id from one)), 'A succeeded, B ready, C blocked', 'What waited for it is ready');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from one), 'A', '{"succeeded": false, "retryable": false, "error": {"code": "broken", "message": "Broken"}}'), 0, 'It has ended once and for all');
select is(pg_temp.claim('00000000-0000-4000-8000-000000000091'), 1, 'The next step is claimed');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from one), 'B', '{"succeeded": true, "output": 1}'), 1, 'And ended');
select is(pg_temp.claim('00000000-0000-4000-8000-000000000091'), 1, 'The last step is claimed');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from one), 'C', '{"succeeded": true, "output": [2]}'), 1, 'And ended');
select results_eq(
  $$select status::text, output, error, finished_at is not null from public.pipeline_runs where id = (select id from one)$$,
  $$values ('succeeded', '[2]'::jsonb, null::jsonb, true)$$, 'The run ends with the output of its last block');
select is(
  pg_temp.events((select id from one)),
  'run.queued run.started step.started step.succeeded step.started step.succeeded step.started step.succeeded run.succeeded',
  'Each transition is an event, in order');
select results_eq(
  $$select times_run, average_runtime is not null from public.pipelines where id = '00000000-0000-4000-8000-000000000003'$$,
  'values (2, true)', 'The pipeline counts its runs');
select throws_ok(
  $$update public.pipeline_runs set status = 'running', finished_at = null where id = (select id from one)$$,
  'PT409', null, 'An ended run stays as it ended');
select throws_ok(
  $$update public.pipeline_runs set definition = '{}' where id = (select id from one)$$,
  'PT409', null, 'A definition stays');

-- Failing -------------------------------------------------------------------------------------

create temporary table two as select pg_temp.launch() as id;
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from two), 'A', '{"succeeded": false, "retryable": true, "error": {"code": "busy", "message": "Busy"}}'), 1, 'An attempt fails');
select results_eq(
  $$select status::text, attempt, worker_id, run_at > now() from public.run_steps where run_id = (select id from two) and name = 'A'$$,
  $$values ('ready', 1, null::uuid, true)$$, 'It is tried again later');
update public.run_steps set run_at = now() where run_id = (select id from two) and name = 'A';
select is(pg_temp.claim('00000000-0000-4000-8000-000000000091'), 1, 'It is claimed again');
update public.run_steps set max_attempts = 2 where run_id = (select id from two);
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from two), 'A', '{"succeeded": false, "retryable": true, "error": {"code": "busy", "message": "Busy"}}'), 1, 'The last attempt fails');
select is(pg_temp.steps((select id from two)), 'A failed, B skipped, C skipped', 'What comes after is skipped');
select results_eq(
  $$select status::text, error ->> 'code', error ->> 'block', output from public.pipeline_runs where id = (select id from two)$$,
  $$values ('failed', 'busy', 'A', null::jsonb)$$, 'The run fails, and names the block');
create temporary table three as select pg_temp.launch() as id;
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from three), 'A', '{"succeeded": false, "retryable": false, "error": {"code": "broken", "message": "Broken"}}');
select is(pg_temp.status((select id from three)), 'failed', 'What can''t be mended by trying is not tried again');

-- Dead workers --------------------------------------------------------------------------------

create temporary table four as select pg_temp.launch() as id;
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select is(pg_temp.claim('00000000-0000-4000-8000-000000000092'), 0, 'A living worker keeps its steps');
update public.workers set heartbeat_at = now() - interval '1 hour' where id = '00000000-0000-4000-8000-000000000091';
select pg_temp.claim('00000000-0000-4000-8000-000000000092');
select results_eq(
  $$select status::text, error ->> 'code' from public.run_steps where run_id = (select id from four) and name = 'A'$$,
  $$values ('ready', 'lease_expired')$$, 'A dead worker loses them, and they are tried again');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from four), 'A', '{"succeeded": true, "output": 1}'), 0, 'Back from the dead it changes nothing');
update public.run_steps set run_at = now(), max_attempts = 2 where run_id = (select id from four) and name = 'A';
select is(pg_temp.claim('00000000-0000-4000-8000-000000000092'), 1, 'Another worker takes over');
update public.workers set heartbeat_at = now() - interval '1 hour' where id = '00000000-0000-4000-8000-000000000092';
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select is(pg_temp.status((select id from four)), 'failed', 'A run whose workers all die ends');

-- Long steps ----------------------------------------------------------------------------------

create temporary table five as select pg_temp.launch() as id;
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from five), 'A', '{"continued": true, "cursor": [2]}'), 1, 'A part of a step is done');
select results_eq(
  $$select status::text, attempt, failures, continuations, continuation from public.run_steps where run_id = (select id from five) and name = 'A'$$,
  $$values ('ready', 1, 0, 1, '{"cursor": [2]}'::jsonb)$$, 'The next one is ready, and no try is spent');
select is(
  public.claim_steps('00000000-0000-4000-8000-000000000092', 100)::jsonb #> '{steps,0,cursor}', '[2]',
  'Whoever claims it is told the cursor');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from five), 'A', '{"continued": true, "cursor": "late"}'), 0, 'One who has lost the step can''t continue it');

-- Canceling -----------------------------------------------------------------------------------

create function pg_temp.cancel(run uuid) returns text language sql as $$
  select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format('select (public.cancel_run(%L)).status', run))
$$;
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000', format('select public.cancel_run(%L)', (select id from five)))$$,
  'PT404', null, 'To a stranger there is nothing to cancel');
select is(pg_temp.cancel((select id from five)), 'canceling', 'A run at work is canceled when its steps have ended');
select is(pg_temp.steps((select id from five)), 'A running, B canceled, C canceled', 'What has not begun never will');
select is(public.heartbeat_worker('00000000-0000-4000-8000-000000000092'),
  array(select id from public.run_steps where run_id = (select id from five) and name = 'A'), 'The worker hears what to stop');
select is(pg_temp.finish('00000000-0000-4000-8000-000000000092', (select id from five), 'A', '{"succeeded": true, "output": 1}'), 0, 'What is done late counts nothing');
select results_eq(
  $$select status::text, output, pg_temp.steps(id) from public.pipeline_runs where id = (select id from five)$$,
  $$values ('canceled', null::jsonb, 'A canceled, B canceled, C canceled')$$, 'And the run has ended');
select is(pg_temp.cancel((select id from five)), 'canceled', 'To cancel it once more changes nothing');
select throws_ok('select pg_temp.cancel((select id from one))', 'PT409', null, 'A run that succeeded stays so');

-- Trying again --------------------------------------------------------------------------------

create function pg_temp.retry(run uuid, start_at text default 'failed') returns uuid language sql as $$
  select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format('select (public.retry_run(%L, %L)).id', run, start_at))::uuid
$$;
create temporary table six as select pg_temp.launch() as id;
select throws_ok('select pg_temp.retry((select id from six))', 'PT409', null, 'A run that has not ended is not tried again');
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from six), 'A', '{"succeeded": true, "output": "kept"}');
select pg_temp.claim('00000000-0000-4000-8000-000000000091');
select pg_temp.finish('00000000-0000-4000-8000-000000000091', (select id from six), 'B', '{"succeeded": false, "retryable": false, "error": {"code": "broken", "message": "Broken"}}');
create temporary table seven as select pg_temp.retry((select id from six)) as id;
select is(pg_temp.steps((select id from seven)), 'A succeeded, B ready, C blocked', 'What succeeded is kept, the rest is to do');
select results_eq(
  $$select s.output, s.reused_step_id = o.id, r.parent_run_id = o.run_id from public.run_steps s
    join public.pipeline_runs r on r.id = s.run_id join public.run_steps o on o.run_id = (select id from six) and o.name = s.name
    where s.run_id = (select id from seven) and s.name = 'A'$$,
  $$values ('"kept"'::jsonb, true, true)$$, 'With its output, and whose it is');
select is(
  (select s.incoming #>> '{0,source_step_id}' from public.run_steps s where s.run_id = (select id from seven) and s.name = 'B'),
  (select s.id::text from public.run_steps s where s.run_id = (select id from seven) and s.name = 'A'), 'The steps lead to each other, not back to the old ones');
select is(pg_temp.steps(pg_temp.retry((select id from six), 'start')), 'A ready, B blocked, C blocked', 'From the start there is everything to do');
select throws_ok('select pg_temp.retry((select id from one))', 'PT409', null, 'A run that succeeded has no failed step');
select throws_ok('select pg_temp.retry((select id from six), ''middle'')', 'PT422', null, 'There is nothing between failed and start');
update public.run_steps set run_at = 'infinity' where status = 'ready';

-- Limits --------------------------------------------------------------------------------------

update public.pipelines set max_concurrent_steps = 1 where id = '00000000-0000-4000-8000-000000000003';
create temporary table eight as select pg_temp.launch() as id;
create temporary table nine as select pg_temp.launch() as id;
select is(pg_temp.claim('00000000-0000-4000-8000-000000000091'), 1, 'A pipeline''s limit holds in one claim');
select is(pg_temp.claim('00000000-0000-4000-8000-000000000092'), 0, 'And over all workers');
update public.pipelines set max_concurrent_steps = null where id = '00000000-0000-4000-8000-000000000003';
update public.organizations set max_concurrent_steps = 1 where id = '00000000-0000-4000-8000-000000000001';
select is(pg_temp.claim('00000000-0000-4000-8000-000000000092'), 0, 'An organization''s counts what is running already');
update public.organizations set max_concurrent_steps = null where id = '00000000-0000-4000-8000-000000000001';
select is(pg_temp.claim('00000000-0000-4000-8000-000000000092'), 1, 'A limit that is lifted lets go');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'update public.organizations set max_concurrent_steps = 9 returning id')$$,
  '42501', null, 'No owner sets the organization''s limit');

-- Reading -------------------------------------------------------------------------------------

select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format('select jsonb_array_length(public.list_run_events(%L) -> ''data'')', (select id from one))),
  '9', 'A member reads a run''s events');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000', format('select public.list_run_events(%L)', (select id from one)))$$,
  'PT404', null, 'To a stranger the run is not there');

select * from finish();
rollback;
