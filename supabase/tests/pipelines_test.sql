-- Pipelines: graphs are written whole, stay acyclic and keep to their organization.
begin;
create extension if not exists pgtap with schema extensions;
select plan(22);

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

create function pg_temp.arrow(source integer, target integer) returns jsonb language sql as $$
  select jsonb_build_object('edge_id', '00000000-0000-4000-8000-000000000015',
    'source_block_id', '00000000-0000-4000-8000-0000000000' || source,
    'target_block_id', '00000000-0000-4000-8000-0000000000' || target)
$$;
create function pg_temp.nodes(variadic blocks integer[]) returns jsonb language sql as $$
  select jsonb_agg(jsonb_build_object('block_id', '00000000-0000-4000-8000-0000000000' || b)) from unnest(blocks) b
$$;
create function pg_temp.write(blocks jsonb, edges jsonb) returns text language sql as $$
  select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format(
    'select public.update_pipeline((select id from public.pipelines where name = ''P''), ''{}'', %L, %L)', blocks, edges))
$$;
create function pg_temp.refuses(statement text) returns text language plpgsql as $$
begin
  execute statement;
  return null;
exception when others then
  return sqlstate;
end $$;

-- Whole graphs --------------------------------------------------------------------------------

select lives_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format(
    'select public.create_pipeline(''P'', blocks => %L, edges => %L, organization_id => ''00000000-0000-4000-8000-000000000001'')',
    pg_temp.nodes(11, 12, 13), jsonb_build_array(pg_temp.arrow(11, 12), pg_temp.arrow(12, 13))))$$,
  'A member writes a pipeline with its graph');
create temporary table p as select id from public.pipelines where name = 'P' and organization_id = '00000000-0000-4000-8000-000000000001';
create temporary view shape as
  select (select count(*) from public.pipeline_blocks b where b.pipeline_id = p.id) as blocks,
    (select count(*) from public.pipeline_edges e where e.pipeline_id = p.id) as edges from p;
select results_eq('select * from shape', 'values (3::bigint, 2::bigint)', 'The graph is stored');
select is_empty(
  $$select id from public.pipeline_blocks where pipeline_id = (select id from p)
      and organization_id <> '00000000-0000-4000-8000-000000000001'
    union all
    select id from public.pipeline_edges where pipeline_id = (select id from p)
      and organization_id <> '00000000-0000-4000-8000-000000000001'$$,
  'Nodes and arrows are of their pipeline''s organization');
select throws_ok(
  $$select pg_temp.write(null, jsonb_build_array(pg_temp.arrow(11, 12), pg_temp.arrow(12, 13), pg_temp.arrow(13, 11)))$$,
  'PT409', null, 'A cycle is refused');
select throws_ok(
  $$insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
    select id, '00000000-0000-4000-8000-000000000015', '00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000012' from p$$,
  'PT409', null, 'Also by a single arrow past the command');
select throws_ok(
  $$update public.pipeline_edges set target_block_id = '00000000-0000-4000-8000-000000000011'
    where pipeline_id = (select id from p) and source_block_id = '00000000-0000-4000-8000-000000000012'$$,
  'PT409', null, 'Also by turning one round');
select throws_ok(
  $$insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
    select id, '00000000-0000-4000-8000-000000000015', '00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000011' from p$$,
  '23514', null, 'A block does not lead to itself');
select throws_ok(
  $$select pg_temp.write(pg_temp.nodes(11, 99), '[]')$$, 'PT422', null, 'An unknown block is refused');
select throws_ok(
  $$select pg_temp.write(pg_temp.nodes(11, 14), '[]')$$, 'PT422', null, 'A block of others is unknown');
select throws_ok(
  $$select pg_temp.write(pg_temp.nodes(11, 12), jsonb_build_array(pg_temp.arrow(11, 13)))$$,
  'PT422', null, 'An arrow joins blocks of the pipeline');
select throws_ok(
  $$insert into public.pipeline_blocks (pipeline_id, block_id) select id, '00000000-0000-4000-8000-000000000014' from p$$,
  '23503', null, 'Not even the service can mix tenants');
select results_eq('select * from shape', 'values (3::bigint, 2::bigint)', 'What is refused leaves nothing behind');

-- Settings ------------------------------------------------------------------------------------

create temporary view settings as
  select max_attempts, timeout_seconds, priority, cache from public.pipeline_blocks b join p on p.id = b.pipeline_id
  where b.block_id = '00000000-0000-4000-8000-000000000011';
select results_eq('select * from settings', 'values (3, 60, 0, false)', 'A block has defaults');
select pg_temp.write((select jsonb_agg(n || '{"max_attempts": 1, "timeout_seconds": 5, "priority": -9, "cache": true}') from jsonb_array_elements(pg_temp.nodes(11, 12, 13)) n), null);
select results_eq('select * from settings', 'values (1, 5, -9, true)', 'They are written with the graph');
select pg_temp.write(pg_temp.nodes(11, 12, 13), null);
select results_eq('select * from settings', 'values (3, 60, 0, false)', 'And replaced with it');
select is_empty(
  $$select change from unnest(array['max_attempts = 0', 'max_attempts = 21', 'timeout_seconds = 0', 'timeout_seconds = 121', 'priority = 101', 'priority = -101']) change
    where pg_temp.refuses('update public.pipeline_blocks set ' || change || ' where pipeline_id = (select id from p)') is distinct from '23514'$$,
  'None is out of bounds');
select is_empty(
  $$select change from unnest(array[0, 10001]) change
    where pg_temp.refuses('update public.pipelines set max_concurrent_steps = ' || change || ' where id = (select id from p)') is distinct from '23514'$$,
  'Nor is a pipeline''s limit');

-- Revisions -----------------------------------------------------------------------------------

select lives_ok($$select pg_temp.write(pg_temp.nodes(11, 12), jsonb_build_array(pg_temp.arrow(11, 12)))$$, 'A graph is replaced');
select results_eq('select * from shape', 'values (2::bigint, 1::bigint)', 'What it no longer names is gone');
create temporary table before as select revision from public.pipelines join p using (id);
delete from public.pipeline_edges where pipeline_id = (select id from p);
select cmp_ok(
  (select revision from public.pipelines join p using (id)), '>', (select revision from before),
  'A change of the graph moves the revision, also past the commands');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', format('select public.update_pipeline(%L, ''{"name": "Q"}'', expected_revision => %s)',
    (select id from p), (select revision from before)))$$,
  'PT412', null, 'A stale revision is refused');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000', format('select public.get_pipeline(%L)', (select id from p)))$$,
  'PT404', null, 'To a stranger the pipeline is not there');

select * from finish();
rollback;
