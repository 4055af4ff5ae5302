-- Organizations: who comes into being with a user, and the rules of membership.
begin;
create extension if not exists pgtap with schema extensions;
select plan(31);

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

-- A new user ----------------------------------------------------------------------------------

select results_eq(
  $$select email, username from public.profiles where id = 'a0000000-0000-4000-8000-000000000000'$$,
  $$values ('ada@example.com'::text, 'ada'::text)$$,
  'A user has a profile from the start');
select results_eq(
  $$select o.kind::text, o.member_count, m.role::text, m.status::text
    from public.organizations o join public.memberships m on m.organization_id = o.id
    where m.user_id = 'a0000000-0000-4000-8000-000000000000'$$,
  $$values ('personal', 1, 'owner', 'active')$$,
  'A user has a personal organization, which they own');
update auth.users set email = 'ada@example.org' where id = 'a0000000-0000-4000-8000-000000000000';
select is(
  (select email from public.profiles where id = 'a0000000-0000-4000-8000-000000000000'), 'ada@example.org',
  'The profile follows a changed address');

-- A team --------------------------------------------------------------------------------------

select lives_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.create_organization(''Team'', ''pgtap-team'')')$$,
  'A user makes a team');
create temporary table team as select id from public.organizations where slug = 'pgtap-team';
grant select on team to authenticated;
select throws_ok(
  $$select public.create_organization('Nobody''s', 'pgtap-nobody')$$, 'PT401', null,
  'Nobody can''t own an organization');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select public.create_organization(''X'', ''No Slug'')')$$,
  '23514', null, 'A slug is lower case, without spaces');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select public.create_organization(''X'', ''pgtap-team'')')$$,
  '23505', null, 'A slug is taken once');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'select count(*) from public.organizations where slug = ''pgtap-team'''),
  '0', 'A stranger does not see the team');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select private.require_organization(null, ''member'')')$$,
  'PT400', null, 'A member of several organizations has to name one');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format(
    'select private.require_organization(%L, ''member'')', (select id from team)))$$,
  'PT404', null, 'To a stranger the team is not there');

-- Invitations ---------------------------------------------------------------------------------

select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'insert into public.memberships (organization_id, user_id) select id, auth.uid() from team returning id')$$,
  '42501', null, 'A stranger can''t invite themselves');
select lives_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'insert into public.memberships (organization_id, user_id)
     select id, ''b0000000-0000-4000-8000-000000000000'' from team returning id')$$,
  'The owner invites');
select results_eq(
  $$select status::text, accepted_at, (select member_count from public.organizations o where o.id = organization_id)
    from public.memberships where user_id = 'b0000000-0000-4000-8000-000000000000'
      and organization_id = (select id from team)$$,
  $$values ('invited', null::timestamptz, 1)$$,
  'An invitation is no membership yet');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'update public.memberships set status = ''active''
     where user_id = ''b0000000-0000-4000-8000-000000000000'' and organization_id = (select id from team) returning id')$$,
  'PT403', null, 'Nobody is made a member against their will');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'update public.memberships set status = ''active'', role = ''owner''
     where user_id = auth.uid() and organization_id = (select id from team) returning id')$$,
  'PT403', null, 'Accepting gives no other role');
select lives_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'update public.memberships set status = ''active''
     where user_id = auth.uid() and organization_id = (select id from team) returning id')$$,
  'The invited user accepts');
select is(
  (select member_count from public.organizations where id = (select id from team)), 2,
  'member_count follows');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'select string_agg(email, '' '' order by email) from public.profiles'),
  'ada@example.org bob@example.com', 'Colleagues see each other, and nobody else');

-- Roles ---------------------------------------------------------------------------------------

select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format(
    'select private.require_organization(%L, ''admin'')', (select id from team)))$$,
  'PT403', null, 'A member is no admin');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'with changed as (update public.organizations set name = ''Mine'' where id = (select id from team) returning 1)
     select count(*) from changed'),
  '0', 'A member can''t rename the team');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'with changed as (update public.memberships set role = ''admin'' where user_id = auth.uid()
       and organization_id = (select id from team) returning 1) select count(*) from changed'),
  '0', 'A member can''t raise themselves');
update public.memberships set role = 'admin'
where user_id = 'b0000000-0000-4000-8000-000000000000' and organization_id = (select id from team);
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'insert into public.memberships (organization_id, user_id, role)
     select id, ''c0000000-0000-4000-8000-000000000000'', ''owner'' from team returning id')$$,
  '42501', null, 'An admin can''t invite an owner');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'update public.memberships set role = ''owner'' where user_id = auth.uid()
       and organization_id = (select id from team) returning id')$$,
  'PT403', null, 'Nor make themselves one');
select throws_ok(
  $$update public.memberships set organization_id = gen_random_uuid()
    where user_id = 'b0000000-0000-4000-8000-000000000000'$$,
  'PT409', null, 'A membership does not move to another organization');

-- How long the log is kept --------------------------------------------------------------------

create function pg_temp.keep_log(caller uuid, days integer) returns text language sql as $$
  select pg_temp.as_user(caller, format('with changed as (update public.organizations set audit_retention_days = %s
    where slug = ''pgtap-team'' returning 1) select count(*) from changed', days))
$$;
update public.memberships set role = 'member'
where user_id = 'b0000000-0000-4000-8000-000000000000' and organization_id = (select id from team);
select is(pg_temp.keep_log('b0000000-0000-4000-8000-000000000000', 400), '0', 'A member can''t say how long the log is kept');
select is(pg_temp.keep_log('a0000000-0000-4000-8000-000000000000', 30), '1', 'An owner can');
select throws_ok(
  $$select pg_temp.keep_log('a0000000-0000-4000-8000-000000000000', 29)$$, '23514', null,
  'But nobody shortens it to hide');

-- Ends ----------------------------------------------------------------------------------------

select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'delete from public.memberships where user_id = auth.uid() and organization_id = (select id from team) returning id')$$,
  'PT409', null, 'The last owner can''t leave');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'delete from public.organizations where kind = ''personal'' returning id')$$,
  'PT409', null, 'A personal organization can''t be deleted');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'with gone as (delete from public.memberships where user_id = auth.uid()
       and organization_id = (select id from team) returning 1) select count(*) from gone'),
  '1', 'A member leaves when they like');
create temporary table home as
  select m.organization_id as id from public.memberships m where m.user_id = 'c0000000-0000-4000-8000-000000000000';
delete from auth.users where id = 'c0000000-0000-4000-8000-000000000000';
select results_eq(
  'select (select count(*) from home), (select count(*) from public.organizations o join home using (id))',
  'values (1::bigint, 0::bigint)',
  'A personal organization goes with its user');

select * from finish();
rollback;
