-- Projects: what is in one stays in one, is counted, is found by its words and read as one document.
begin;
create extension if not exists pgtap with schema extensions;
select plan(33);

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

-- Ada and Bob are of the team, Cy of another one; Ada is of both.
insert into auth.users (id, email) values
  ('a0000000-0000-4000-8000-000000000000', 'ada@example.com'),
  ('b0000000-0000-4000-8000-000000000000', 'bob@example.com'),
  ('c0000000-0000-4000-8000-000000000000', 'cy@example.com');
insert into public.organizations (id, name, slug) values
  ('00000000-0000-4000-8000-000000000001', 'Team', 'pgtap-team'),
  ('00000000-0000-4000-8000-000000000002', 'Others', 'pgtap-others');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'owner', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');
insert into public.projects (id, organization_id, name, description) values
  ('00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', 'Shop', 'Sells bicycles'),
  ('00000000-0000-4000-8000-000000000020', '00000000-0000-4000-8000-000000000001', 'Archive', null),
  ('00000000-0000-4000-8000-000000000030', '00000000-0000-4000-8000-000000000002', 'Theirs', null);
insert into public.table_metadata (id, project_id, name, description) values
  ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000010', 'orders', 'Placed by customers'),
  ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000010', 'customers', null),
  ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000010', 'bills', null),
  ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000020', 'orders', null),
  ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000030', 'theirs', null);
insert into public.column_metadata (id, table_id, name, data_type, is_primary_key) values
  ('00000000-0000-4000-8000-000000000111', '00000000-0000-4000-8000-000000000011', 'order_id', 'bigint', true),
  ('00000000-0000-4000-8000-000000000112', '00000000-0000-4000-8000-000000000011', 'customer_id', 'bigint', false),
  ('00000000-0000-4000-8000-000000000113', '00000000-0000-4000-8000-000000000011', 'amount', 'numeric', false),
  ('00000000-0000-4000-8000-000000000121', '00000000-0000-4000-8000-000000000012', 'id', 'bigint', true),
  ('00000000-0000-4000-8000-000000000211', '00000000-0000-4000-8000-000000000021', 'id', 'bigint', true),
  ('00000000-0000-4000-8000-000000000311', '00000000-0000-4000-8000-000000000031', 'id', 'bigint', true);
insert into public.relationships (source_column_id, target_column_id, relationship_type) values
  ('00000000-0000-4000-8000-000000000112', '00000000-0000-4000-8000-000000000121', 'many-to-one');

-- Belonging -----------------------------------------------------------------------------------

select is_empty(
  $$select id from public.column_metadata c where (c.organization_id, c.project_id) is distinct from
      (select (t.organization_id, t.project_id) from public.table_metadata t where t.id = c.table_id)$$,
  'A column is of its table''s project and organization');
select results_eq(
  $$select organization_id, project_id, source_table_id, target_table_id from public.relationships$$,
  $$values ('00000000-0000-4000-8000-000000000001'::uuid, '00000000-0000-4000-8000-000000000010'::uuid,
    '00000000-0000-4000-8000-000000000011'::uuid, '00000000-0000-4000-8000-000000000012'::uuid)$$,
  'A relationship is of its columns'' project and names their tables');
select throws_ok(
  $$insert into public.relationships (source_column_id, target_column_id) values
    ('00000000-0000-4000-8000-000000000112', '00000000-0000-4000-8000-000000000211')$$,
  'PT422', null, 'It joins columns of one project');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'insert into public.relationships (source_column_id, target_column_id) values
    (''00000000-0000-4000-8000-000000000112'', ''00000000-0000-4000-8000-000000000311'')')$$,
  'PT422', null, 'Nor of two organizations, whoever is of both');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'insert into public.relationships (source_column_id, target_column_id) values
    (''00000000-0000-4000-8000-000000000112'', ''00000000-0000-4000-8000-000000000311'')')$$,
  'PT404', null, 'For who is of one, there is no such column');
select throws_ok(
  $$insert into public.relationships (source_table_id, source_column_id, target_column_id) values
    ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000113', '00000000-0000-4000-8000-000000000121')$$,
  'PT422', null, 'A table that is named is the column''s');
select throws_ok(
  $$insert into public.relationships (source_column_id, target_column_id) values
    ('00000000-0000-4000-8000-000000000112', '00000000-0000-4000-8000-000000000121')$$,
  '23505', null, 'Two columns are joined once');
select throws_ok(
  $$insert into public.relationships (source_column_id, target_column_id) values
    ('00000000-0000-4000-8000-000000000121', '00000000-0000-4000-8000-000000000121')$$,
  '23514', null, 'A column is not joined to itself');
select lives_ok(
  $$insert into public.relationships (source_column_id, target_column_id) values
    ('00000000-0000-4000-8000-000000000113', '00000000-0000-4000-8000-000000000111')$$,
  'A table may be');
select throws_ok(
  $$update public.column_metadata set table_id = '00000000-0000-4000-8000-000000000012' where name = 'amount'$$,
  'PT409', null, 'A column stays in its table');
select throws_ok(
  $$update public.table_metadata set project_id = '00000000-0000-4000-8000-000000000020' where name = 'bills'$$,
  'PT409', null, 'A table stays in its project');
select throws_ok(
  $$update public.projects set organization_id = '00000000-0000-4000-8000-000000000002' where name = 'Archive'$$,
  'PT409', null, 'And a project in its organization');
select throws_ok(
  $$alter table public.table_metadata disable trigger user;
    insert into public.table_metadata (organization_id, project_id, name)
    values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000010', 'mixed')$$,
  '23503', null, 'Keys hold that without the triggers, too');

-- Names and columns ---------------------------------------------------------------------------

select throws_ok(
  $$insert into public.table_metadata (project_id, name) values ('00000000-0000-4000-8000-000000000010', 'orders')$$,
  '23505', null, 'Tables of a project have different names');
select throws_ok(
  $$insert into public.column_metadata (table_id, name, data_type) values ('00000000-0000-4000-8000-000000000011', 'amount', 'text')$$,
  '23505', null, 'So have columns of a table');
select throws_ok(
  $$insert into public.table_metadata (project_id, name) values ('00000000-0000-4000-8000-000000000010', e'two\nlines')$$,
  '23514', null, 'A name is one line');
select results_eq(
  $$select name, position, is_nullable from public.column_metadata
    where table_id = '00000000-0000-4000-8000-000000000011' order by position$$,
  $$values ('order_id', 0, false), ('customer_id', 1, true), ('amount', 2, true)$$,
  'Columns come one after the other, and a primary key is not null');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000', $$
    insert into public.column_metadata (table_id, name, data_type, position)
    values ('00000000-0000-4000-8000-000000000012', 'email', 'text', 7) returning position$$),
  '7', 'Unless a place is named');

-- Counters and revision -----------------------------------------------------------------------

select results_eq(
  $$select table_count, column_count from public.projects where id = '00000000-0000-4000-8000-000000000010'$$,
  'values (3, 5)', 'Tables and columns are counted');
create temporary table before as select revision from public.projects where id = '00000000-0000-4000-8000-000000000010';
update public.column_metadata set description = 'In euros' where name = 'amount';
select is(
  (select p.revision - b.revision from public.projects p, before b where p.id = '00000000-0000-4000-8000-000000000010'),
  1, 'A change of a column is one of its project');
select throws_ok(
  $$insert into public.table_metadata (project_id, name) select '00000000-0000-4000-8000-000000000020', 't' || n from generate_series(1, 2000) n$$,
  'PT422', null, 'A project has its bounds');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'update public.projects set table_count = 0')$$,
  '42501', null, 'Counters are no client''s to write');

-- Text ----------------------------------------------------------------------------------------

select results_eq(
  $$select name from public.column_metadata where search_vector @@ plainto_tsquery('english', 'euro')$$,
  $$values ('amount')$$, 'A column is found by the words of its texts, as they are now');
select results_eq(
  $$select name from public.table_metadata where search_vector @@ plainto_tsquery('english', 'customer') order by ts_rank(search_vector, plainto_tsquery('english', 'customer')) desc$$,
  $$values ('customers'), ('orders')$$, 'A name counts more than a text');
select is_empty(
  $$select id from public.audit_logs where details::text like '%search_vector%'$$,
  'The words are in no log');

-- Documents -----------------------------------------------------------------------------------

create function pg_temp.schema_of(user_id uuid, path text) returns text language sql as $$
  select pg_temp.as_user(user_id, format(
    'select jsonb_path_query_array(public.get_project_schema(''00000000-0000-4000-8000-000000000010'')::jsonb, %L)::text', path))
$$;
comment on function pg_temp.schema_of is 'What a user reads of the shop''s schema.';

select is(
  pg_temp.schema_of('b0000000-0000-4000-8000-000000000000', '$.tables[*].name'),
  '["bills", "customers", "orders"]', 'Tables are by name, those without columns too');
select is(
  pg_temp.schema_of('b0000000-0000-4000-8000-000000000000', '$.tables[*].columns[*].name'),
  '["id", "email", "order_id", "customer_id", "amount"]', 'Columns are in order');
select is(
  pg_temp.schema_of('b0000000-0000-4000-8000-000000000000', '$.relationships[*] ? (@.relationship_type == "many-to-one").target_table'),
  '["customers"]', 'Relationships name what they join');
select throws_ok(
  $$select pg_temp.schema_of('c0000000-0000-4000-8000-000000000000', '$')$$,
  'PT404', null, 'For another tenant there is no such project');
select is(
  pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    $$select public.validate_project_ownership('00000000-0000-4000-8000-000000000010')$$),
  'false', 'Nor is it theirs');
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000', $$select string_agg(name, ', ' order by name) from public.get_user_projects()$$),
  'Archive, Shop, Theirs', 'A user''s projects are those of all their organizations');

delete from public.column_metadata where id = '00000000-0000-4000-8000-000000000121';
select is(
  (select count(*) from public.relationships where target_column_id = '00000000-0000-4000-8000-000000000121'),
  0::bigint, 'What joined a column goes with it');
delete from public.organizations where id = '00000000-0000-4000-8000-000000000001';
select is(
  (select count(*) from public.column_metadata where organization_id = '00000000-0000-4000-8000-000000000001'),
  0::bigint, 'And all with the organization');

select * from finish();
rollback;
