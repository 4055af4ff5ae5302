-- Triggers: deliveries and times start one run each, and a step's rows are written once.
begin;
create extension if not exists pgtap with schema extensions;
select plan(47);

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

insert into public.edge_verifications (edge_version_id) values ('00000000-0000-4000-8000-000000000031');
update public.edge_verifications set verification_status = 'passed', verified_at = now()
where edge_version_id = '00000000-0000-4000-8000-000000000031';

-- Webhooks ------------------------------------------------------------------------------------

create function pg_temp.webhook(id text, caller uuid, rest text) returns text language sql as $$
  select pg_temp.as_user(caller, format('select (public.create_webhook_trigger(%L, ''00000000-0000-4000-8000-000000000003'', %s)).id', id, rest))
$$;
select lives_ok(
  $$select pg_temp.webhook('00000000-0000-4000-8000-000000000041', 'a0000000-0000-4000-8000-000000000000', '''standard'', ''{"id": "00000000-0000-4000-8000-000000000051", "ciphertext": "cipher", "key_version": 1}''')$$, 'An admin makes a webhook with its secret');
select throws_ok(
  $$select pg_temp.webhook('00000000-0000-4000-8000-000000000042', 'a0000000-0000-4000-8000-000000000000', '''standard''')$$, 'PT422', null, 'A signed scheme needs a secret');
select lives_ok(
  $$select pg_temp.webhook('00000000-0000-4000-8000-000000000043', 'a0000000-0000-4000-8000-000000000000', '''none''')$$, 'An unsigned one does not');
select throws_ok(
  $$select pg_temp.webhook('00000000-0000-4000-8000-000000000044', 'b0000000-0000-4000-8000-000000000000', '''none''')$$, '42501', null, 'A member can''t make one');
select throws_ok(
  $$select pg_temp.webhook('00000000-0000-4000-8000-000000000045', 'c0000000-0000-4000-8000-000000000000', '''none''')$$, 'PT404', null, 'To a stranger the pipeline is not there');
select throws_ok(
  $$insert into public.pipeline_triggers (pipeline_id, type, created_by) values ('00000000-0000-4000-8000-000000000003', 'webhook', 'a0000000-0000-4000-8000-000000000000')$$,
  '23514', null, 'A webhook has a scheme');
select throws_ok(
  $$do $do$ begin
    insert into public.pipeline_triggers (pipeline_id, type, scheme, created_by)
    values ('00000000-0000-4000-8000-000000000003', 'webhook', 'hmac', 'a0000000-0000-4000-8000-000000000000');
    set constraints public.require_trigger_secret immediate;
  end $do$ $$, 'PT422', null, 'Past the function, too, a signed one is not stored without its secret');
select lives_ok('set constraints public.require_trigger_secret immediate', 'Those above have what they need');
set constraints public.require_trigger_secret deferred;
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'select ciphertext from public.trigger_secrets')$$,
  '42501', null, 'Nobody reads a secret back');
select is_empty(
  $$select t.id from public.trigger_secrets s join public.pipeline_triggers t on t.id = s.trigger_id
    where s.organization_id <> t.organization_id$$,
  'A secret is of its webhook''s organization');

-- Deliveries ----------------------------------------------------------------------------------

create temporary table first as select (public.receive_delivery('00000000-0000-4000-8000-000000000041', '{"id": "d-1", "input": {"n": 1}}')).*;
select results_eq(
  'select trigger::text, trigger_id, created_by, input from first',
  $$values ('webhook', '00000000-0000-4000-8000-000000000041'::uuid, 'a0000000-0000-4000-8000-000000000000'::uuid, '{"n": 1}'::jsonb)$$,
  'A delivery starts a run as the webhook''s maker');
select is(
  (public.receive_delivery('00000000-0000-4000-8000-000000000041', '{"id": "d-1", "input": {"n": 2}}')).id, (select id from first),
  'The same delivery again is the same run');
select isnt(
  (public.receive_delivery('00000000-0000-4000-8000-000000000041', '{"id": "d-2", "input": {"n": 2}}')).id, (select id from first), 'Another one is another run');
update public.pipeline_triggers set is_active = false where id = '00000000-0000-4000-8000-000000000041';
select throws_ok(
  $$select public.receive_delivery('00000000-0000-4000-8000-000000000041', '{"id": "d-3", "input": {}}')$$, 'PT404', null, 'A webhook that is off is not there');
select is(
  (select count(*) from public.webhook_deliveries where trigger_id = '00000000-0000-4000-8000-000000000041'), 2::bigint, 'And keeps nothing');
update public.pipeline_triggers set is_active = true where id = '00000000-0000-4000-8000-000000000041';
create temporary table gone as select (public.receive_delivery('00000000-0000-4000-8000-000000000043', '{"id": "d-1", "input": {}}')).id;
delete from public.pipeline_runs where id = (select id from gone);
select throws_ok(
  $$select public.receive_delivery('00000000-0000-4000-8000-000000000043', '{"id": "d-1", "input": {}}')$$, 'PT409', null,
  'One whose run was deleted starts no other');
update public.pipelines set status = 'draft' where id = '00000000-0000-4000-8000-000000000003';
select throws_ok(
  $$select public.receive_delivery('00000000-0000-4000-8000-000000000041', '{"id": "d-4", "input": {}}')$$, 'PT409', null, 'A delivery that can start nothing is refused');
select is(
  (select count(*) from public.webhook_deliveries where trigger_id = '00000000-0000-4000-8000-000000000041'), 2::bigint,
  'And may be sent again');

-- Rows ----------------------------------------------------------------------------------------

create table public.pgtap_rows (id integer primary key, organization_id uuid not null, note text);
create temporary table step as
  select id from public.run_steps where run_id = (select id from first) and name = 'A';
update public.run_steps set status = 'running' where id = (select id from step);
update public.pipeline_runs set status = 'canceling' where id = (select id from first);
select throws_ok(
  $$select public.write_table_rows(id, 'pgtap_rows', '[{"id": 1}]') from step$$, 'PT404', null, 'A run that is canceled writes nothing more');
update public.pipeline_runs set status = 'running' where id = (select id from first);
select is(
  (select public.write_table_rows(id, 'pgtap_rows', '[{"id": 1, "note": "a"}, {"id": 2}]') from step),
  (select public.write_table_rows(id, 'pgtap_rows', '[{"id": 3}]') from step),
  'A step''s rows are written once; its second attempt has the first answer');
select results_eq(
  'select id, organization_id, note from public.pgtap_rows order by id',
  $$values (1, '00000000-0000-4000-8000-000000000001'::uuid, 'a'), (2, '00000000-0000-4000-8000-000000000001', null)$$,
  'The rows are of the run''s organization');

-- Secrets -------------------------------------------------------------------------------------

create function pg_temp.rotate(caller uuid, id text, grace integer) returns text language sql as $$
  select pg_temp.as_user(caller, format('with added as (insert into public.trigger_secrets (id, trigger_id, ciphertext, key_version, grace_seconds)
    values (%L, ''00000000-0000-4000-8000-000000000041'', ''c'', 1, %s)) select 1', id, grace))
$$;
create function pg_temp.secrets() returns setof text language sql as $$
  select right(s.id::text, 2) || case when s.expires_at is null then ' current' else ' until ' || extract(epoch from s.expires_at - now())::integer end
  from public.trigger_secrets s where s.trigger_id = '00000000-0000-4000-8000-000000000041' order by s.id
$$;
select lives_ok($$select pg_temp.rotate('a0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000052', 60)$$, 'An admin gives a webhook a new secret');
select results_eq('select pg_temp.secrets()', array['51 until 60', '52 current'], 'The one before it works until its grace ends');
select lives_ok($$select pg_temp.rotate('a0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000053', 90)$$, 'And another one');
select results_eq('select pg_temp.secrets()', array['52 until 90', '53 current'], 'Two work at most');
update public.trigger_secrets set expires_at = now() where id = '00000000-0000-4000-8000-000000000052';
select is(
  (select jsonb_path_query_array(public.find_webhook('00000000-0000-4000-8000-000000000041'), '$.secrets[*].id')),
  '["00000000-0000-4000-8000-000000000053"]', 'A delivery is checked with none whose time is over');
select lives_ok($$select pg_temp.rotate('a0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000054', 0)$$, 'And one without a grace');
select results_eq('select pg_temp.secrets()', array['54 current'], 'Without a grace it is the only one');
select throws_ok($$select pg_temp.rotate('b0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000055', 0)$$, '42501', null, 'A member gives none');
select throws_ok($$select pg_temp.rotate('a0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000055', -1)$$, '23514', null, 'A grace is not negative');
select throws_ok(
  $$insert into public.trigger_secrets (trigger_id, ciphertext, key_version) values ('00000000-0000-4000-8000-000000000043', 'c', 1)$$,
  'PT422', null, 'A webhook without a scheme has no secret');

-- Schedules -----------------------------------------------------------------------------------

update public.pipelines set status = 'active' where id = '00000000-0000-4000-8000-000000000003';
select lives_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'with added as (insert into public.pipeline_triggers
    (id, pipeline_id, type, expression, timezone, catch_up, overlap, input) values (''00000000-0000-4000-8000-000000000061'',
    ''00000000-0000-4000-8000-000000000003'', ''cron'', ''0 0 29 2 *'', ''UTC'', ''all'', ''skip'', ''{"n": 1}'')) select 1')$$, 'An admin makes a schedule');
select throws_ok(
  $$insert into public.pipeline_triggers (pipeline_id, type, expression, created_by)
    values ('00000000-0000-4000-8000-000000000003', 'cron', '* * * * *', 'a0000000-0000-4000-8000-000000000000')$$,
  '23514', null, 'A schedule is whole');
select throws_ok(
  $$update public.pipeline_triggers set expression = '* * * * *' where id = '00000000-0000-4000-8000-000000000041'$$,
  '23514', null, 'A webhook has none');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'update public.pipeline_triggers set next_fire_at = now()')$$,
  '42501', null, 'No client says when it is due');
update public.pipeline_triggers set next_fire_at = '2020-02-29T00:00Z' where id = '00000000-0000-4000-8000-000000000061';
select ok(private.schedules_due(), 'A schedule that is due wants a worker');
select is(
  public.claim_schedules(10) #> '{schedules,0,due_ms}', to_jsonb(1582934400000), 'Who claims it hears since when');
select ok(not private.schedules_due(), 'One that is claimed wants none');
select ok(
  public.fire_schedule('00000000-0000-4000-8000-000000000061', '2020-02-29T00:00Z',
    '{"times": ["2020-02-29T00:00Z", "2024-02-29T00:00Z"], "passed_over": 2, "latest_missed": null, "next_fire_at": "2028-02-29T00:00Z"}'),
  'Firing it counts');
select results_eq(
  $$select scheduled_at, status::text, reason, passed_over from public.trigger_firings
    where trigger_id = '00000000-0000-4000-8000-000000000061' order by scheduled_at$$,
  $$values ('2020-02-29T00:00Z'::timestamptz, 'started', null, 2), ('2024-02-29T00:00Z', 'skipped', 'overlap', 0)$$,
  'A run starts, and what overlaps it is skipped');
select results_eq(
  $$select r.trigger::text, r.created_by, r.input from public.trigger_firings f join public.pipeline_runs r on r.id = f.run_id$$,
  $$values ('cron', 'a0000000-0000-4000-8000-000000000000'::uuid, '{"n": 1, "scheduled_at": "2020-02-29T00:00:00.000Z"}'::jsonb)$$,
  'The run acts as the schedule''s maker and knows its time');
select ok(
  not public.fire_schedule('00000000-0000-4000-8000-000000000061', '2020-02-29T00:00Z',
    '{"times": ["2016-02-29T00:00Z"], "passed_over": 0, "latest_missed": null, "next_fire_at": null}'),
  'What was computed of a time that is over changes nothing');

-- The worker's call ---------------------------------------------------------------------------

select ok(
  public.check_worker_token((select encode(sha256(convert_to(token, 'UTF8')), 'hex') from private.worker_access))
    and not public.check_worker_token((select token from private.worker_access)),
  'The worker''s token is known by its SHA-256');
select ok(not private.wake_worker(), 'Nobody is called while the project has no address');
-- What pg_net offers, as far as it is used.
create schema net;
create table net.calls (url text, headers jsonb);
create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
returns bigint language sql as $$ insert into net.calls values (url, headers) returning 1::bigint $$;
select private.set_worker_url('https://abc.supabase.co/');
update public.pipeline_triggers set next_fire_at = '2024-02-29T00:00Z', claimed_until = null where id = '00000000-0000-4000-8000-000000000061';
select ok(private.wake_worker(), 'A worker is called when there is work');
select results_eq(
  'select url, headers from net.calls',
  $$select 'https://abc.supabase.co/functions/v1/pipelines/worker', jsonb_build_object('content-type', 'application/json', 'x-worker-token', a.token)
    from private.worker_access a$$,
  'With the token that is good for it alone');
select throws_ok(
  $$select private.set_worker_url('https://example.com/path?query')$$, '23514', null, 'Which is that of a project, not of a page');

select * from finish();
rollback;
