-- Organizations: tenancy. Who a user is, which organizations they belong to, and with what role.
--
-- Security definer functions, and why they must be:
--   private.organization_ids      policies call it; it reads memberships, whose own policy calls it
--   private.welcome_user          runs as the auth server, which has no rights on our tables
--   private.follow_user           as above, for a changed address
--   private.farewell_user         as above, for a removed user
--   private.track_memberships     a member who leaves may not write the organization's counter
--   private.create_organization   a new owner has no membership yet that RLS could admit

-- Tables --------------------------------------------------------------------------------------

create type public.organization_kind as enum ('personal', 'team');
-- In rising order: a policy asks for a minimum.
create type public.membership_role as enum ('member', 'admin', 'owner');
create type public.membership_status as enum ('invited', 'active', 'suspended');
create type public.profile_status as enum ('active', 'inactive', 'suspended');
create type public.platform_role as enum ('developer', 'super_admin');

create table public.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null check (char_length(name) between 1 and 200),
  slug text not null unique check (slug ~ '^[a-z0-9](-?[a-z0-9]){1,62}$'),
  kind public.organization_kind not null default 'team',
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
  member_count integer not null default 0 check (member_count >= 0),
  max_concurrent_steps integer check (max_concurrent_steps between 1 and 10000),
  audit_retention_days integer not null default 365 check (audit_retention_days between 30 and 3650),
  revision integer not null default 1,
  created_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.organizations is 'The tenant: everything else belongs to one.';
comment on column public.organizations.kind is 'personal: made with the user, for them alone; clients can invite nobody.';
comment on column public.organizations.member_count is 'Active memberships; kept by a trigger.';
comment on column public.organizations.max_concurrent_steps is 'Steps of all its runs in work at once; null: no limit. Set by service_role alone: it protects the others.';
comment on column public.organizations.audit_retention_days is 'How long the audit log is kept; never under 30, so that nobody shortens it to hide.';
comment on column public.organizations.revision is 'Counts changes; the ETag.';
create index organizations_created_by_idx on public.organizations (created_by);

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  username text not null unique check (username ~ '^[a-z0-9_.-]{2,64}$'),
  full_name text check (char_length(full_name) <= 200),
  avatar_url text check (char_length(avatar_url) <= 2000),
  email text,
  status public.profile_status not null default 'active',
  last_active_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.profiles is 'What colleagues see of a user; one row for each of auth.users.';
comment on column public.profiles.email is 'Copy of auth.users.email, kept by a trigger.';

create table public.memberships (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.membership_role not null default 'member',
  status public.membership_status not null default 'invited',
  accepted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, user_id),
  constraint accepted_when_active check (status <> 'active' or accepted_at is not null)
);
comment on table public.memberships is 'A user''s place in an organization. Counts only while active.';
comment on column public.memberships.accepted_at is
  'When the user said yes. Nobody can be made a member against their will.';
create index memberships_user_id_idx on public.memberships (user_id, status);

create table public.platform_admins (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id) on delete cascade,
  role public.platform_role not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.platform_admins is
  'Staff who pass every organization''s policies. Written by service_role alone.';

-- Functions -----------------------------------------------------------------------------------

create function private.organization_ids(minimum_role public.membership_role) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  -- PL/pgSQL keeps the plan. Nearly each policy asks this, and to plan it again takes ten times as long as to run it.
  return (
    with reachable as (
      select m.organization_id as id from public.memberships m
      where m.user_id = (select auth.uid()) and m.status = 'active' and m.role >= minimum_role
      union
      select o.id from public.organizations o
      where exists (select 1 from public.platform_admins a where a.user_id = (select auth.uid()))
    )
    select coalesce(array_agg(r.id), '{}') from reachable r
    where ((select auth.jwt() ->> 'organization_id') is null
        or r.id = (select (auth.jwt() ->> 'organization_id')::uuid))
      -- A pipeline is any member's to write: whoever runs it lends it no more than a member's rights.
      and (minimum_role = 'member' or (select auth.jwt() ->> 'step_id') is null));
end $$;
comment on function private.organization_ids is
  'Organizations where the caller has at least this role; a key''s token is narrowed to its own, a step''s to a member''s rights.';

create function private.default_organization_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  ids uuid[] := private.organization_ids('member');
begin
  if cardinality(ids) = 0 then
    perform private.raise_error(403, 'forbidden', 'You belong to no organization');
  elsif cardinality(ids) > 1 then
    perform private.raise_error(400, 'organization_required',
      'You belong to several organizations: name one in the x-organization-id header');
  end if;
  return ids[1];
end $$;
comment on function private.default_organization_id is
  'The caller''s only organization; refuses when there is a choice.';

create function private.require_organization(organization_id uuid, minimum_role public.membership_role)
returns uuid language plpgsql stable set search_path = '' as $$
declare
  chosen uuid := coalesce(organization_id, private.default_organization_id());
begin
  if not chosen = any (private.organization_ids('member')) then
    perform private.raise_error(404, 'not_found', format('No organization with id %s', chosen));
  elsif not chosen = any (private.organization_ids(minimum_role)) then
    perform private.raise_error(403, 'forbidden', format('This needs the role %s', minimum_role));
  end if;
  return chosen;
end $$;
comment on function private.require_organization is
  'The organization that a command works in: the one named, else the only one; 404 or 403 if it may not.';

create function private.tenant_policies(
  table_name text,
  readers public.membership_role,
  creators public.membership_role default null,
  changers public.membership_role default null,
  removers public.membership_role default null
) returns void language plpgsql set search_path = '' as $$
declare
  subject text := replace(table_name, '_', ' ');
  rule constant text := 'organization_id = any ((select private.organization_ids(%L))::uuid[])';
begin
  execute format('create policy %I on public.%I for select to authenticated using (' || rule || ')',
    format('A %s of the organization reads %s', readers, subject), table_name, readers);
  if creators is not null then
    execute format('create policy %I on public.%I for insert to authenticated with check (' || rule || ')',
      format('A %s of the organization adds %s', creators, subject), table_name, creators);
  end if;
  if changers is not null then
    execute format('create policy %I on public.%I for update to authenticated using (' || rule
      || ') with check (' || rule || ')',
      format('A %s of the organization changes %s', changers, subject), table_name, changers, changers);
  end if;
  if removers is not null then
    execute format('create policy %I on public.%I for delete to authenticated using (' || rule || ')',
      format('A %s of the organization removes %s', removers, subject), table_name, removers);
  end if;
end $$;
comment on function private.tenant_policies is
  'The policies of a tenant-owned table, one a verb, by minimum role; a verb left out stays refused.';

create function private.create_organization(
  name text, slug text, kind public.organization_kind, owner_id uuid
) returns public.organizations
language plpgsql security definer set search_path = '' as $$
declare
  created public.organizations;
begin
  if auth.uid() is not null and owner_id is distinct from auth.uid() then
    perform private.raise_error(403, 'forbidden', 'You can make yourself an owner, and nobody else');
  end if;
  insert into public.organizations (name, slug, kind, created_by)
  values (name, slug, kind, owner_id) returning * into created;
  insert into public.memberships (organization_id, user_id, role, status, accepted_at)
  values (created.id, owner_id, 'owner', 'active', now());
  select * into created from public.organizations o where o.id = created.id;
  return created;
end $$;
comment on function private.create_organization is 'An organization is never without an owner.';

create function public.create_organization(name text, slug text) returns public.organizations
language plpgsql set search_path = '' as $$
begin
  if auth.uid() is null then
    perform private.raise_error(401, 'unauthorized', 'Only a user can own an organization');
  elsif auth.jwt() ->> 'organization_id' is not null then
    perform private.raise_error(403, 'forbidden', 'A key works in its own organization only');
  end if;
  return private.create_organization(name, slug, 'team', auth.uid());
end $$;
comment on function public.create_organization is 'Makes a team organization owned by the caller.';

create function private.welcome_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  local_part constant text := lower(regexp_replace(split_part(coalesce(new.email, ''), '@', 1), '[^a-zA-Z0-9_.-]', '', 'g'));
  handle constant text := case when char_length(local_part) > 1 then left(local_part, 31) else 'user' end;
  full_name constant text := nullif(btrim(left(new.raw_user_meta_data ->> 'full_name', 200)), '');
  unique_part constant text := replace(new.id::text, '-', '');
begin
  -- The short name for the first who comes; a sign-up never fails because a name is taken.
  insert into public.profiles (id, username, full_name, avatar_url, email)
  values (new.id, handle, full_name, left(new.raw_user_meta_data ->> 'avatar_url', 2000), new.email)
  on conflict (username) do nothing;
  if not found then
    insert into public.profiles (id, username, full_name, avatar_url, email)
    values (new.id, handle || '-' || unique_part, full_name,
      left(new.raw_user_meta_data ->> 'avatar_url', 2000), new.email);
  end if;
  perform private.create_organization(coalesce(full_name, handle), 'personal-' || unique_part, 'personal', new.id);
  return new;
end $$;
comment on function private.welcome_user is 'Profile, personal organization and its membership.';

create function private.follow_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.profiles set email = new.email where id = new.id;
  return new;
end $$;
comment on function private.follow_user is 'Keeps profiles.email equal to auth.users.email.';

create function private.farewell_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.organizations o where o.created_by = old.id and o.kind = 'personal';
  return old;
end $$;
comment on function private.farewell_user is 'A personal organization goes with its user.';

create function private.check_membership() returns trigger
language plpgsql set search_path = '' as $$
declare
  is_client constant boolean := current_user = 'authenticated';
  is_own constant boolean := new.user_id = (select auth.uid());
begin
  if tg_op = 'INSERT' and is_client and exists (
    select 1 from public.organizations o where o.id = new.organization_id and o.kind = 'personal') then
    perform private.raise_error(409, 'personal_organization', 'A personal organization is for its user alone: make a team');
  end if;
  if new.status = 'active' and new.accepted_at is null then
    if is_client and not is_own then
      perform private.raise_error(403, 'forbidden', 'Only the invited user can accept an invitation');
    end if;
    new.accepted_at := now();
  end if;
  if tg_op = 'UPDATE' and is_client
    and not new.organization_id = any (private.organization_ids('admin'))
    and (new.role <> old.role or old.status <> 'invited') then
    perform private.raise_error(403, 'forbidden', 'A member can accept or leave, no more');
  end if;
  if tg_op = 'UPDATE' and is_client and new.role <> old.role and 'owner' in (new.role, old.role)
    and not new.organization_id = any (private.organization_ids('owner')) then
    perform private.raise_error(403, 'forbidden', 'Only an owner makes owners');
  end if;
  return new;
end $$;
comment on function private.check_membership is
  'What a policy can''t say: an invitation is accepted by its user, and roles are given by admins.';

create function private.track_memberships() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := coalesce(new.organization_id, old.organization_id);
begin
  -- The organization's row is the lock: two owners who leave at once can't both be "not the last". It
  -- is taken by a statement of its own, so that the count after it sees what it waited for.
  perform 1 from public.organizations o where o.id = organization for no key update;
  update public.organizations o set member_count = (
    select count(*) from public.memberships m
    where m.organization_id = organization and m.status = 'active')
  where o.id = organization;
  if found and current_setting('role', true) = 'authenticated' and not exists (
    select 1 from public.memberships m
    where m.organization_id = organization and m.status = 'active' and m.role = 'owner') then
    perform private.raise_error(409, 'last_owner', 'An organization needs an owner: name another one first');
  end if;
  return null;
end $$;
comment on function private.track_memberships is 'Keeps member_count, and at least one active owner.';

create function private.keep_personal_organization() returns trigger
language plpgsql set search_path = '' as $$
begin
  if current_user = 'authenticated' and old.kind = 'personal' then
    perform private.raise_error(409, 'personal_organization', 'A personal organization goes with its user');
  end if;
  return old;
end $$;
comment on function private.keep_personal_organization is 'Clients can''t delete a personal organization.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('organizations', '{kind}');
select private.guard_table('profiles');
select private.guard_table('memberships', '{organization_id,user_id}');
select private.guard_table('platform_admins', '{user_id}');
create trigger bump_revision before update on public.organizations
  for each row execute function private.bump_revision();
create trigger keep_personal_organization before delete on public.organizations
  for each row execute function private.keep_personal_organization();
create trigger check_membership before insert or update on public.memberships
  for each row execute function private.check_membership();
create trigger track_memberships after insert or update or delete on public.memberships
  for each row execute function private.track_memberships();

create trigger edgeloom_welcome_user after insert on auth.users
  for each row execute function private.welcome_user();
create trigger edgeloom_follow_user after update of email on auth.users
  for each row execute function private.follow_user();
create trigger edgeloom_farewell_user before delete on auth.users
  for each row execute function private.farewell_user();

-- RLS -----------------------------------------------------------------------------------------

create policy "A member of the organization reads it" on public.organizations
  for select to authenticated
  using (id = any ((select private.organization_ids('member'))::uuid[]));
create policy "An admin of the organization changes it" on public.organizations
  for update to authenticated
  using (id = any ((select private.organization_ids('admin'))::uuid[]))
  with check (id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "An owner of the organization removes it" on public.organizations
  for delete to authenticated
  using (id = any ((select private.organization_ids('owner'))::uuid[]));

create policy "A user reads their own and their colleagues' profiles" on public.profiles
  for select to authenticated
  using (
    id = (select auth.uid())
    or id in (
      select m.user_id from public.memberships m
      where m.status = 'active'
        and m.organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "A user changes their own profile" on public.profiles
  for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create policy "A member reads the organization's memberships, an invited user their own"
  on public.memberships for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('member'))::uuid[])
    or (user_id = (select auth.uid()) and ((select auth.jwt()) ->> 'organization_id') is null)
  );
create policy "An admin invites, only an owner invites owners" on public.memberships
  for insert to authenticated
  with check (
    status = 'invited'
    and organization_id = any ((select private.organization_ids('admin'))::uuid[])
    and (role <> 'owner' or organization_id = any ((select private.organization_ids('owner'))::uuid[]))
  );
create policy "An admin changes memberships, a user accepts their own" on public.memberships
  for update to authenticated
  using (
    (user_id = (select auth.uid()) and status = 'invited')
    or (organization_id = any ((select private.organization_ids('admin'))::uuid[])
      and (role <> 'owner' or organization_id = any ((select private.organization_ids('owner'))::uuid[])))
  )
  with check (
    (user_id = (select auth.uid()) and status = 'active')
    or (organization_id = any ((select private.organization_ids('admin'))::uuid[])
      and (role <> 'owner' or organization_id = any ((select private.organization_ids('owner'))::uuid[])))
  );
create policy "An admin removes members, a user leaves" on public.memberships
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or (organization_id = any ((select private.organization_ids('admin'))::uuid[])
      and (role <> 'owner' or organization_id = any ((select private.organization_ids('owner'))::uuid[])))
  );

create policy "Staff read their own row" on public.platform_admins
  for select to authenticated using (user_id = (select auth.uid()));

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.organizations to authenticated;
grant update (name, slug, settings, audit_retention_days) on public.organizations to authenticated;
grant select on public.profiles to authenticated;
grant update (username, full_name, avatar_url) on public.profiles to authenticated;
grant select, delete on public.memberships to authenticated;
grant insert (organization_id, user_id, role) on public.memberships to authenticated;
grant update (role, status) on public.memberships to authenticated;
grant select on public.platform_admins to authenticated;

grant execute on function private.organization_ids, private.default_organization_id,
  private.require_organization, private.create_organization to authenticated, service_role;
grant execute on function public.create_organization to authenticated;
