-- Requests: what an Idempotency-Key means to the database.
begin;
create extension if not exists pgtap with schema extensions;
select plan(8);

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

create temporary table body as select repeat('a', 64) as first, repeat('b', 64) as second;
grant select on body to authenticated;

select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', first) ->> ''state'' from body'),
  'new', 'The first request with a key goes ahead');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', first) from body')$$,
  'PT409', null, 'A second one has to wait for it');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', second) from body')$$,
  'PT422', null, 'Another body under the same key is refused');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', second) ->> ''state'' from body'),
  'new', 'A key is its user''s own');
update public.idempotency_keys set locked_until = now() - interval '1 second'
where user_id = 'a0000000-0000-4000-8000-000000000000';
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', first) ->> ''state'' from body'),
  'new', 'What a killed request left is taken over');
select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
  'select public.end_idempotent_request(''POST /x'', ''k'', 201, ''{"id": 1}'')');
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', first) from body')::jsonb,
  '{"state": "done", "status_code": 201, "response": {"id": 1}}'::jsonb,
  'After it the first answer comes again');
update public.idempotency_keys set expires_at = now() - interval '1 second'
where user_id = 'a0000000-0000-4000-8000-000000000000';
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_idempotent_request(''POST /x'', ''k'', second) ->> ''state'' from body'),
  'new', 'A key that has expired is free again');
select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'select public.end_idempotent_request(''POST /x'', ''k'')');
select is_empty(
  $$select id from public.idempotency_keys where user_id = 'a0000000-0000-4000-8000-000000000000'$$,
  'A request that did nothing frees its key');

select * from finish();
rollback;
