-- Catalog, search and impact: trees stay trees, texts are found as they are now, and dependents are found.
begin;
create extension if not exists pgtap with schema extensions;
select plan(35);

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
  ('c0000000-0000-4000-8000-000000000000', 'cy@example.com');
insert into public.organizations (id, name, slug) values
  ('00000000-0000-4000-8000-000000000001', 'Team', 'pgtap-team'),
  ('00000000-0000-4000-8000-000000000002', 'Others', 'pgtap-others');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');
insert into public.blocks (id, organization_id, name, description, block_type) values
  ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', 'Seattle weather', 'Daily observations', 'dataset'),
  ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'Forecasting', null, 'model'),
  ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000002', 'Their weather', null, 'dataset');
insert into public.edges (id, organization_id, name) values
  ('00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000001', 'Rainy days');

-- Taxonomy ------------------------------------------------------------------------------------

insert into public.taxonomy_categories (id, organization_id, parent_id, name) values
  ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', null, 'Science'),
  ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000021', 'Weather'),
  ('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000022', 'Rain');
select throws_ok(
  $$update public.taxonomy_categories set parent_id = '00000000-0000-4000-8000-000000000023' where id = '00000000-0000-4000-8000-000000000021'$$,
  'PT409', null, 'A category is not moved below itself, by no one');
select throws_ok(
  $$update public.taxonomy_categories set parent_id = id where id = '00000000-0000-4000-8000-000000000021'$$,
  'PT409', null, 'Nor right under itself');
select throws_ok(
  $$update public.taxonomy_categories set parent_id = case name when 'Science' then '00000000-0000-4000-8000-000000000022'::uuid end
    where name in ('Science', 'Weather') and organization_id = '00000000-0000-4000-8000-000000000001';
    update public.taxonomy_categories set parent_id = '00000000-0000-4000-8000-000000000021' where name = 'Weather'$$,
  'PT409', null, 'Nor in two steps');
select throws_ok(
  $$insert into public.taxonomy_categories (organization_id, parent_id, name)
    values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000021', 'weather')$$,
  '23505', null, 'Siblings have different names');
select lives_ok(
  $$insert into public.taxonomy_categories (organization_id, parent_id, name)
    values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000023', 'Weather')$$,
  'Others may share one');
select throws_ok(
  $$insert into public.taxonomy_categories (organization_id, parent_id, name)
    values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000021', 'Mixed')$$,
  'PT404', null, 'A parent is of the same organization');
select throws_ok(
  $$delete from public.taxonomy_categories where id = '00000000-0000-4000-8000-000000000021'$$,
  '23503', null, 'A category stays while there are some below it');
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    $$select public.set_block_taxonomy('00000000-0000-4000-8000-000000000011', '{00000000-0000-4000-8000-000000000023}') #>> '{0,path}'$$),
  '["Science", "Weather", "Rain"]', 'A member puts a block into a category');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    'select public.set_block_taxonomy(''00000000-0000-4000-8000-000000000011'', ''{}'')')$$,
  'PT404', null, 'For another tenant there is no such block');
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    $$delete from public.taxonomy_categories where name = 'Weather' returning id::text$$),
  null, 'A member removes no category');

-- Search --------------------------------------------------------------------------------------

create function pg_temp.found(q text, more text default '') returns text language sql as $$
  select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', format(
    'select string_agg(s.name, '', '' order by s.score desc, s.id desc)
     from public.search_registry(%L, ''00000000-0000-4000-8000-000000000001''%s) s', q, more))
$$;
comment on function pg_temp.found is 'Names that Ada''s search finds.';

select is(pg_temp.found('weather'), 'Seattle weather', 'A search finds words, of its own organization alone');
select is(pg_temp.found('observation'), 'Seattle weather', 'It finds other forms of a word');
select is(pg_temp.found('forcasting'), 'Forecasting', 'It finds names that are misspelt');
select is(pg_temp.found('TTL'), 'Seattle weather', 'It finds parts of a name');
select is(pg_temp.found('SEÁTTLE'), 'Seattle weather', 'Neither case nor accents count');
select is(pg_temp.found('rain', ', type => ''block'''), null, 'type filters');
select is(pg_temp.found('weather', ', category => ''science'''), 'Seattle weather', 'A category holds what is below it');
select is(pg_temp.found('forecasting', ', category => ''science'''), null, 'And nothing else');
select throws_ok(
  $$select pg_temp.found('weather', ', category => ''00000000-0000-4000-8000-000000000099''')$$,
  'PT404', null, 'An unknown category is refused');
select throws_ok($$select pg_temp.found(' ')$$, 'PT422', null, 'So is an empty q');
select throws_ok($$select pg_temp.found(repeat('x', 201))$$, 'PT422', null, 'And a long one');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    'select name from public.search_registry(''weather'', ''00000000-0000-4000-8000-000000000001'')')$$,
  'PT404', null, 'Another tenant may not search there');
select is(
  pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    $$select count(*)::text from private.search_registry('00000000-0000-4000-8000-000000000001', 'weather', null, null, null, null)$$),
  '0', 'Nor past the command: the definer function checks by itself');
update public.blocks set name = 'Sunshine' where id = '00000000-0000-4000-8000-000000000011';
select is(pg_temp.found('seattle'), null, 'A text is found as it is now, not as it was');

-- Vectors -------------------------------------------------------------------------------------

select is(
  public.save_representations('m', (select jsonb_agg(jsonb_build_object('entity_type', s.entity_type, 'entity_id', s.entity_id,
    'text_hash', s.text_hash, 'embedding', '[1, 0]'::jsonb))
    from public.stale_representations('m') s where s.organization_id = '00000000-0000-4000-8000-000000000001')),
  3, 'Vectors are kept for what has none');
select is(
  pg_temp.found('zzz', ', embedding => array[1, 0], model => ''m'', type => ''model'''),
  'Forecasting', 'They are searched, within the filters');
update public.edges set description = 'Keeps rain' where id = '00000000-0000-4000-8000-000000000014';
select results_eq(
  $$select entity_id from public.vector_representations where stale_since is not null$$,
  $$values ('00000000-0000-4000-8000-000000000014'::uuid)$$,
  'A text that changes makes its own vector stale');
select is(
  pg_temp.found('zzz', ', embedding => array[1, 0], model => ''m'', type => ''edge'''),
  null, 'A stale one is not searched');

-- Dependencies and impact ---------------------------------------------------------------------

insert into public.pipelines (id, organization_id, name)
values ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000001', 'Report');
insert into public.pipeline_blocks (pipeline_id, block_id) values
  ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000011'),
  ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000012');
insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id) values
  ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000014',
    '00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000012');
insert into public.dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id) values
  ('block', '00000000-0000-4000-8000-000000000011', 'internal', 'block', '00000000-0000-4000-8000-000000000012');
select throws_ok(
  $$insert into public.dependencies (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id) values
    ('block', '00000000-0000-4000-8000-000000000011', 'internal', 'block', '00000000-0000-4000-8000-000000000013')$$,
  'PT404', null, 'Nothing depends on another tenant''s block');
select throws_ok(
  $$insert into public.dependencies (entity_type, entity_id, dependency_type) values ('block', '00000000-0000-4000-8000-000000000011', 'internal')$$,
  '23514', null, 'An internal dependency names what it is on');
select results_eq(
  $$select source, depends_on_name from public.entity_dependencies
    where entity_id = '00000000-0000-4000-8000-000000000012' order by 2$$,
  $$values ('pipeline', 'Rainy days'), ('pipeline', 'Sunshine')$$,
  'What pipelines feed a block with is known without being declared');
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000', $$
    select jsonb_path_query_array(public.get_impact('block', '00000000-0000-4000-8000-000000000011'), '$.data[*].name')::text$$),
  '["Forecasting", "Rainy days", "Report"]', 'An impact is all that is fed, though what is fed is depended on by the first');
select throws_ok(
  $$select pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    'select public.get_impact(''block'', ''00000000-0000-4000-8000-000000000011'')::text')$$,
  'PT404', null, 'Another tenant''s block has none');

-- Hooks ---------------------------------------------------------------------------------------

insert into public.docker_images (id, entity_type, entity_id, name, build_status, digest) values
  ('00000000-0000-4000-8000-000000000041', 'block', '00000000-0000-4000-8000-000000000012', 'acme/x', 'success', 'sha256:' || repeat('0', 64));
update public.docker_images set image_tag = 'v2' where id = '00000000-0000-4000-8000-000000000041';
select results_eq(
  $$select build_status::text, digest from public.docker_images where id = '00000000-0000-4000-8000-000000000041'$$,
  $$values ('pending', null::text)$$,
  'A build is forgotten once the image is another');
insert into public.hook_secrets (docker_image_id, ciphertext, key_version) values ('00000000-0000-4000-8000-000000000041', 'one', 1);
insert into public.hook_secrets (docker_image_id, ciphertext, key_version) values ('00000000-0000-4000-8000-000000000041', 'two', 1);
select results_eq(
  $$select ciphertext from public.hook_secrets where docker_image_id = '00000000-0000-4000-8000-000000000041'$$,
  $$values ('two')$$,
  'A webhook has one secret, the latest');

select * from finish();
rollback;
