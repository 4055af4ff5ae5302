-- Registry: versions are numbered and never change, and edges are judged by nobody but the engine.
begin;
create extension if not exists pgtap with schema extensions;
select plan(24);

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

insert into public.blocks (id, organization_id, name, block_type)
values ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', 'Rows', 'dataset');
insert into public.edges (id, organization_id, name) values ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'Same');

-- Versions ------------------------------------------------------------------------------------

insert into public.block_versions (id, block_id, version_number, is_active, spec) values
  ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000011', 7, false, '{"kind": "inline", "rows": []}');
insert into public.block_versions (id, block_id, spec) values
  ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000011', '{"kind": "inline", "rows": [1]}');
select results_eq(
  $$select version_number, is_active, organization_id from public.block_versions where block_id = '00000000-0000-4000-8000-000000000011' order by 1$$,
  $$values (1, false, '00000000-0000-4000-8000-000000000001'::uuid), (2, true, '00000000-0000-4000-8000-000000000001')$$,
  'Versions are 1, 2 …, whatever is sent; the newest is active; they are of their block''s organization');
select is(
  (select current_version_id from public.blocks where id = '00000000-0000-4000-8000-000000000011'), '00000000-0000-4000-8000-000000000022',
  'A new version is the current one');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select public.activate_block_version(''00000000-0000-4000-8000-000000000011'', 1) -> ''current_version'' ->> ''id'''),
  '00000000-0000-4000-8000-000000000021', 'A member makes an earlier version the current one');
select results_eq(
  $$select version_number, is_active from public.block_versions where block_id = '00000000-0000-4000-8000-000000000011' order by 1$$,
  $$values (1, true), (2, false)$$,
  'is_active follows');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select public.activate_block_version(''00000000-0000-4000-8000-000000000011'', 9)')$$,
  'PT404', null, 'A version that is not there can''t be activated');
select throws_ok(
  $$update public.block_versions set spec = '{"kind": "trigger"}' where id = '00000000-0000-4000-8000-000000000021'$$,
  'PT409', null, 'A version never changes, for no one');
select throws_ok(
  $$update public.blocks set current_version_id = null where id = '00000000-0000-4000-8000-000000000011'$$,
  'PT409', null, 'A current version is replaced, never removed');
select throws_ok(
  $$insert into public.block_versions (block_id, spec) values ('00000000-0000-4000-8000-000000000011', '{"kind": "llm"}')$$,
  'PT422', null, 'A dataset is of no model''s kind');
select throws_ok(
  $$insert into public.block_versions (block_id, spec) values ('00000000-0000-4000-8000-000000000011', '[]')$$,
  null, null, 'A spec is an object with a kind');
select throws_ok(
  $$update public.blocks set block_type = 'model' where id = '00000000-0000-4000-8000-000000000011'$$,
  'PT409', null, 'A block''s type stays');
select throws_ok(
  $$update public.blocks set organization_id = '00000000-0000-4000-8000-000000000002' where id = '00000000-0000-4000-8000-000000000011'$$,
  'PT409', null, 'A block''s organization stays');
select is(
  (select revision from public.blocks where id = '00000000-0000-4000-8000-000000000011'), 4,
  'Each change counts one revision: two versions and one activation');

-- Tenants -------------------------------------------------------------------------------------

select throws_ok(
  $$insert into public.blocks (organization_id, name, block_type) values ('00000000-0000-4000-8000-000000000001', 'Rows', 'model')$$,
  '23505', null, 'A name is taken once in an organization');
select lives_ok(
  $$insert into public.blocks (organization_id, name, block_type) values ('00000000-0000-4000-8000-000000000002', 'Rows', 'model')$$,
  'And once more in another');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000', 'insert into public.block_versions (block_id, spec)
    values (''00000000-0000-4000-8000-000000000011'', ''{"kind": "trigger"}'') returning id')$$,
  'PT404', null, 'A stranger can''t add a version');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'with gone as (delete from public.blocks where id = ''00000000-0000-4000-8000-000000000011'' returning 1)
    select count(*) from gone'),
  '0', 'A member can''t remove a block');

-- Verification --------------------------------------------------------------------------------

insert into public.edge_versions (id, edge_id, spec) values ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000012', '{"kind": "identity"}');
select lives_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'insert into public.edge_verifications (edge_version_id) values (''00000000-0000-4000-8000-000000000031'') returning id')$$,
  'A member asks for a verification');
select results_eq(
  $$select verification_status::text, verified_by from public.edge_verifications where edge_version_id = '00000000-0000-4000-8000-000000000031'$$,
  $$values ('pending', 'b0000000-0000-4000-8000-000000000000'::uuid)$$, 'It starts pending, and tells who asked');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'update public.edge_verifications set verification_status = ''passed'' returning id')$$,
  '42501', null, 'Not even an owner passes it');
select throws_ok(
  $$insert into public.edge_verifications (edge_version_id, verification_status, verified_at)
    values ('00000000-0000-4000-8000-000000000031', 'passed', now())$$,
  'PT403', null, 'None is born passed');
update public.edge_verifications set verification_status = 'failed', verified_at = now()
where edge_version_id = '00000000-0000-4000-8000-000000000031';
select throws_ok(
  $$update public.edge_verifications set verification_status = 'passed' where edge_version_id = '00000000-0000-4000-8000-000000000031'$$,
  'PT409', null, 'A verdict stays');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000', 'insert into public.edge_verifications (edge_version_id) values (''00000000-0000-4000-8000-000000000031'') returning id')$$,
  'PT404', null, 'A stranger can''t ask for one');

select throws_ok(
  $$insert into public.block_versions (block_id, spec) select id, '{"kind": null}' from public.blocks limit 1$$,
  'PT422', null, 'A spec has a kind that is one');
select lives_ok(
  $$delete from auth.users where id = 'b0000000-0000-4000-8000-000000000000'$$,
  'Who has verified an edge can still be removed');

select * from finish();
rollback;
