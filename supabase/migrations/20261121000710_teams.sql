-- Teams (domain organizations): the unit below an organization, which `access_level = team` means.
--
-- Security definer functions, and why they must be:
--   private.track_team_members  a member who leaves the organization may not write the team's counter

-- Tables --------------------------------------------------------------------------------------

create table public.teams (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  description text check (char_length(description) <= 10000),
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
  member_count integer not null default 0 check (member_count >= 0),
  revision integer not null default 1,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, name),
  unique (id, organization_id)
);
comment on table public.teams is 'Members of an organization who work together: what an assistant can be shared with.';
comment on column public.teams.member_count is 'Kept by a trigger.';
comment on column public.teams.revision is 'Counts changes; the ETag.';
create index teams_list_idx on public.teams (organization_id, created_at desc, id desc);
create index teams_created_by_idx on public.teams (created_by);

create table public.team_members (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  team_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, user_id),
  foreign key (team_id, organization_id) references public.teams (id, organization_id) on delete cascade,
  foreign key (organization_id, user_id) references public.memberships (organization_id, user_id) on delete cascade
);
comment on table public.team_members is
  'Who is in a team. Whoever is removed from the organization is out of its teams; who is suspended comes back to them.';
create index team_members_organization_idx on public.team_members (organization_id, user_id);
create index team_members_team_idx on public.team_members (team_id, organization_id);
create index team_members_user_idx on public.team_members (user_id);

-- Functions -----------------------------------------------------------------------------------

create function private.team_ids() returns uuid[]
language sql stable set search_path = '' as $$
  -- Under RLS: only where the caller is an active member of the organization, and a key only in its own.
  select coalesce(array_agg(m.team_id), '{}') from public.team_members m
  where m.user_id = (select private.acting_user_id())
$$;
comment on function private.team_ids is 'The teams that the caller is in.';

create function private.check_team_member() returns trigger
language plpgsql set search_path = '' as $$
begin
  if not exists (
    select 1 from public.memberships m
    where m.organization_id = new.organization_id and m.user_id = new.user_id and m.status = 'active') then
    perform private.raise_error(422, 'validation_failed',
      format('%s is not an active member of the organization', new.user_id), 'user_id');
  end if;
  return new;
end $$;
comment on function private.check_team_member is 'A team is made of active members of its organization.';

create function private.track_team_members() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.teams t set member_count = t.member_count + case tg_op when 'INSERT' then 1 else -1 end
  where t.id = coalesce(new.team_id, old.team_id);
  return null;
end $$;
comment on function private.track_team_members is 'Keeps member_count.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('teams', '{organization_id}');
select private.guard_table('team_members', '{organization_id,team_id,user_id}');
create trigger bump_revision before update of name, description, settings on public.teams
  for each row execute function private.bump_revision();
create trigger a_inherit_organization before insert on public.team_members
  for each row execute function private.inherit_organization('teams', 'team_id');
create trigger check_team_member before insert on public.team_members
  for each row execute function private.check_team_member();
create trigger track_team_members after insert or delete on public.team_members
  for each row execute function private.track_team_members();

select private.audit('teams', 'team', '{member_count}');
select private.audit('team_members', 'team_member');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('teams', 'member', 'admin', 'admin', 'admin');
select private.tenant_policies('team_members', 'member', 'admin', null, 'admin');

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.teams, public.team_members to authenticated;
grant insert (organization_id, name, description, settings) on public.teams to authenticated;
grant update (name, description, settings) on public.teams to authenticated;
grant insert (team_id, user_id) on public.team_members to authenticated;

grant execute on function private.team_ids to authenticated, service_role;
