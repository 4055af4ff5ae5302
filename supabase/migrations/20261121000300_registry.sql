-- Registry (domain pipelines): versioned blocks and edges, and the verification of edges.
--
-- A version never changes: a change is a new version. `current_version_id` says which one counts.
--
-- Security definer functions, and why they must be:
--   private.number_version       numbers versions under a lock and moves the parent's pointer
--   private.mark_active_version  no client may update a version, not even its is_active flag

-- Tables --------------------------------------------------------------------------------------

create type public.block_type as enum ('dataset', 'model');
create type public.verification_status as enum ('pending', 'passed', 'failed');

create table public.blocks (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  block_type public.block_type not null,
  description text check (char_length(description) <= 10000),
  current_version_id uuid,
  is_archived boolean not null default false,
  revision integer not null default 1,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, name),
  unique (id, organization_id)
);
comment on table public.blocks is 'Datasets and models: what pipelines read, compute and write.';
comment on column public.blocks.is_archived is 'Kept for what it was, and for no new use: in no other pipeline, and in no new run.';
comment on column public.blocks.revision is 'Counts changes; the ETag.';

create table public.block_versions (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited(),
  block_id uuid not null,
  version_number integer not null default 0,
  spec jsonb not null check (jsonb_typeof(spec) = 'object' and spec ? 'kind' and octet_length(spec::text) <= 2097152),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 65536),
  is_active boolean not null default false,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (block_id, version_number),
  unique (id, block_id),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade
);
comment on table public.block_versions is 'What a block was at one time. Never changed.';
comment on column public.block_versions.spec is 'A tagged union on kind; the API checks its shape, the engine checks it again.';
comment on column public.block_versions.is_active is 'True for the block''s current version; kept by a trigger.';
comment on column public.block_versions.updated_at is 'Moves with is_active alone.';
create index block_versions_organization_id_idx on public.block_versions (organization_id, block_id);
create index block_versions_parent_idx on public.block_versions (block_id, organization_id);
create index block_versions_created_by_idx on public.block_versions (created_by);

alter table public.blocks add constraint blocks_current_version_fkey
  foreign key (current_version_id, id) references public.block_versions (id, block_id);
create index blocks_current_version_idx on public.blocks (current_version_id, id);
create index blocks_list_idx on public.blocks (organization_id, created_at desc, id desc);
create index blocks_created_by_idx on public.blocks (created_by);

create table public.edges (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  description text check (char_length(description) <= 10000),
  current_version_id uuid,
  is_archived boolean not null default false,
  revision integer not null default 1,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, name),
  unique (id, organization_id)
);
comment on table public.edges is 'Verified transformations between blocks.';
comment on column public.edges.is_archived is 'Kept for what it was, and for no new use: in no other pipeline, and in no new run.';
comment on column public.edges.revision is 'Counts changes; the ETag.';

create table public.edge_versions (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited(),
  edge_id uuid not null,
  version_number integer not null default 0,
  spec jsonb not null check (jsonb_typeof(spec) = 'object' and spec ? 'kind' and octet_length(spec::text) <= 2097152),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 65536),
  is_active boolean not null default false,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (edge_id, version_number),
  unique (id, edge_id),
  unique (id, organization_id),
  foreign key (edge_id, organization_id) references public.edges (id, organization_id) on delete cascade
);
comment on table public.edge_versions is 'What an edge was at one time. Never changed.';
comment on column public.edge_versions.spec is 'A tagged union on kind, with optional schemas and tests.';
comment on column public.edge_versions.is_active is 'True for the edge''s current version; kept by a trigger.';
comment on column public.edge_versions.updated_at is 'Moves with is_active alone.';
create index edge_versions_organization_id_idx on public.edge_versions (organization_id, edge_id);
create index edge_versions_parent_idx on public.edge_versions (edge_id, organization_id);
create index edge_versions_created_by_idx on public.edge_versions (created_by);

alter table public.edges add constraint edges_current_version_fkey
  foreign key (current_version_id, id) references public.edge_versions (id, edge_id);
create index edges_current_version_idx on public.edges (current_version_id, id);
create index edges_list_idx on public.edges (organization_id, created_at desc, id desc);
create index edges_created_by_idx on public.edges (created_by);

create table public.edge_verifications (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited(),
  edge_version_id uuid not null,
  verification_status public.verification_status not null default 'pending',
  verification_logs text not null default '' check (char_length(verification_logs) <= 200000),
  verified_at timestamptz,
  verified_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint verified_at_when_done check ((verification_status = 'pending') = (verified_at is null)),
  foreign key (edge_version_id, organization_id)
    references public.edge_versions (id, organization_id) on delete cascade
);
comment on table public.edge_verifications is
  'Runs of an edge version''s own tests. Asked for by members, judged by service_role alone.';
create index edge_verifications_version_idx
  on public.edge_verifications (edge_version_id, organization_id, created_at desc);
create index edge_verifications_organization_id_idx on public.edge_verifications (organization_id, created_at);
create index edge_verifications_verified_by_idx on public.edge_verifications (verified_by);

-- Functions -----------------------------------------------------------------------------------

create function private.number_version() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  parent_table constant text := tg_argv[0];
  parent_column constant text := tg_argv[1];
  parent_id constant uuid := (to_jsonb(new) ->> parent_column)::uuid;
begin
  -- The parent's row is the lock that makes numbers gapless under parallel inserts.
  execute format('select 1 from public.%I where id = $1 for no key update', parent_table) using parent_id;
  execute format('select coalesce(max(version_number), 0) + 1 from public.%I where %I = $1',
    tg_table_name, parent_column) into new.version_number using parent_id;
  new.is_active := false;
  return new;
end $$;
comment on function private.number_version is 'Versions are 1, 2, 3 … within their parent, whatever a client sends.';

create function private.point_to_version() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- As the caller: whoever may add a version may also change the parent.
  execute format('update public.%I set current_version_id = $1 where id = $2', tg_argv[0])
    using new.id, (to_jsonb(new) ->> tg_argv[1])::uuid;
  return null;
end $$;
comment on function private.point_to_version is 'A new version is the current one.';

create function private.mark_active_version() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  execute format('update public.%I set is_active = (id = $1) where %I = $2 and is_active <> (id = $1)',
    tg_argv[0], tg_argv[1]) using new.current_version_id, new.id;
  return null;
end $$;
comment on function private.mark_active_version is 'Keeps versions.is_active equal to the parent''s pointer.';

create function private.require_version() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.current_version_id is not null and new.current_version_id is null then
    perform private.raise_error(409, 'immutable', 'A current version is replaced, never removed');
  end if;
  return new;
end $$;
comment on function private.require_version is 'Once there is a version, there is a current one.';

create function private.check_block_spec() returns trigger
language plpgsql set search_path = '' as $$
declare
  kinds constant jsonb := '{
    "dataset": ["inline", "storage", "http", "table", "trigger"],
    "model": ["llm", "embedding", "http", "jsonata", "code"]}';
  type_of_block text;
begin
  select b.block_type into type_of_block from public.blocks b where b.id = new.block_id;
  if (kinds -> type_of_block ? (new.spec ->> 'kind')) is not true then
    perform private.raise_error(422, 'validation_failed',
      format('A %s is not of kind %s', type_of_block, new.spec -> 'kind'));
  end if;
  return new;
end $$;
comment on function private.check_block_spec is 'A spec''s kind fits the block''s type.';

create function private.block_with_version(block_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(b) || jsonb_build_object('current_version', to_jsonb(v))
  from public.blocks b left join public.block_versions v on v.id = b.current_version_id
  where b.id = block_with_version.block_id
$$;
comment on function private.block_with_version is 'A block as the API shows it.';

create function private.edge_with_version(edge_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(e) || jsonb_build_object('current_version', to_jsonb(v))
  from public.edges e left join public.edge_versions v on v.id = e.current_version_id
  where e.id = edge_with_version.edge_id
$$;
comment on function private.edge_with_version is 'An edge as the API shows it.';

create function public.create_block(
  name text, block_type public.block_type, spec jsonb,
  description text default null, metadata jsonb default '{}', organization_id uuid default null
) returns jsonb language plpgsql set search_path = '' as $$
declare
  block_id uuid;
begin
  insert into public.blocks (organization_id, name, block_type, description)
  values (private.require_organization(organization_id, 'member'), name, block_type, description)
  returning id into block_id;
  insert into public.block_versions (block_id, spec, metadata) values (block_id, spec, metadata);
  return private.block_with_version(block_id);
end $$;
comment on function public.create_block is 'A block and its version 1.';

create function public.create_edge(
  name text, spec jsonb,
  description text default null, metadata jsonb default '{}', organization_id uuid default null
) returns jsonb language plpgsql set search_path = '' as $$
declare
  edge_id uuid;
begin
  insert into public.edges (organization_id, name, description)
  values (private.require_organization(organization_id, 'member'), name, description)
  returning id into edge_id;
  insert into public.edge_versions (edge_id, spec, metadata) values (edge_id, spec, metadata);
  return private.edge_with_version(edge_id);
end $$;
comment on function public.create_edge is 'An edge and its version 1.';

create function public.activate_block_version(block_id uuid, version_number integer) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  update public.blocks b set current_version_id = v.id
  from public.block_versions v
  where b.id = $1 and v.block_id = b.id and v.version_number = $2;
  if not found then
    perform private.raise_error(404, 'not_found', format('No version %s of block %s', $2, $1));
  end if;
  return private.block_with_version($1);
end $$;
comment on function public.activate_block_version is 'Makes an earlier version the current one.';

create function public.activate_edge_version(edge_id uuid, version_number integer) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  update public.edges e set current_version_id = v.id
  from public.edge_versions v
  where e.id = $1 and v.edge_id = e.id and v.version_number = $2;
  if not found then
    perform private.raise_error(404, 'not_found', format('No version %s of edge %s', $2, $1));
  end if;
  return private.edge_with_version($1);
end $$;
comment on function public.activate_edge_version is 'Makes an earlier version the current one.';

create function private.check_verification() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' and new.verification_status <> 'pending' then
    perform private.raise_error(403, 'forbidden', 'A verification starts pending');
  elsif tg_op = 'UPDATE' and old.verification_status <> 'pending'
    and (new.verification_status, new.verification_logs, new.verified_at)
      is distinct from (old.verification_status, old.verification_logs, old.verified_at) then
    perform private.raise_error(409, 'immutable', 'This verification is done: start another one');
  end if;
  return new;
end $$;
comment on function private.check_verification is 'pending → passed | failed, once.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('blocks', '{organization_id,block_type}');
select private.guard_table('block_versions', '{organization_id,block_id,version_number,spec,metadata}');
select private.guard_table('edges', '{organization_id}');
select private.guard_table('edge_versions', '{organization_id,edge_id,version_number,spec,metadata}');
select private.guard_table('edge_verifications', '{organization_id,edge_version_id}');

create trigger bump_revision before update on public.blocks
  for each row execute function private.bump_revision();
create trigger require_version before update of current_version_id on public.blocks
  for each row execute function private.require_version();
create trigger mark_active_version after update of current_version_id on public.blocks
  for each row execute function private.mark_active_version('block_versions', 'block_id');
create trigger a_inherit_organization before insert on public.block_versions
  for each row execute function private.inherit_organization('blocks', 'block_id');
create trigger check_block_spec before insert on public.block_versions
  for each row execute function private.check_block_spec();
create trigger number_version before insert on public.block_versions
  for each row execute function private.number_version('blocks', 'block_id');
create trigger point_to_version after insert on public.block_versions
  for each row execute function private.point_to_version('blocks', 'block_id');

create trigger bump_revision before update on public.edges
  for each row execute function private.bump_revision();
create trigger require_version before update of current_version_id on public.edges
  for each row execute function private.require_version();
create trigger mark_active_version after update of current_version_id on public.edges
  for each row execute function private.mark_active_version('edge_versions', 'edge_id');
create trigger a_inherit_organization before insert on public.edge_versions
  for each row execute function private.inherit_organization('edges', 'edge_id');
create trigger number_version before insert on public.edge_versions
  for each row execute function private.number_version('edges', 'edge_id');
create trigger point_to_version after insert on public.edge_versions
  for each row execute function private.point_to_version('edges', 'edge_id');

create trigger a_inherit_organization before insert on public.edge_verifications
  for each row execute function private.inherit_organization('edge_versions', 'edge_version_id');
create trigger check_verification before insert or update on public.edge_verifications
  for each row execute function private.check_verification();

select private.audit('blocks', 'block');
select private.audit('block_versions', 'block_version', '{is_active}');
select private.audit('edges', 'edge');
select private.audit('edge_versions', 'edge_version', '{is_active}');
select private.audit('edge_verifications', 'edge_verification');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('blocks', 'member', 'member', 'member', 'admin');
select private.tenant_policies('block_versions', 'member', 'member');
select private.tenant_policies('edges', 'member', 'member', 'member', 'admin');
select private.tenant_policies('edge_versions', 'member', 'member');
select private.tenant_policies('edge_verifications', 'member', 'member');

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.blocks, public.edges to authenticated;
grant select on public.block_versions, public.edge_versions, public.edge_verifications to authenticated;
grant insert (organization_id, name, block_type, description) on public.blocks to authenticated;
grant update (name, description, is_archived, current_version_id) on public.blocks to authenticated;
grant insert (block_id, spec, metadata) on public.block_versions to authenticated;
grant insert (organization_id, name, description) on public.edges to authenticated;
grant update (name, description, is_archived, current_version_id) on public.edges to authenticated;
grant insert (edge_id, spec, metadata) on public.edge_versions to authenticated;
grant insert (edge_version_id) on public.edge_verifications to authenticated;

grant execute on function private.block_with_version, private.edge_with_version
  to authenticated, service_role;
grant execute on function public.create_block, public.create_edge,
  public.activate_block_version, public.activate_edge_version to authenticated, service_role;
