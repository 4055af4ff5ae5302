-- Assistants (domain llm-assistant): a prompt, a model and tools under a name, for others once approved.
--
-- Approval is a state machine: draft → pending (submit) → approved or rejected, by admins; rejected → pending.
-- A change of what was judged takes an approved one back to pending, and so does a change of its tools.
-- Only approved and active ones are usable by others; `status` is active only while approved.
--
-- Within its organization an assistant is seen by whom its access level names; what other tenants see of
-- public ones is in the next migration.
--
-- Security definer functions, and why they must be:
--   private.note_reopening          whoever changes an assistant may not write reviews otherwise
--   private.reopen_users_of_tool    a tool's author may not write the assistants that use it
--   private.keep_used_tool          as above, nor see all of them
--   private.hold_named_tools        whoever names a tool may not change, and so not lock, another's
--   private.track_ratings           a rater may not write the assistant's average

-- Tables --------------------------------------------------------------------------------------

create type public.assistant_status as enum ('active', 'inactive', 'pending', 'suspended');
create type public.assistant_approval as enum ('draft', 'pending', 'approved', 'rejected');
-- In rising order, both: the wider, and the more dangerous, is the greater.
create type public.assistant_access as enum ('team', 'organization', 'public');
create type public.risk_level as enum ('low', 'medium', 'high');
create type public.review_action as enum ('submit', 'approve', 'reject', 'reopen');

create table public.assistants (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  team_id uuid,
  creator_id uuid default private.current_user_id() references auth.users (id) on delete set null,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  description text check (char_length(description) <= 10000),
  category text check (char_length(category) between 1 and 100),
  status public.assistant_status not null default 'active',
  prompt text not null default '' check (char_length(prompt) <= 65536),
  model text not null default 'gpt-4o-mini' check (char_length(model) between 1 and 200),
  temperature double precision not null default 0.7 check (temperature between 0 and 2),
  max_tokens integer not null default 2000 check (max_tokens between 1 and 1000000),
  tools text[] not null default '{}' check (cardinality(tools) <= 32),
  tags text[] not null default '{}' check (cardinality(tags) <= 20
    and array_position(tags, null) is null and char_length(array_to_string(tags, '')) <= 1000),
  is_public boolean not null,
  web_access boolean not null default false,
  access_level public.assistant_access not null default 'team',
  approval_status public.assistant_approval not null default 'draft',
  approved_by uuid references auth.users (id) on delete set null,
  approved_at timestamptz,
  risk_level public.risk_level not null default 'low',
  risk_floor public.risk_level not null default 'low',
  compliance_score integer not null generated always as (100
    - case when char_length(coalesce(description, '')) < 10 then 15 else 0 end
    - case when category is null then 5 else 0 end
    - case when prompt = '' then 20 else 0 end
    - case risk_level when 'high' then 20 when 'medium' then 10 else 0 end
    - case when approval_status <> 'approved' then 30 when approved_by = creator_id then 10 else 0 end) stored,
  usage_count bigint not null default 0,
  rating double precision not null generated always as
    (case when rating_count = 0 then 0 else round(rating_sum::numeric / rating_count, 2) end) stored,
  rating_count integer not null default 0,
  rating_sum integer not null default 0,
  monthly_cost numeric not null default 0,
  cost_month date not null default (now() at time zone 'UTC')::date,
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
  revision integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id),
  foreign key (team_id, organization_id) references public.teams (id, organization_id),
  constraint public_says_access_level check (is_public = (access_level = 'public')),
  constraint active_once_approved check (status not in ('active', 'pending') or (status = 'active') = (approval_status = 'approved')),
  constraint approved_at_when_approved check ((approval_status = 'approved') = (approved_at is not null)),
  constraint risk_not_below_floor check (risk_level >= risk_floor)
);
comment on table public.assistants is 'A prompt, a model and tools under a name. For others only once approved.';
comment on column public.assistants.team_id is 'Who uses it at the access level team; without one it is its creator''s alone.';
comment on column public.assistants.status is
  'active: approved and in use; pending: waits for its approval; inactive: switched off; suspended: by an admin, for everyone.';
comment on column public.assistants.tools is 'Names of built-in tools and of the organization''s own.';
comment on column public.assistants.is_public is 'Another word for the access level public: written either way, they never contradict.';
comment on column public.assistants.web_access is 'Says that its model reads the web: that raises the risk, and switches nothing on.';
comment on column public.assistants.access_level is
  'team: the team''s members; organization: its members; public: once approved, any signed-in user.';
comment on column public.assistants.approved_by is 'Who approved it as it is now.';
comment on column public.assistants.risk_level is
  'medium: reads through tools or the web; high: own code, pipelines, or public with the web. An admin may raise it.';
comment on column public.assistants.risk_floor is 'What an admin raised it to; it does not fall below.';
comment on column public.assistants.compliance_score is
  '0 to 100: 100 less what is missing: description 15, category 5, prompt 20, approval 30 (by its own creator 10), and for the risk 10 or 20.';
comment on column public.assistants.usage_count is 'Calls, by anyone, but for those that make titles; kept by a trigger.';
comment on column public.assistants.rating is 'Average of rating_count ratings, 0 while there is none; kept by a trigger.';
comment on column public.assistants.monthly_cost is 'USD in the UTC month of cost_month, of calls by its own organization, but for those with users'' own keys; kept by a trigger.';
comment on column public.assistants.cost_month is 'A day of the month that monthly_cost is of: an older one means none yet this month.';
comment on column public.assistants.revision is 'Counts changes, also of its tools and its approval; the ETag.';
create index assistants_list_idx on public.assistants (organization_id, created_at desc, id desc);
create index assistants_team_idx on public.assistants (team_id, organization_id);
create index assistants_creator_idx on public.assistants (creator_id);
create index assistants_approved_by_idx on public.assistants (approved_by);
create index assistants_public_idx on public.assistants (created_at desc, id desc)
  where access_level = 'public' and approval_status = 'approved' and status = 'active';
-- Of no column that a call changes, so that counting stays a heap-only update.
create index assistants_cost_month_idx on public.assistants (cost_month);

create table public.assistant_ratings (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  assistant_id uuid not null,
  user_id uuid not null default private.current_user_id() references auth.users (id) on delete cascade,
  rating smallint not null check (rating between 1 and 5),
  comment text check (char_length(comment) <= 2000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (assistant_id, user_id),
  foreign key (assistant_id, organization_id) references public.assistants (id, organization_id) on delete cascade
);
comment on table public.assistant_ratings is 'What those who may use an assistant think of it, its creator aside: one each.';
create index assistant_ratings_organization_idx on public.assistant_ratings (organization_id, assistant_id);
create index assistant_ratings_list_idx on public.assistant_ratings (assistant_id, organization_id, created_at desc, id desc);
create index assistant_ratings_user_idx on public.assistant_ratings (user_id);

create table public.assistant_reviews (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  assistant_id uuid not null,
  action public.review_action not null,
  note text check (char_length(note) between 1 and 4000),
  assistant_revision integer not null,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now(),
  foreign key (assistant_id, organization_id) references public.assistants (id, organization_id) on delete cascade,
  constraint rejection_says_why check (action <> 'reject' or note is not null)
);
comment on table public.assistant_reviews is 'The steps of an assistant''s approval: append-only, written by the state machine alone.';
comment on column public.assistant_reviews.action is 'reopen: a change after the approval, which the note names.';
comment on column public.assistant_reviews.assistant_revision is 'What was judged.';
create index assistant_reviews_organization_idx on public.assistant_reviews (organization_id, assistant_id);
create index assistant_reviews_list_idx on public.assistant_reviews (assistant_id, organization_id, created_at desc, id desc);
create index assistant_reviews_created_by_idx on public.assistant_reviews (created_by);

-- Rules ---------------------------------------------------------------------------------------

create function private.assistant_risk(tools text[], web_access boolean, access_level public.assistant_access)
returns public.risk_level language sql immutable set search_path = '' as $$
  select case
    when not tools <@ array['search_documents', 'get_run'] or (web_access and access_level = 'public') then 'high'
    when tools <> '{}' or web_access then 'medium'
    else 'low'
  end::public.risk_level
$$;
comment on function private.assistant_risk is
  'low: words alone. medium: reads through built-in tools or the web. high: own code, run_pipeline, or public with the web.';

create function private.judged_changes(before public.assistants, after public.assistants) returns text[]
language sql immutable set search_path = '' as $$
  select array(
    select n.key from jsonb_each(to_jsonb(after)) n
    where n.key in ('prompt', 'model', 'tools', 'web_access', 'settings', 'access_level', 'team_id')
      and n.value is distinct from to_jsonb(before) -> n.key order by n.key)
$$;
comment on function private.judged_changes is 'Which columns changed of those that an approval is about.';

create function private.check_assistant_names(assistant public.assistants, is_admin boolean) returns void
language plpgsql set search_path = '' as $$
declare
  unknown text;
begin
  select string_agg(coalesce(n.name, 'null'), ', ') into unknown from unnest(assistant.tools) n (name)
  where n.name is null or (not exists (select 1 from private.built_in_tools() b where b.name = n.name)
    and not exists (select 1 from public.tools t where t.organization_id = assistant.organization_id and t.name = n.name));
  if unknown is not null then
    perform private.raise_error(422, 'validation_failed', format('No tool with the name %s', unknown), 'tools');
  elsif (select count(distinct n.name) from unnest(assistant.tools) n (name)) < cardinality(assistant.tools) then
    perform private.raise_error(422, 'validation_failed', 'Each tool is named once', 'tools');
  end if;
  if assistant.team_id is not null and not exists (select 1 from public.teams t
    where t.id = assistant.team_id and t.organization_id = assistant.organization_id) then
    perform private.raise_error(422, 'validation_failed', format('No team with id %s', assistant.team_id), 'team_id');
  elsif assistant.team_id is not null and not is_admin and not assistant.team_id = any (private.team_ids()) then
    perform private.raise_error(403, 'forbidden', 'An assistant is given to a team by its members and by admins');
  end if;
end $$;
comment on function private.check_assistant_names is 'The tools and the team that an assistant names are there, and the caller''s to name.';

create function private.prepare_assistant() returns trigger
language plpgsql set search_path = '' as $$
declare
  is_insert constant boolean := tg_op = 'INSERT';
  is_admin constant boolean := current_user <> 'authenticated'
    or new.organization_id = any (private.organization_ids('admin'));
  least_risk public.risk_level;
begin
  if is_insert or (new.tools, new.team_id) is distinct from (old.tools, old.team_id) then
    perform private.check_assistant_names(new, is_admin);
  end if;

  -- Two spellings of one thing: the one that was changed counts.
  if is_insert then
    new.access_level := case when new.is_public then 'public' else new.access_level end;
  elsif new.is_public is distinct from old.is_public and new.access_level = old.access_level then
    new.access_level := case when new.is_public then 'public' else 'organization' end;
  end if;
  if new.is_public is not null and (is_insert or new.is_public <> old.is_public)
    and new.is_public <> (new.access_level = 'public') then
    perform private.raise_error(422, 'validation_failed', 'is_public and access_level contradict each other', 'is_public');
  end if;
  new.is_public := new.access_level = 'public';

  least_risk := private.assistant_risk(new.tools, new.web_access, new.access_level);
  if is_insert then
    new.risk_floor := new.risk_level;
  elsif new.risk_level <> old.risk_level then
    if not is_admin then
      perform private.raise_error(403, 'forbidden', 'Only an admin raises the risk level');
    elsif new.risk_level < least_risk then
      perform private.raise_error(422, 'validation_failed', format('What it may do makes its risk %s', least_risk), 'risk_level');
    end if;
    new.risk_floor := new.risk_level;
  end if;
  new.risk_level := greatest(least_risk, new.risk_floor);

  if not is_insert and new.approval_status = 'approved' and old.approval_status = 'approved'
    and cardinality(private.judged_changes(old, new)) > 0 then
    new.approval_status := 'pending';
  end if;
  new.approved_by := case when new.approval_status = 'approved' then new.approved_by end;
  new.approved_at := case when new.approval_status = 'approved' then coalesce(new.approved_at, now()) end;
  if not is_admin and not is_insert and new.status <> old.status and 'suspended' in (new.status, old.status) then
    perform private.raise_error(403, 'forbidden', 'Only an admin suspends an assistant, or ends that');
  end if;
  if not is_admin and is_insert and new.status = 'suspended' then
    new.status := 'inactive';
  elsif new.status in ('active', 'pending') then
    new.status := case when new.approval_status = 'approved' then 'active' else 'pending' end;
  end if;
  return new;
end $$;
comment on function private.prepare_assistant is
  'What follows from a change: risk, access, and that an approval holds for what was judged.';

create function private.note_reopening() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  changed constant text[] := private.judged_changes(old, new);
begin
  insert into public.assistant_reviews (assistant_id, action, note, assistant_revision)
  values (new.id, 'reopen', case when changed = '{}' then 'Changed: one of its tools'
    else 'Changed: ' || array_to_string(changed, ', ') end, new.revision);
  return null;
end $$;
comment on function private.note_reopening is 'Says in the reviews why an approval has ended.';

create function private.reopen_users_of_tool() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- All that use it, whatever their state: one that is being approved at this moment is met as it became,
  -- and one that is being judged gets another revision than the judge has read.
  perform 1 from public.assistants a
  where a.organization_id = new.organization_id and a.tools @> array[new.name] order by a.id for no key update;
  update public.assistants a set approval_status = case when a.approval_status = 'approved' then 'pending' else a.approval_status end
  where a.organization_id = new.organization_id and a.tools @> array[new.name];
  return null;
end $$;
comment on function private.reopen_users_of_tool is 'An assistant was approved with its tools as they were.';

create function private.keep_used_tool() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- An organization that goes takes its tools along.
  if exists (select 1 from public.organizations o where o.id = old.organization_id)
    and exists (select 1 from public.assistants a where a.organization_id = old.organization_id and a.tools @> array[old.name]) then
    perform private.raise_error(409, 'in_use', 'It is still used by assistants: switch it off, or take it from them first');
  end if;
  return old;
end $$;
comment on function private.keep_used_tool is 'A tool that assistants name stays.';

create function private.missing_tools(assistant public.assistants) returns text
language plpgsql set search_path = '' as $$
declare
  held text[];
begin
  -- Locked: until this transaction ends none of them is deleted.
  held := array(select t.name from public.tools t
    where t.organization_id = assistant.organization_id and t.name = any (assistant.tools) order by t.id for key share)
    || array(select b.name from private.built_in_tools() b);
  return (select string_agg(n.name, ', ') from unnest(assistant.tools) n (name) where n.name <> all (held));
end $$;
comment on function private.missing_tools is 'Which tools it names that are not there; those that are stay until the transaction ends.';

create function private.hold_named_tools() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  missing constant text := private.missing_tools(new);
begin
  if missing is not null then
    perform private.raise_error(422, 'validation_failed', format('No tool with the name %s', missing), 'tools');
  end if;
  return null;
end $$;
comment on function private.hold_named_tools is 'A tool that is deleted at this moment is not named: another of its name would pass for it.';

create function private.track_ratings() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Differences, not a recount: what others add at the same moment is added to, not overwritten.
  update public.assistants a set
    rating_count = a.rating_count + case tg_op when 'INSERT' then 1 when 'DELETE' then -1 else 0 end,
    rating_sum = a.rating_sum + coalesce(new.rating, 0) - coalesce(old.rating, 0)
  where a.id = coalesce(new.assistant_id, old.assistant_id);
  return null;
end $$;
comment on function private.track_ratings is 'Keeps rating_count and the average.';

create function private.track_assistant_usage() returns trigger
language plpgsql set search_path = '' as $$
declare
  month constant date := date_trunc('month', new.created_at at time zone 'UTC')::date;
  -- What a user pays with their own key is no cost of the assistant's, and could be forged.
  cost constant numeric := case when new.key_level = 'user' then 0 else coalesce(new.cost, 0) end;
begin
  -- What another tenant pays for a public assistant is theirs to know.
  update public.assistants a set
    usage_count = a.usage_count + case when new.operation = 'title' then 0 else 1 end,
    monthly_cost = case
      when a.organization_id <> new.organization_id or month < date_trunc('month', a.cost_month) then a.monthly_cost
      when month = date_trunc('month', a.cost_month) then a.monthly_cost + cost
      else cost end,
    cost_month = case when a.organization_id = new.organization_id then greatest(a.cost_month, month) else a.cost_month end
  where a.id = new.assistant_id;
  return null;
end $$;
comment on function private.track_assistant_usage is 'Keeps usage_count and monthly_cost.';

create function private.begin_cost_month() returns void
language sql set search_path = '' as $$
  update public.assistants a set monthly_cost = 0, cost_month = (now() at time zone 'UTC')::date
  where a.cost_month < date_trunc('month', now() at time zone 'UTC')::date
$$;
comment on function private.begin_cost_month is 'A new month has cost nothing yet.';
select private.schedule_job('assistant-costs', interval '1 minute', 'select private.begin_cost_month()');

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('assistants', '{organization_id}');
select private.guard_table('assistant_ratings', '{organization_id,assistant_id,user_id}');
select private.guard_table('assistant_reviews', '{organization_id,assistant_id,action,note,assistant_revision}');

create trigger bump_revision before update of name, description, category, team_id, status, prompt, model, temperature,
  max_tokens, tools, tags, is_public, web_access, access_level, approval_status, risk_level, settings
  on public.assistants for each row execute function private.bump_revision();
create trigger prepare_assistant before insert or update of team_id, status, prompt, model, tools, is_public, web_access,
  access_level, approval_status, risk_level, settings
  on public.assistants for each row execute function private.prepare_assistant();
create trigger note_reopening after update on public.assistants
  for each row when (old.approval_status = 'approved' and new.approval_status = 'pending')
  execute function private.note_reopening();
create trigger reopen_users_of_tool after update of description, parameters, code, approval, is_active on public.tools
  for each row when ((old.description, old.parameters, old.code, old.approval, old.is_active)
    is distinct from (new.description, new.parameters, new.code, new.approval, new.is_active))
  execute function private.reopen_users_of_tool();
create trigger reopen_users_of_new_tool after insert on public.tools
  for each row execute function private.reopen_users_of_tool();
create trigger hold_named_tools after insert or update of tools on public.assistants
  for each row when (new.tools <> '{}') execute function private.hold_named_tools();
create trigger keep_used_tool before delete on public.tools
  for each row execute function private.keep_used_tool();
create trigger a_inherit_organization before insert on public.assistant_ratings
  for each row execute function private.inherit_organization('assistants', 'assistant_id');
create trigger a_inherit_organization before insert on public.assistant_reviews
  for each row execute function private.inherit_organization('assistants', 'assistant_id');
create trigger track_ratings after insert or delete or update of rating on public.assistant_ratings
  for each row execute function private.track_ratings();
create trigger track_assistant_usage after insert on public.usage_events
  for each row when (new.assistant_id is not null) execute function private.track_assistant_usage();

select private.audit('assistants', 'assistant',
  '{usage_count,rating,rating_count,rating_sum,monthly_cost,cost_month}');
select private.audit('assistant_ratings', 'assistant_rating');
select private.audit('assistant_reviews', 'assistant_review');

-- RLS -----------------------------------------------------------------------------------------

create policy "A member reads the assistants that their access level names" on public.assistants
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('member'))::uuid[])
    and (access_level <> 'team' or team_id = any ((select private.team_ids())::uuid[])
      or creator_id = (select private.acting_user_id())
      or organization_id = any ((select private.organization_ids('admin'))::uuid[])));
create policy "A member adds assistants of their own" on public.assistants
  for insert to authenticated
  with check (
    organization_id = any ((select private.organization_ids('member'))::uuid[])
    and creator_id = (select private.acting_user_id()));
create policy "An assistant's creator or an admin changes it" on public.assistants
  for update to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (creator_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[])))
  with check (organization_id = any ((select private.organization_ids('member'))::uuid[]));
create policy "An assistant's creator or an admin removes it" on public.assistants
  for delete to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (creator_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[])));

-- Whoever sees the assistant sees its ratings: the inner select is under RLS.
create policy "A member reads the ratings of assistants they see" on public.assistant_ratings
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('member'))::uuid[])
    and exists (select 1 from public.assistants a where a.id = assistant_id));
create policy "A user rates what they may use, their own aside" on public.assistant_ratings
  for insert to authenticated
  with check (
    user_id = (select private.acting_user_id())
    and exists (select 1 from public.assistants a where a.id = assistant_id
      and a.approval_status = 'approved' and a.status = 'active' and a.creator_id is distinct from user_id));
create policy "A user changes their own rating" on public.assistant_ratings
  for update to authenticated
  using (user_id = (select private.acting_user_id())
    and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  with check (user_id = (select private.acting_user_id())
    and exists (select 1 from public.assistants a where a.id = assistant_id
      and a.approval_status = 'approved' and a.status = 'active' and a.creator_id is distinct from user_id));
create policy "A user takes their own rating back" on public.assistant_ratings
  for delete to authenticated
  using (user_id = (select private.acting_user_id())
    and organization_id = any ((select private.organization_ids('member'))::uuid[]));

create policy "An assistant's creator and admins read its reviews" on public.assistant_reviews
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (organization_id = any ((select private.organization_ids('member'))::uuid[])
      and exists (select 1 from public.assistants a
        where a.id = assistant_id and a.creator_id = (select private.acting_user_id()))));

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.assistants, public.assistant_ratings to authenticated;
grant select on public.assistant_reviews to authenticated;
grant insert (organization_id, team_id, name, description, category, status, prompt, model, temperature, max_tokens, tools,
  tags, is_public, web_access, access_level, settings) on public.assistants to authenticated;
grant update (team_id, name, description, category, status, prompt, model, temperature, max_tokens, tools, tags, is_public,
  web_access, access_level, risk_level, settings) on public.assistants to authenticated;
grant insert (assistant_id, user_id, rating, comment) on public.assistant_ratings to authenticated;
grant update (rating, comment) on public.assistant_ratings to authenticated;

grant execute on function private.assistant_risk, private.judged_changes, private.check_assistant_names
  to authenticated, service_role;
