-- Assistants: the approval is a state machine, counters keep themselves, and the prompt stays at home.
begin;
create extension if not exists pgtap with schema extensions;
select plan(38);

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
create function pg_temp.review(caller uuid, action text, note text default null, revision integer default null)
returns text language sql as $$
  select pg_temp.as_user(caller, format(
    'select public.review_assistant(''00000000-0000-4000-8000-000000000011'', %L, %L, %L) ->> ''approval_status''',
    action, note, revision))
$$;
create function pg_temp.assistant() returns public.assistants language sql as $$
  select a from public.assistants a where a.id = '00000000-0000-4000-8000-000000000011'
$$;
create function pg_temp.call(organization_id uuid, cost numeric, at timestamptz default now()) returns void language sql as $$
  insert into public.usage_events (organization_id, user_id, assistant_id, operation, provider, model, status, cost, is_priced, created_at)
  values ($1, 'b0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000011', 'chat', 'p', 'm', 'succeeded', $2, $2 is not null, $3)
$$;

insert into auth.users (id, email) values
  ('a0000000-0000-4000-8000-000000000000', 'ada@example.com'),
  ('b0000000-0000-4000-8000-000000000000', 'bob@example.com'),
  ('c0000000-0000-4000-8000-000000000000', 'cy@example.com'),
  ('d0000000-0000-4000-8000-000000000000', 'di@example.com');
insert into public.organizations (id, name, slug) values
  ('00000000-0000-4000-8000-000000000001', 'Team', 'pgtap-team'),
  ('00000000-0000-4000-8000-000000000002', 'Others', 'pgtap-others');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'owner', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');
insert into public.teams (id, organization_id, name) values
  ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'Rain'),
  ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000002', 'Theirs');
insert into public.assistants (id, organization_id, creator_id, name, prompt, access_level) values
  ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001',
   'b0000000-0000-4000-8000-000000000000', 'A', 'secret', 'organization');

-- Teams ---------------------------------------------------------------------------------------

select throws_ok(
  $$insert into public.team_members (team_id, user_id)
    values ('00000000-0000-4000-8000-000000000003', 'c0000000-0000-4000-8000-000000000000')$$,
  'PT422', null, 'Who is not in the organization is not in its team');
insert into public.team_members (team_id, user_id)
values ('00000000-0000-4000-8000-000000000003', 'd0000000-0000-4000-8000-000000000000');
select is((select t.member_count from public.teams t where t.name = 'Rain'), 1, 'Members are counted');
select is(
  pg_temp.as_user('d0000000-0000-4000-8000-000000000000', 'select private.team_ids()::text'),
  '{00000000-0000-4000-8000-000000000003}', 'A member is in the team');
delete from public.memberships where user_id = 'd0000000-0000-4000-8000-000000000000'
  and organization_id = '00000000-0000-4000-8000-000000000001';
select is((select t.member_count from public.teams t where t.name = 'Rain'), 0, 'Who leaves the organization leaves its teams');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000000', 'member', 'active');

-- The approval --------------------------------------------------------------------------------

select is((pg_temp.assistant()).approval_status::text, 'draft', 'A new one is a draft');
select is((pg_temp.assistant()).status::text, 'pending', 'which is not active');
select throws_ok($$select pg_temp.review('a0000000-0000-4000-8000-000000000000', 'approve', null, (pg_temp.assistant()).revision)$$,
  'PT409', null, 'A draft is not approved before it is submitted');
select throws_ok($$select pg_temp.review('d0000000-0000-4000-8000-000000000000', 'submit')$$,
  'PT403', null, 'nor submitted by someone else');
select throws_ok($$select pg_temp.review('c0000000-0000-4000-8000-000000000000', 'submit')$$,
  'PT404', null, 'who in another organization does not see it');
select is(pg_temp.review('b0000000-0000-4000-8000-000000000000', 'submit'), 'pending', 'Its creator submits it');
select throws_ok($$select pg_temp.review('b0000000-0000-4000-8000-000000000000', 'approve')$$,
  'PT403', null, 'and does not approve it');
select throws_ok($$select pg_temp.review('a0000000-0000-4000-8000-000000000000', 'reject', ' ')$$,
  'PT422', null, 'A rejection says why');
select throws_ok($$select pg_temp.review('a0000000-0000-4000-8000-000000000000', 'approve', null, 1)$$,
  'PT412', null, 'Another revision was judged');
select throws_ok($$select pg_temp.review('a0000000-0000-4000-8000-000000000000', 'approve')$$,
  'PT412', null, 'or none');
select is(pg_temp.review('a0000000-0000-4000-8000-000000000000', 'approve', null, (pg_temp.assistant()).revision),
  'approved', 'An admin approves it');
select is((pg_temp.assistant()).status::text, 'active', 'and with that it is active');
select throws_ok($$update public.assistants set approved_at = null where id = '00000000-0000-4000-8000-000000000011'$$,
  '23514', null, 'An approval has its time');
update public.assistants set temperature = 1 where id = '00000000-0000-4000-8000-000000000011';
select is((pg_temp.assistant()).approval_status::text, 'approved', 'A change of its temperature leaves the approval');
update public.assistants set prompt = 'other secret' where id = '00000000-0000-4000-8000-000000000011';
select is((pg_temp.assistant()).approval_status::text, 'pending', 'A change of its prompt ends it, whoever does it');
select is((pg_temp.assistant()).approved_by, null, 'Nobody has approved it as it is now');
select is(
  (select r.note from public.assistant_reviews r where r.action = 'reopen'), 'Changed: prompt', 'The reviews say so');
select throws_ok($$update public.assistant_reviews set note = 'x'$$, 'PT409', null, 'and are never changed');

-- Risk and access -----------------------------------------------------------------------------

select is(private.assistant_risk('{}', false, 'public')::text, 'low', 'Words alone are low');
select is(private.assistant_risk('{get_run}', false, 'team')::text, 'medium', 'Reading is medium');
select is(private.assistant_risk('{}', true, 'organization')::text, 'medium', 'as is the web');
select is(private.assistant_risk('{}', true, 'public')::text, 'high', 'which for the public is high');
select is(private.assistant_risk('{own}', false, 'team')::text, 'high', 'as is code of one''s own');
select throws_ok($$update public.assistants set is_public = true, access_level = 'team'$$, 'PT422', null,
  'is_public and access_level are one');
select throws_ok($$update public.assistants set team_id = '00000000-0000-4000-8000-000000000004'$$, 'PT422', null,
  'A team is of the same organization');

-- Counters ------------------------------------------------------------------------------------

select pg_temp.call('00000000-0000-4000-8000-000000000001', 0.1);
select pg_temp.call('00000000-0000-4000-8000-000000000001', 0.2);
select pg_temp.call('00000000-0000-4000-8000-000000000001', null);
select pg_temp.call('00000000-0000-4000-8000-000000000001', 5, now() - interval '40 days');
select pg_temp.call('00000000-0000-4000-8000-000000000002', 7);
select is((pg_temp.assistant()).usage_count, 5::bigint, 'Each call counts');
select is((pg_temp.assistant()).monthly_cost, 0.3, 'The cost is of this month, and of its own organization');
update public.assistants set cost_month = '2026-01-01';
select is(private.show_assistant(pg_temp.assistant()) -> 'monthly_cost', '0'::jsonb, 'A new month has cost nothing yet');

-- The prompt ----------------------------------------------------------------------------------

update public.assistants set access_level = 'public' where id = '00000000-0000-4000-8000-000000000011';
select pg_temp.review('a0000000-0000-4000-8000-000000000000', 'approve', null, (pg_temp.assistant()).revision);
select is(
  pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    $$select public.get_assistant_for_use('00000000-0000-4000-8000-000000000011')$$),
  '{"is_foreign": true}', 'Another tenant uses a public one, and does not read its prompt');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    'select public.get_public_assistant_for_use(''00000000-0000-4000-8000-000000000011'')')$$,
  '42501', null, 'which the service alone gets');
select is(
  public.get_public_assistant_for_use('00000000-0000-4000-8000-000000000011') ->> 'prompt', 'other secret', 'and gets');

-- Leaving -------------------------------------------------------------------------------------

insert into public.assistant_ratings (assistant_id, user_id, rating) values
  ('00000000-0000-4000-8000-000000000011', 'd0000000-0000-4000-8000-000000000000', 2),
  ('00000000-0000-4000-8000-000000000011', 'a0000000-0000-4000-8000-000000000000', 5);
select is((pg_temp.assistant()).rating, 3.5::double precision, 'The rating is the average');
delete from auth.users where id in ('b0000000-0000-4000-8000-000000000000', 'd0000000-0000-4000-8000-000000000000');
select results_eq(
  $$select (pg_temp.assistant()).creator_id, (pg_temp.assistant()).approval_status::text, (pg_temp.assistant()).rating$$,
  $$values (null::uuid, 'approved', 5::double precision)$$,
  'An assistant outlives its creator; a rating goes with its user');
select lives_ok($$delete from public.organizations where id = '00000000-0000-4000-8000-000000000001'$$,
  'and all goes with the organization');

select * from finish();
rollback;
