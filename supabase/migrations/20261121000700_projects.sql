-- Projects (domain projects): designs of database schemas, as tables, their columns and what joins them.
-- The assistant's prompts are built from `get_project_schema`.
--
-- A project is its organization's; who made it is kept. A full text search at the Data API
-- (`?search_vector=wfts.word`) is under RLS, where the text indexes can't serve it: it reads what the
-- caller may see. The indexes are for whoever searches past RLS with an access rule of their own.
--
-- Security definer functions, and why they must be:
--   private.end_of_table   each column of a schema asks; under RLS that costs as much as its insert
--   private.touch_project  a member may not write a project's counters

-- Tables --------------------------------------------------------------------------------------

create type public.relationship_type as enum ('one-to-one', 'one-to-many', 'many-to-one', 'many-to-many');

create function private.next_position() returns integer
language sql immutable set search_path = '' as $$
  select null::integer
$$;
comment on function private.next_position is
  'Default of a position that the trigger place_column fills: clients leave it out.';

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  description text check (char_length(description) <= 10000),
  table_count integer not null default 0 check (table_count >= 0),
  column_count integer not null default 0 check (column_count >= 0),
  revision integer not null default 1,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  search_vector tsvector generated always as (
    setweight(private.words_of(name), 'A') || setweight(private.words_of(description), 'C')) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id)
);
comment on table public.projects is 'A design of a database schema.';
comment on column public.projects.table_count is 'Kept by a trigger.';
comment on column public.projects.column_count is 'Columns of all its tables; kept by a trigger.';
comment on column public.projects.revision is 'Counts changes of the project and of all that is in it; the ETag.';
comment on column public.projects.search_vector is 'Words of the name (weight A) and the description (C), plain and by their English stems.';
create index projects_list_idx on public.projects (organization_id, created_at desc, id desc);
create index projects_created_by_idx on public.projects (created_by);
create index projects_search_idx on public.projects using gin (search_vector);

-- What is in a project belongs to its organization by way of the project: the keys below hold the whole
-- chain, so that nothing joins two projects or two tenants, whoever writes.
create table public.table_metadata (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited(),
  project_id uuid not null,
  name text not null check (name = btrim(name) and name ~ '^[^[:cntrl:]]{1,200}$'),
  description text check (char_length(description) <= 10000),
  business_rules text check (char_length(business_rules) <= 10000),
  enhanced_description text check (char_length(enhanced_description) <= 10000),
  domain_context text check (char_length(domain_context) <= 10000),
  position_x integer not null default 0,
  position_y integer not null default 0,
  search_vector tsvector generated always as (
    setweight(private.words_of(name), 'A') || setweight(private.words_of(coalesce(description, '') || e'\n'
      || coalesce(enhanced_description, '') || e'\n' || coalesce(business_rules, '') || e'\n'
      || coalesce(domain_context, '')), 'C')) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, name),
  unique (organization_id, project_id, id),
  foreign key (organization_id, project_id) references public.projects (organization_id, id) on delete cascade
);
comment on table public.table_metadata is 'The tables of a project.';
comment on column public.table_metadata.business_rules is 'What its rows must obey, for people and the assistant.';
comment on column public.table_metadata.enhanced_description is 'The description as the assistant worked it out.';
comment on column public.table_metadata.domain_context is 'What the table is about in its field of business.';
comment on column public.table_metadata.position_x is 'Its place in a drawing; so position_y.';
comment on column public.table_metadata.search_vector is 'Words of the name (weight A) and of the texts (C), plain and by their English stems.';
create index table_metadata_search_idx on public.table_metadata using gin (search_vector);

create table public.column_metadata (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited(),
  project_id uuid not null default private.inherited(),
  table_id uuid not null,
  name text not null check (name = btrim(name) and name ~ '^[^[:cntrl:]]{1,200}$'),
  description text check (char_length(description) <= 10000),
  data_type text not null check (data_type = btrim(data_type) and data_type ~ '^[^[:cntrl:]]{1,200}$'),
  is_nullable boolean not null default true,
  is_primary_key boolean not null default false,
  is_unique boolean not null default false,
  default_value text check (char_length(default_value) <= 2000),
  max_length integer check (max_length > 0),
  pattern text check (char_length(pattern) <= 2000),
  sample_values text[] check (cardinality(sample_values) <= 100 and array_ndims(sample_values) = 1
    and octet_length(sample_values::text) <= 20000),
  business_rules text check (char_length(business_rules) <= 10000),
  enhanced_description text check (char_length(enhanced_description) <= 10000),
  data_generation_rules text check (char_length(data_generation_rules) <= 10000),
  validation_rules text check (char_length(validation_rules) <= 10000),
  position integer not null default private.next_position() check (position >= 0),
  search_vector tsvector generated always as (
    setweight(private.words_of(name), 'A') || setweight(private.words_of(coalesce(description, '') || e'\n'
      || coalesce(enhanced_description, '') || e'\n' || coalesce(business_rules, '') || e'\n'
      || coalesce(data_generation_rules, '') || e'\n' || coalesce(validation_rules, '')), 'C')) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint primary_key_is_not_null check (not (is_primary_key and is_nullable)),
  unique (table_id, name),
  unique (organization_id, project_id, table_id, id),
  foreign key (organization_id, project_id, table_id)
    references public.table_metadata (organization_id, project_id, id) on delete cascade
);
comment on table public.column_metadata is 'The columns of a project''s tables.';
comment on column public.column_metadata.data_type is 'As the database that is designed calls it: varchar, numeric(10,2), …';
comment on column public.column_metadata.is_nullable is 'A trigger makes it false for a primary key.';
comment on column public.column_metadata.default_value is 'An expression, as it is.';
comment on column public.column_metadata.max_length is 'In characters.';
comment on column public.column_metadata.pattern is 'A regular expression that values match.';
comment on column public.column_metadata.business_rules is 'What its values mean and must obey, for people and the assistant.';
comment on column public.column_metadata.enhanced_description is 'The description as the assistant worked it out.';
comment on column public.column_metadata.data_generation_rules is 'How synthetic values are made.';
comment on column public.column_metadata.validation_rules is 'What values are checked for.';
comment on column public.column_metadata.position is 'Its place in the table, from 0; left out, it is the last. Where two are equal, the names decide.';
comment on column public.column_metadata.search_vector is 'Words of the name (weight A) and of the texts (C), plain and by their English stems.';
create index column_metadata_position_idx on public.column_metadata (table_id, position);
create index column_metadata_search_idx on public.column_metadata using gin (search_vector);

create table public.relationships (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited(),
  project_id uuid not null default private.inherited(),
  source_table_id uuid not null default private.inherited(),
  source_column_id uuid not null,
  target_table_id uuid not null default private.inherited(),
  target_column_id uuid not null,
  relationship_type public.relationship_type not null default 'one-to-many',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint joins_two_columns check (source_column_id <> target_column_id),
  unique (source_column_id, target_column_id),
  foreign key (organization_id, project_id) references public.projects (organization_id, id) on delete cascade,
  constraint relationships_source_fkey foreign key (organization_id, project_id, source_table_id, source_column_id)
    references public.column_metadata (organization_id, project_id, table_id, id) on delete cascade,
  constraint relationships_target_fkey foreign key (organization_id, project_id, target_table_id, target_column_id)
    references public.column_metadata (organization_id, project_id, table_id, id) on delete cascade
);
comment on table public.relationships is 'What joins the tables of a project: a column that refers to another one.';
comment on column public.relationships.source_table_id is 'The source column''s; may be left out, as may target_table_id.';
comment on column public.relationships.relationship_type is 'From source to target.';
create index relationships_source_idx on public.relationships (organization_id, project_id, source_table_id, source_column_id);
create index relationships_target_idx on public.relationships (organization_id, project_id, target_table_id, target_column_id);

-- Functions -----------------------------------------------------------------------------------

create function private.end_of_table(table_id uuid) returns integer
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Volatile: it counts the rows that the statement has added before.
  return coalesce((select max(c.position) + 1 from public.column_metadata c where c.table_id = end_of_table.table_id), 0);
end $$;
comment on function private.end_of_table is 'The position after a table''s last column.';

create function private.place_column() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Runs as the caller: a table that RLS hides does not exist.
  select t.organization_id, t.project_id into new.organization_id, new.project_id
  from public.table_metadata t where t.id = new.table_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('No table with id %s', new.table_id));
  elsif new.position is null then
    new.position := private.end_of_table(new.table_id);
  end if;
  return new;
end $$;
comment on function private.place_column is
  'A column belongs to the project and the organization of its table, and comes last there if no place is named.';

create function private.require_not_null() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.is_nullable := false;
  return new;
end $$;
comment on function private.require_not_null is 'As in SQL, a primary key is not null without saying so.';

create function private.join_columns() returns trigger
language plpgsql set search_path = '' as $$
declare
  source public.column_metadata;
  target public.column_metadata;
begin
  -- Runs as the caller: a column that RLS hides does not exist.
  select * into source from public.column_metadata c where c.id = new.source_column_id;
  select * into target from public.column_metadata c where c.id = new.target_column_id;
  if source.id is null or target.id is null then
    perform private.raise_error(404, 'not_found', format('No column with id %s',
      case when source.id is null then new.source_column_id else new.target_column_id end));
  elsif source.project_id <> target.project_id then
    perform private.raise_error(422, 'validation_failed', 'A relationship joins columns of one project', 'target_column_id');
  elsif coalesce(new.source_table_id, source.table_id) <> source.table_id then
    perform private.raise_error(422, 'validation_failed', 'The source column is of another table', 'source_table_id');
  elsif coalesce(new.target_table_id, target.table_id) <> target.table_id then
    perform private.raise_error(422, 'validation_failed', 'The target column is of another table', 'target_table_id');
  end if;
  new.organization_id := source.organization_id;
  new.project_id := source.project_id;
  new.source_table_id := source.table_id;
  new.target_table_id := target.table_id;
  return new;
end $$;
comment on function private.join_columns is 'A relationship belongs to the project of its columns, and names their tables.';

create function private.touch_project() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  -- What one schema document can hold, and one request can read.
  max_tables constant integer := 2000;
  max_columns constant integer := 50000;
  step constant integer := case tg_op when 'INSERT' then 1 when 'DELETE' then -1 else 0 end;
  too_large text;
begin
  -- In one order, so that two writers of several projects wait for each other and don't lock up.
  perform from public.projects p
  where p.id in (select c.project_id from changed_rows c) order by p.id for no key update;
  -- A column that goes asks for its relationships, and mostly there is none.
  if not found then
    return null;
  end if;

  with change as (
    select c.project_id, count(*) * step as rows from changed_rows c group by c.project_id
  ), touched as (
    update public.projects p set
      table_count = p.table_count + case tg_table_name when 'table_metadata' then c.rows else 0 end,
      column_count = p.column_count + case tg_table_name when 'column_metadata' then c.rows else 0 end
    from change c where p.id = c.project_id
    returning p.table_count, p.column_count
  )
  select case when t.table_count > max_tables then format('%s tables', max_tables) else format('%s columns', max_columns) end
  into too_large from touched t
  where step = 1 and (t.table_count > max_tables or t.column_count > max_columns) limit 1;
  if too_large is not null then
    perform private.raise_error(422, 'validation_failed', format('A project has at most %s', too_large));
  end if;
  return null;
end $$;
comment on function private.touch_project is
  'A change of what is in a project is a change of the project: its revision moves, its counters are kept and bounded.';

create function public.validate_project_ownership(project_uuid uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.projects p where p.id = project_uuid)
$$;
comment on function public.validate_project_ownership is
  'Whether the project is one of the caller''s: of an organization that they are a member of.';

create function public.get_user_projects(organization_uuid uuid default null)
returns table (
  id uuid, organization_id uuid, name text, description text, table_count integer, column_count integer,
  created_by uuid, created_at timestamptz, updated_at timestamptz
) language sql stable set search_path = '' as $$
  select p.id, p.organization_id, p.name, p.description, p.table_count, p.column_count,
    p.created_by, p.created_at, p.updated_at
  from public.projects p
  -- RLS lets staff see all: what is theirs is told by their memberships.
  where case when organization_uuid is null
    then p.organization_id in (select m.organization_id from public.memberships m
      where m.user_id = (select auth.uid()) and m.status = 'active')
    else p.organization_id = organization_uuid end
  order by p.updated_at desc, p.id desc
$$;
comment on function public.get_user_projects is
  'The projects of the caller''s organizations, or of the one that is named; the latest changed first.';

create function private.project_schema(project_uuid uuid) returns json
language sql stable set search_path = '' as $$
  -- json, which only appends: jsonb sorts each object's keys and takes twice as long for a large project.
  -- Whatever the planner knows of the sizes, each part is found by its parent's key: on a project that was
  -- just written, joins of whole sets were planned for a handful of rows and took a thousand times as long.
  select json_build_object(
    'project', json_build_object('id', p.id, 'organization_id', p.organization_id, 'name', p.name,
      'description', p.description, 'table_count', p.table_count, 'column_count', p.column_count,
      'revision', p.revision, 'created_by', p.created_by, 'created_at', p.created_at, 'updated_at', p.updated_at),
    'tables', coalesce((
      select json_agg(json_build_object('id', t.id, 'name', t.name, 'description', t.description,
          'business_rules', t.business_rules, 'enhanced_description', t.enhanced_description,
          'domain_context', t.domain_context, 'position_x', t.position_x, 'position_y', t.position_y,
          'created_at', t.created_at, 'updated_at', t.updated_at,
          'columns', coalesce((
            select json_agg(json_build_object('id', c.id, 'name', c.name, 'description', c.description,
                'data_type', c.data_type, 'is_nullable', c.is_nullable, 'is_primary_key', c.is_primary_key,
                'is_unique', c.is_unique, 'default_value', c.default_value, 'max_length', c.max_length,
                'pattern', c.pattern, 'sample_values', c.sample_values, 'business_rules', c.business_rules,
                'enhanced_description', c.enhanced_description, 'data_generation_rules', c.data_generation_rules,
                'validation_rules', c.validation_rules, 'position', c.position,
                'created_at', c.created_at, 'updated_at', c.updated_at)
              order by c.position, c.name collate "C")
            from public.column_metadata c
            where c.organization_id = t.organization_id and c.project_id = t.project_id and c.table_id = t.id), '[]'))
        order by t.name collate "C")
      from public.table_metadata t where t.organization_id = p.organization_id and t.project_id = p.id), '[]'),
    'relationships', coalesce((
      select json_agg(json_build_object('id', r.id, 'relationship_type', r.relationship_type,
          'source_table_id', r.source_table_id, 'source_table', source.table_name,
          'source_column_id', r.source_column_id, 'source_column', source.name,
          'target_table_id', r.target_table_id, 'target_table', target.table_name,
          'target_column_id', r.target_column_id, 'target_column', target.name,
          'created_at', r.created_at, 'updated_at', r.updated_at)
        order by source.table_name collate "C", source.name collate "C",
          target.table_name collate "C", target.name collate "C")
      from public.relationships r
      cross join lateral (select t.name as table_name, c.name from public.table_metadata t, public.column_metadata c
        where t.id = r.source_table_id and c.id = r.source_column_id) source
      cross join lateral (select t.name as table_name, c.name from public.table_metadata t, public.column_metadata c
        where t.id = r.target_table_id and c.id = r.target_column_id) target
      where r.organization_id = p.organization_id and r.project_id = p.id), '[]'))
  from public.projects p where p.id = project_uuid
$$;
comment on function private.project_schema is 'A project with all that is in it, in a stable order; null if the caller sees none.';

create function public.get_project_schema(project_uuid uuid) returns json
language plpgsql stable set search_path = '' as $$
declare
  found_schema constant json := private.project_schema(project_uuid);
begin
  if found_schema is null then
    perform private.raise_error(404, 'not_found', format('No project with id %s', project_uuid));
  end if;
  return found_schema;
end $$;
comment on function public.get_project_schema is
  'A project, its tables by name with their columns in order, and what joins them: {project, tables: [{…, columns: […]}], relationships}.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('projects', '{organization_id}');
select private.guard_table('table_metadata', '{organization_id,project_id}');
select private.guard_table('column_metadata', '{organization_id,project_id,table_id}');
select private.guard_table('relationships',
  '{organization_id,project_id,source_table_id,source_column_id,target_table_id,target_column_id}');

create trigger bump_revision before update on public.projects
  for each row execute function private.bump_revision();
create trigger a_inherit_organization before insert on public.table_metadata
  for each row execute function private.inherit_organization('projects', 'project_id');
create trigger place_column before insert on public.column_metadata
  for each row execute function private.place_column();
create trigger require_not_null before insert or update of is_primary_key, is_nullable on public.column_metadata
  for each row when (new.is_primary_key and new.is_nullable) execute function private.require_not_null();
create trigger join_columns before insert on public.relationships
  for each row execute function private.join_columns();

do $$
declare
  of_project text;
begin
  foreach of_project in array '{table_metadata,column_metadata,relationships}'::text[] loop
    execute format('create trigger touch_project_on_insert after insert on public.%I
      referencing new table as changed_rows for each statement execute function private.touch_project()', of_project);
    execute format('create trigger touch_project_on_update after update on public.%I
      referencing new table as changed_rows for each statement execute function private.touch_project()', of_project);
    execute format('create trigger touch_project_on_delete after delete on public.%I
      referencing old table as changed_rows for each statement execute function private.touch_project()', of_project);
  end loop;
end $$;

select private.audit('projects', 'project', '{search_vector,table_count,column_count}');
select private.audit('table_metadata', 'table_metadata', '{search_vector}');
select private.audit('column_metadata', 'column_metadata', '{search_vector}');
select private.audit('relationships', 'relationship');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('projects', 'member', 'member', 'member', 'admin');
select private.tenant_policies('table_metadata', 'member', 'member', 'member', 'member');
select private.tenant_policies('column_metadata', 'member', 'member', 'member', 'member');
select private.tenant_policies('relationships', 'member', 'member', 'member', 'member');

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.projects, public.table_metadata, public.column_metadata, public.relationships to authenticated;
grant insert (organization_id, name, description), update (name, description) on public.projects to authenticated;
grant insert (project_id, name, description, business_rules, enhanced_description, domain_context, position_x, position_y),
  update (name, description, business_rules, enhanced_description, domain_context, position_x, position_y)
  on public.table_metadata to authenticated;
grant insert (table_id, name, description, data_type, is_nullable, is_primary_key, is_unique, default_value, max_length,
    pattern, sample_values, business_rules, enhanced_description, data_generation_rules, validation_rules, position),
  update (name, description, data_type, is_nullable, is_primary_key, is_unique, default_value, max_length,
    pattern, sample_values, business_rules, enhanced_description, data_generation_rules, validation_rules, position)
  on public.column_metadata to authenticated;
grant insert (source_table_id, source_column_id, target_table_id, target_column_id, relationship_type),
  update (relationship_type) on public.relationships to authenticated;

grant execute on function private.next_position, private.end_of_table, private.fold_text, private.words_of, private.project_schema
  to authenticated, service_role;
grant execute on function public.validate_project_ownership, public.get_user_projects, public.get_project_schema
  to authenticated, service_role;
