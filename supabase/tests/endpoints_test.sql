-- Endpoints: the end of a run writes its messages, and attempts are fenced.
begin;
create extension if not exists pgtap with schema extensions;
select plan(25);

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
insert into public.pipelines (id, organization_id, name) values
  ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'P'),
  ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000002', 'Theirs');

-- Creating ------------------------------------------------------------------------------------

create function pg_temp.endpoint(id text, caller uuid, endpoint text, secret text) returns text language sql as $$
  select pg_temp.as_user(caller, format('select (public.create_endpoint(%L, ''00000000-0000-4000-8000-000000000001'', %L, %L)).id', id, endpoint, secret))
$$;
select lives_ok(
  $$select pg_temp.endpoint('00000000-0000-4000-8000-000000000041', 'a0000000-0000-4000-8000-000000000000',
    '{"url": "https://example.com/", "events": ["run.succeeded"]}', '{"id": "00000000-0000-4000-8000-000000000051", "ciphertext": "cipher", "key_version": 1}')$$,
  'An admin makes an endpoint with its secret');
select throws_ok(
  $$select pg_temp.endpoint('00000000-0000-4000-8000-000000000042', 'b0000000-0000-4000-8000-000000000000',
    '{"url": "https://example.com/", "events": ["run.succeeded"]}', '{"id": "00000000-0000-4000-8000-000000000052", "ciphertext": "cipher", "key_version": 1}')$$,
  'PT403', null, 'A member can''t');
select throws_ok(
  $$select pg_temp.endpoint('00000000-0000-4000-8000-000000000042', 'c0000000-0000-4000-8000-000000000000',
    '{"url": "https://example.com/", "events": ["run.succeeded"]}', '{"id": "00000000-0000-4000-8000-000000000052", "ciphertext": "cipher", "key_version": 1}')$$,
  'PT404', null, 'To a stranger the organization is not there');
select throws_ok(
  $$select pg_temp.endpoint('00000000-0000-4000-8000-000000000042', 'a0000000-0000-4000-8000-000000000000',
    '{"url": "https://example.com/", "events": ["run.succeeded"], "pipeline_id": "00000000-0000-4000-8000-000000000004"}', '{}')$$,
  'PT404', null, 'Nor is another''s pipeline');
select throws_ok(
  $$select pg_temp.endpoint('00000000-0000-4000-8000-000000000042', 'a0000000-0000-4000-8000-000000000000',
    '{"url": "https://example.com/", "events": ["run.succeeded"]}', '{}')$$,
  '23502', null, 'There is none without a secret');
select throws_ok(
  $$insert into public.pipeline_endpoints (organization_id, url, events)
    values ('00000000-0000-4000-8000-000000000001', 'https://u:p@example.com/', '{run.failed}')$$,
  '23514', null, 'An address holds no credentials');
select throws_ok(
  $$insert into public.pipeline_endpoints (organization_id, url, events)
    values ('00000000-0000-4000-8000-000000000001', 'https://example.com/', '{}')$$,
  '23514', null, 'An endpoint listens to something');
select throws_ok(
  $$insert into public.pipeline_endpoints (organization_id, url, events)
    values ('00000000-0000-4000-8000-000000000001', 'https://example.com/', '{run.started}')$$,
  '23514', null, 'That there is');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'select ciphertext from public.endpoint_secrets')$$,
  '42501', null, 'Nobody reads a secret back');
select throws_ok(
  $$insert into public.endpoint_secrets (organization_id, endpoint_id, ciphertext, key_version)
    values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000041', 'x', 1)$$,
  '23505', null, 'One secret is the current one');

-- Messages ------------------------------------------------------------------------------------

create function pg_temp.start_run() returns uuid language sql as $$
  insert into public.pipeline_runs (organization_id, pipeline_id, definition, status)
  values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000003', '{}', 'running') returning id
$$;
create temporary table run as select pg_temp.start_run() as id;
select is_empty('select id from public.endpoint_deliveries', 'A run that goes on is not told');
update public.pipeline_runs set status = 'canceling' where id = (select id from run);
select is_empty('select id from public.endpoint_deliveries', 'Nor is one that is about to end');
update public.pipeline_runs set status = 'succeeded', finished_at = now(), output = '1' where id = (select id from run);
select results_eq(
  $$select endpoint_id, event_type, payload ->> 'type', payload #> '{data,output}' from public.endpoint_deliveries$$,
  $$values ('00000000-0000-4000-8000-000000000041'::uuid, 'run.succeeded', 'run.succeeded', '1'::jsonb)$$,
  'Its end is');
update public.pipeline_runs set status = 'succeeded', external_id = 'x' where id = (select id from run);
select is((select count(*) from public.endpoint_deliveries), 1::bigint, 'Once');
create temporary table another as select pg_temp.start_run() as id;
update public.pipeline_runs set status = 'failed', finished_at = now() where id = (select id from another);
select is((select count(*) from public.endpoint_deliveries), 1::bigint, 'What nobody listens to is not written');

-- Attempts ------------------------------------------------------------------------------------

select is(private.deliveries_due(), true, 'There is something to send');
select is(private.worker_needed(), true, 'Which wants a worker');
create temporary table claim as
  select c.* from jsonb_to_recordset(public.claim_deliveries(5)) c (delivery_id uuid, attempt integer, url text, body text, secrets jsonb);
select results_eq(
  'select attempt, url, jsonb_array_length(secrets), body::jsonb ->> ''type'' from claim',
  $$values (1, 'https://example.com/', 1, 'run.succeeded')$$, 'A claim holds all that sending needs');
select is(public.claim_deliveries(5), '[]', 'And nobody else gets it');
select is(private.deliveries_due(), false, 'Nor is it due');
select is(
  (select public.finish_delivery(delivery_id, 2, '{"response_status": 200}') from claim), false, 'Another attempt''s end changes nothing');
select is(
  (select public.finish_delivery(delivery_id, 1, '{"response_status": 200}') from claim), true, 'Its own does');
select is(
  (select public.finish_delivery(delivery_id, 1, '{"response_status": 500}') from claim), false, 'Once');
select results_eq(
  'select status::text, finished_at is not null from public.endpoint_deliveries', $$values ('succeeded', true)$$, 'It is done');

insert into public.endpoint_deliveries (organization_id, endpoint_id, event_type, payload, status, next_attempt_at, finished_at, created_at)
select organization_id, endpoint_id, 'run.failed', '{}', 'failed', null, now(), now() - interval '31 days'
from public.endpoint_deliveries;
select private.prune_deliveries();
select results_eq('select event_type from public.endpoint_deliveries', $$values ('run.succeeded')$$, 'After 30 days it is forgotten');

select * from finish();
rollback;
