-- Catalog (domain pipelines): what the registry knows of blocks and edges beside their versions: where
-- they belong (taxonomy), where their code and images are, and what they declare to depend on.
--
-- Security definer functions, and why they must be:
--   private.replace_hook_secret  no client sees a secret, so none could remove the one before

-- Tables --------------------------------------------------------------------------------------

create type public.registry_entity as enum ('block', 'edge');
create type public.build_status as enum ('pending', 'success', 'failed');
create type public.dependency_type as enum ('internal', 'external');

create view private.registry_entities with (security_invoker = true) as
  select 'block'::public.registry_entity as entity_type, b.id as entity_id, b.organization_id, b.name, b.description,
    b.block_type, b.created_at, b.updated_at
  from public.blocks b
  union all
  select 'edge', e.id, e.organization_id, e.name, e.description, null, e.created_at, e.updated_at
  from public.edges e;
comment on view private.registry_entities is 'Blocks and edges alike, as their reader may see them.';

create table public.taxonomy_categories (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  parent_id uuid,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  description text check (char_length(description) <= 10000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id),
  foreign key (parent_id, organization_id) references public.taxonomy_categories (id, organization_id)
);
comment on table public.taxonomy_categories is
  'The tree that an organization sorts its blocks into. A category goes only when nothing is below it.';
comment on column public.taxonomy_categories.parent_id is 'The category above; null at the top. To change it is to move the subtree.';
-- Of an expression, so that to move a category is no change of a key: two moves at once would deadlock.
create unique index taxonomy_categories_siblings_idx on public.taxonomy_categories
  (organization_id, parent_id, lower(name)) nulls not distinct;
create index taxonomy_categories_parent_idx on public.taxonomy_categories (parent_id, organization_id);

create table public.block_taxonomies (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  block_id uuid not null,
  category_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (block_id, category_id),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade,
  foreign key (category_id, organization_id) references public.taxonomy_categories (id, organization_id) on delete cascade
);
comment on table public.block_taxonomies is 'Which categories a block is in.';
create index block_taxonomies_organization_idx on public.block_taxonomies (organization_id);
create index block_taxonomies_block_idx on public.block_taxonomies (block_id, organization_id);
create index block_taxonomies_category_idx on public.block_taxonomies (category_id, organization_id);

-- A row is about a block or an edge, named by entity_type and entity_id. The generated columns are what
-- the foreign keys hold on to.
create table public.code_repos (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  entity_type public.registry_entity not null,
  entity_id uuid not null,
  block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored,
  edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored,
  repo_url text not null check (char_length(repo_url) <= 2048
    and repo_url ~ '^(https?://[^\s@/]+/[^\s@]+|ssh://[^\s:]+\S+|[\w.-]+@[\w.-]+:\S+)$'),
  branch text not null default 'main' check (branch ~ '^[^\s~^:?*\[\\]{1,250}$'),
  last_updated timestamptz,
  last_commit text check (last_commit ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id),
  unique (entity_type, entity_id, repo_url, branch),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade,
  foreign key (edge_id, organization_id) references public.edges (id, organization_id) on delete cascade
);
comment on table public.code_repos is 'Where the code of a block or an edge is kept.';
comment on column public.code_repos.repo_url is 'Without credentials: every member reads it.';
comment on column public.code_repos.last_updated is 'When the branch was last pushed to, as its webhook told.';
comment on column public.code_repos.last_commit is 'The branch''s head after that push.';
create index code_repos_list_idx on public.code_repos (organization_id, created_at desc, id desc);
create index code_repos_block_idx on public.code_repos (block_id, organization_id);
create index code_repos_edge_idx on public.code_repos (edge_id, organization_id);

create table public.docker_images (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  entity_type public.registry_entity not null,
  entity_id uuid not null,
  block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored,
  edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored,
  registry_url text not null default 'https://docker.io'
    check (char_length(registry_url) <= 500 and registry_url ~ '^https?://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[^\s@]*)?$'),
  name text not null check (char_length(name) <= 255 and name ~ '^[a-z0-9]+([._/-]+[a-z0-9]+)*$'),
  image_tag text not null default 'latest' check (image_tag ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$'),
  digest text check (digest ~ '^sha256:[0-9a-f]{64}$'),
  build_status public.build_status not null default 'pending',
  build_logs text not null default '' check (char_length(build_logs) <= 200000),
  last_built_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id),
  unique (entity_type, entity_id, registry_url, name, image_tag),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade,
  foreign key (edge_id, organization_id) references public.edges (id, organization_id) on delete cascade
);
comment on table public.docker_images is 'Images that blocks and edges run in. What was built is told by their webhook alone.';
comment on column public.docker_images.name is 'The repository in the registry: acme/weather.';
comment on column public.docker_images.digest is 'What the tag stood for after the last good build.';
comment on column public.docker_images.build_logs is 'The end of the last build''s log.';
comment on column public.docker_images.last_built_at is 'When the last build ended, well or not.';
create index docker_images_list_idx on public.docker_images (organization_id, created_at desc, id desc);
create index docker_images_block_idx on public.docker_images (block_id, organization_id);
create index docker_images_edge_idx on public.docker_images (edge_id, organization_id);

create table public.hook_secrets (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  code_repo_id uuid,
  docker_image_id uuid,
  ciphertext text not null check (char_length(ciphertext) <= 20000),
  key_version integer not null check (key_version > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint hook_of_one check (num_nonnulls(code_repo_id, docker_image_id) = 1),
  unique (code_repo_id, organization_id),
  unique (docker_image_id, organization_id),
  foreign key (code_repo_id, organization_id) references public.code_repos (id, organization_id) on delete cascade,
  foreign key (docker_image_id, organization_id) references public.docker_images (id, organization_id) on delete cascade
);
comment on table public.hook_secrets is
  'What the webhooks of code repos and docker images are signed with, encrypted by the functions. Written by admins, read by service_role alone.';
comment on column public.hook_secrets.ciphertext is 'The envelope, bound to this row.';
comment on column public.hook_secrets.key_version is 'Which key-encryption key wraps it.';
create index hook_secrets_organization_idx on public.hook_secrets (organization_id);

create table public.dependencies (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  entity_type public.registry_entity not null,
  entity_id uuid not null,
  block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored,
  edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored,
  dependency_type public.dependency_type not null,
  depends_on_type public.registry_entity,
  depends_on_id uuid,
  depends_on_block_id uuid generated always as (case when depends_on_type = 'block' then depends_on_id end) stored,
  depends_on_edge_id uuid generated always as (case when depends_on_type = 'edge' then depends_on_id end) stored,
  package_name text check (package_name ~ '^\S{1,214}$'),
  package_version text check (package_version = btrim(package_version) and char_length(package_version) between 1 and 100),
  dependency_detail text check (char_length(dependency_detail) <= 10000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint internal_names_an_entity
    check (num_nonnulls(depends_on_type, depends_on_id) = case when dependency_type = 'internal' then 2 else 0 end),
  constraint external_names_a_package
    check (case when dependency_type = 'external' then package_name is not null
      else num_nonnulls(package_name, package_version) = 0 end),
  constraint depends_on_another check ((entity_type, entity_id) is distinct from (depends_on_type, depends_on_id)),
  unique nulls not distinct (entity_type, entity_id, depends_on_type, depends_on_id, package_name),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade,
  foreign key (edge_id, organization_id) references public.edges (id, organization_id) on delete cascade,
  foreign key (depends_on_block_id, organization_id) references public.blocks (id, organization_id),
  foreign key (depends_on_edge_id, organization_id) references public.edges (id, organization_id)
);
comment on table public.dependencies is
  'What a block or an edge says it depends on: another one of the organization (which can''t be removed then), or a package.';
comment on column public.dependencies.dependency_detail is 'Why, for people.';
create index dependencies_organization_idx on public.dependencies (organization_id, created_at desc);
create index dependencies_block_idx on public.dependencies (block_id, organization_id);
create index dependencies_edge_idx on public.dependencies (edge_id, organization_id);
create index dependencies_on_block_idx on public.dependencies (depends_on_block_id, organization_id);
create index dependencies_on_edge_idx on public.dependencies (depends_on_edge_id, organization_id);
create index dependencies_on_idx on public.dependencies (depends_on_id);

-- Functions -----------------------------------------------------------------------------------

create function private.check_category() returns trigger
language plpgsql set search_path = '' as $$
declare
  max_depth constant integer := 20;
  max_categories constant integer := 5000;
  ancestors uuid[];
  height integer := 1;
begin
  -- Locked first, looked at second: of two moves that each make half of a circle, the second one waits
  -- here and then sees what the first one wrote.
  perform pg_advisory_xact_lock(hashtextextended('taxonomy of ' || new.organization_id, 0));
  if new.parent_id is not null and not exists (select from public.taxonomy_categories c
    where c.id = new.parent_id and c.organization_id = new.organization_id) then
    perform private.raise_error(404, 'not_found', format('No category with id %s', new.parent_id));
  end if;
  with recursive above (id, parent_id) as (
    select c.id, c.parent_id from public.taxonomy_categories c where c.id = new.parent_id
    union
    select c.id, c.parent_id from above a join public.taxonomy_categories c on c.id = a.parent_id
  )
  select array_agg(a.id) into ancestors from above a;
  if new.id = any (ancestors) then
    perform private.raise_error(409, 'cycle', 'A category can''t be moved below itself');
  end if;
  if tg_op = 'UPDATE' then
    with recursive below (id, level) as (
      select new.id, 1
      union all
      select c.id, b.level + 1 from below b join public.taxonomy_categories c on c.parent_id = b.id
    )
    select max(b.level) into height from below b;
  elsif (select count(*) from public.taxonomy_categories c where c.organization_id = new.organization_id) >= max_categories then
    perform private.raise_error(422, 'validation_failed', format('A taxonomy has at most %s categories', max_categories));
  end if;
  if coalesce(cardinality(ancestors), 0) + height > max_depth then
    perform private.raise_error(422, 'validation_failed', format('A taxonomy has at most %s levels', max_depth), 'parent_id');
  end if;
  return new;
end $$;
comment on function private.check_category is
  'The taxonomy stays a tree of bounded size, also under concurrent moves. The parent is looked for as the caller.';

create function private.inherit_entity_organization() returns trigger
language plpgsql set search_path = '' as $$
declare
  owner uuid;
begin
  -- Runs as the caller: what RLS hides does not exist. An organization that is named must be the entity's.
  select e.organization_id into owner from private.registry_entities e
  where e.entity_type = new.entity_type and e.entity_id = new.entity_id
    and e.organization_id = coalesce(new.organization_id, e.organization_id);
  if owner is null then
    perform private.raise_error(404, 'not_found', format('No %s with id %s', new.entity_type, new.entity_id));
  end if;
  new.organization_id := owner;
  return new;
end $$;
comment on function private.inherit_entity_organization is 'A row about a block or an edge belongs to that one''s organization.';

create function private.check_dependency() returns trigger
language plpgsql set search_path = '' as $$
begin
  if (new.entity_type, new.entity_id) = (new.depends_on_type, new.depends_on_id) then
    perform private.raise_error(422, 'validation_failed', format('A %s can''t depend on itself', new.entity_type), 'depends_on_id');
  elsif new.depends_on_id is not null and not exists (select from private.registry_entities e
    where e.entity_type = new.depends_on_type and e.entity_id = new.depends_on_id
      and e.organization_id = new.organization_id) then
    perform private.raise_error(404, 'not_found', format('No %s with id %s', new.depends_on_type, new.depends_on_id));
  end if;
  return new;
end $$;
comment on function private.check_dependency is 'What is depended on is another entity of the organization, as the caller sees it.';

create function private.replace_hook_secret() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Whoever may not add the new one is refused after this, and the old one is back.
  delete from public.hook_secrets s
  where s.organization_id = new.organization_id
    and (s.code_repo_id = new.code_repo_id or s.docker_image_id = new.docker_image_id);
  return new;
end $$;
comment on function private.replace_hook_secret is 'A webhook has one secret: a new one takes the place of the one before.';

create function private.forget_push() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.last_updated := null;
  new.last_commit := null;
  return new;
end $$;
comment on function private.forget_push is 'Another repository or branch has not been heard of yet.';

create function private.forget_build() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.build_status := 'pending';
  new.build_logs := '';
  new.digest := null;
  new.last_built_at := null;
  return new;
end $$;
comment on function private.forget_build is 'What is known of a build is of another image, once the image is another.';

create function public.list_taxonomy(organization_id uuid default null) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('block_count', (
      select count(*) from public.block_taxonomies t where t.category_id = c.id))
    order by lower(c.name), c.id), '[]')
  from public.taxonomy_categories c
  where c.organization_id = (select private.require_organization(list_taxonomy.organization_id, 'member'))
$$;
comment on function public.list_taxonomy is 'All categories of an organization by name, each with how many blocks are right in it.';

create function public.get_block_taxonomy(block_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
begin
  if not exists (select from public.blocks b where b.id = block_id) then
    perform private.raise_error(404, 'not_found', format('No block with id %s', block_id));
  end if;
  return (
    with recursive above (category_id, parent_id, path) as (
      select c.id, c.parent_id, array[c.name]
      from public.block_taxonomies t join public.taxonomy_categories c on c.id = t.category_id
      where t.block_id = block_id
      union all
      select a.category_id, c.parent_id, c.name || a.path
      from above a join public.taxonomy_categories c on c.id = a.parent_id
    )
    select coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('path', a.path) order by a.path), '[]')
    from above a join public.taxonomy_categories c on c.id = a.category_id
    where a.parent_id is null);
end $$;
comment on function public.get_block_taxonomy is 'The categories that a block is in, each with the names from the top down to it.';

create function public.set_block_taxonomy(block_id uuid, category_ids uuid[]) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  organization uuid;
  unknown text;
begin
  -- The block's row is the lock: of two sets at once, one follows the other.
  select b.organization_id into organization from public.blocks b where b.id = block_id for no key update;
  if organization is null then
    perform private.raise_error(404, 'not_found', format('No block with id %s', block_id));
  end if;
  select string_agg(n.id::text, ', ') into unknown from unnest(category_ids) n (id)
  where not exists (select from public.taxonomy_categories c where c.id = n.id and c.organization_id = organization);
  if unknown is not null then
    perform private.raise_error(404, 'not_found', format('No category with id %s', unknown));
  end if;
  delete from public.block_taxonomies t where t.block_id = block_id and not t.category_id = any (category_ids);
  insert into public.block_taxonomies (block_id, category_id)
  select block_id, n.id from unnest(category_ids) n (id)
  on conflict on constraint block_taxonomies_block_id_category_id_key do nothing;
  return public.get_block_taxonomy(block_id);
end $$;
comment on function public.set_block_taxonomy is 'Puts a block into these categories and no other.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('taxonomy_categories', '{organization_id}');
select private.guard_table('block_taxonomies', '{organization_id,block_id,category_id}');
select private.guard_table('code_repos', '{organization_id,entity_type,entity_id}');
select private.guard_table('docker_images', '{organization_id,entity_type,entity_id}');
select private.guard_table('hook_secrets', '{organization_id,code_repo_id,docker_image_id}');
select private.guard_table('dependencies', '{organization_id,entity_type,entity_id,dependency_type,depends_on_type,depends_on_id}');

create trigger check_category before insert or update of parent_id on public.taxonomy_categories
  for each row execute function private.check_category();
create trigger a_inherit_organization before insert on public.block_taxonomies
  for each row execute function private.inherit_organization('blocks', 'block_id');
create trigger a_inherit_organization before insert on public.code_repos
  for each row execute function private.inherit_entity_organization();
create trigger a_inherit_organization before insert on public.docker_images
  for each row execute function private.inherit_entity_organization();
create trigger a_inherit_organization before insert on public.dependencies
  for each row execute function private.inherit_entity_organization();
create trigger check_dependency before insert on public.dependencies
  for each row execute function private.check_dependency();
create trigger forget_push before update of repo_url, branch on public.code_repos for each row
  when ((old.repo_url, old.branch) is distinct from (new.repo_url, new.branch)) execute function private.forget_push();
create trigger forget_build before update of registry_url, name, image_tag on public.docker_images for each row
  when ((old.registry_url, old.name, old.image_tag) is distinct from (new.registry_url, new.name, new.image_tag))
  execute function private.forget_build();
create trigger a_inherit_organization_of_repo before insert on public.hook_secrets
  for each row when (new.code_repo_id is not null)
  execute function private.inherit_organization('code_repos', 'code_repo_id');
create trigger a_inherit_organization_of_image before insert on public.hook_secrets
  for each row when (new.code_repo_id is null)
  execute function private.inherit_organization('docker_images', 'docker_image_id');
create trigger replace_hook_secret before insert on public.hook_secrets
  for each row execute function private.replace_hook_secret();

select private.audit('taxonomy_categories', 'taxonomy_category');
select private.audit('block_taxonomies', 'block_taxonomy');
select private.audit('code_repos', 'code_repo');
select private.audit('docker_images', 'docker_image', '{build_logs}');
select private.audit('hook_secrets', 'hook_secret', '{ciphertext}');
select private.audit('dependencies', 'dependency');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('taxonomy_categories', 'member', 'member', 'member', 'admin');
select private.tenant_policies('block_taxonomies', 'member', 'member', null, 'member');
select private.tenant_policies('code_repos', 'member', 'member', 'member', 'admin');
select private.tenant_policies('docker_images', 'member', 'member', 'member', 'admin');
select private.tenant_policies('dependencies', 'member', 'member', null, 'member');
create policy "No client sees secrets" on public.hook_secrets for select to authenticated using (false);
create policy "An admin gives their organization's webhook a secret" on public.hook_secrets
  for insert to authenticated
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));

-- Grants --------------------------------------------------------------------------------------

revoke all on private.registry_entities from anon, authenticated, service_role;
grant select on private.registry_entities to authenticated, service_role;
grant select, delete on public.taxonomy_categories, public.block_taxonomies, public.code_repos,
  public.docker_images, public.dependencies to authenticated;
grant insert (organization_id, parent_id, name, description), update (parent_id, name, description)
  on public.taxonomy_categories to authenticated;
grant insert (block_id, category_id) on public.block_taxonomies to authenticated;
grant insert (organization_id, entity_type, entity_id, repo_url, branch), update (repo_url, branch)
  on public.code_repos to authenticated;
grant insert (organization_id, entity_type, entity_id, registry_url, name, image_tag), update (registry_url, name, image_tag)
  on public.docker_images to authenticated;
grant insert (entity_type, entity_id, dependency_type, depends_on_type, depends_on_id,
  package_name, package_version, dependency_detail) on public.dependencies to authenticated;
grant insert (id, code_repo_id, docker_image_id, ciphertext, key_version) on public.hook_secrets to authenticated;
grant execute on function public.list_taxonomy, public.get_block_taxonomy, public.set_block_taxonomy
  to authenticated, service_role;
