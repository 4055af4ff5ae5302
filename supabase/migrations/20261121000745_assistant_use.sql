-- Assistants in use (domain llm-assistant): reading, calling, judging and rating them.
--
-- Other tenants see public assistants that are approved and active, without what is their author's: prompt,
-- settings, tools' code, and what they cost. A call by another tenant gets these by service_role alone.
--
-- Security definer functions, and why they must be:
--   private.review_assistant    no client writes the approval, nor the reviews
--   private.public_assistants   to other tenants a public assistant is readable in part
--   private.assistant_stats     usage is read by the assistant's creator, whoever it is of

-- Reading -------------------------------------------------------------------------------------

create function private.show_assistant(assistant public.assistants) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(assistant) - '{risk_floor,rating_sum,cost_month}'::text[] || jsonb_build_object('monthly_cost',
    case when assistant.cost_month < date_trunc('month', now() at time zone 'UTC')::date then 0 else assistant.monthly_cost end)
$$;
comment on function private.show_assistant is 'An assistant as the API shows it.';

create function private.assistant_fits(assistant public.assistants, filters jsonb) returns boolean
language sql stable set search_path = '' as $$
  select (filters ->> 'team_id' is null or assistant.team_id = (filters ->> 'team_id')::uuid)
    and (filters ->> 'creator_id' is null or assistant.creator_id = (filters ->> 'creator_id')::uuid)
    and (filters ->> 'status' is null or assistant.status::text = filters ->> 'status')
    and (filters ->> 'approval_status' is null or assistant.approval_status::text = filters ->> 'approval_status')
    and (filters ->> 'access_level' is null or assistant.access_level::text = filters ->> 'access_level')
    and (filters ->> 'risk_level' is null or assistant.risk_level::text = filters ->> 'risk_level')
    and (filters ->> 'category' is null or assistant.category = filters ->> 'category')
    and (filters ->> 'tag' is null or assistant.tags @> array[filters ->> 'tag'])
    and (filters ->> 'q' is null or concat_ws(E'\n', assistant.name, assistant.description, assistant.category,
      array_to_string(assistant.tags, E'\n')) ilike '%' || regexp_replace(filters ->> 'q', '([\\%_])', '\\\1', 'g') || '%')
$$;
comment on function private.assistant_fits is
  'Filters of a list: {team_id, creator_id, status, approval_status, access_level, risk_level, category, tag, q}.';

create function private.public_assistants(
  assistant_id uuid, filters jsonb default '{}', after_created_at timestamptz default null, after_id uuid default null,
  max_rows integer default 1
) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(private.show_assistant(p.a) || '{"team_id": null, "creator_id": null, "approved_by": null,
    "prompt": null, "settings": {}, "monthly_cost": null}' order by (p.a).created_at desc, (p.a).id desc), '[]')
  from (
    select a from public.assistants a
    where a.access_level = 'public' and a.approval_status = 'approved' and a.status = 'active'
      and (public_assistants.assistant_id is null or a.id = public_assistants.assistant_id)
      and (after_id is null or (a.created_at, a.id) < (after_created_at, after_id))
      and private.assistant_fits(a, filters)
    order by a.created_at desc, a.id desc limit least(max_rows, 101)) p
$$;
comment on function private.public_assistants is
  'Public assistants of all organizations, or the one: what anyone may know. Prompt, settings and costs are left out.';

create function public.list_assistants(
  organization_id uuid, filters jsonb default '{}', after_created_at timestamptz default null, after_id uuid default null,
  max_rows integer default 51
) returns jsonb language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(private.show_assistant(p.a) order by (p.a).created_at desc, (p.a).id desc), '[]')
  from (
    select a from public.assistants a
    where a.organization_id = list_assistants.organization_id
      and (after_id is null or (a.created_at, a.id) < (after_created_at, after_id))
      and private.assistant_fits(a, filters)
    order by a.created_at desc, a.id desc limit least(max_rows, 101)) p
$$;
comment on function public.list_assistants is 'Those of an organization that the caller sees, newest first, after a place in the list.';

create function public.list_public_assistants(
  filters jsonb default '{}', after_created_at timestamptz default null, after_id uuid default null, max_rows integer default 51
) returns jsonb language sql stable set search_path = '' as $$
  select private.public_assistants(null, filters, after_created_at, after_id, max_rows)
$$;
comment on function public.list_public_assistants is 'Public assistants of all organizations, newest first.';

create function public.get_assistant(assistant_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  shown jsonb;
begin
  select private.show_assistant(a) into shown from public.assistants a where a.id = get_assistant.assistant_id;
  shown := coalesce(shown, private.public_assistants(assistant_id) -> 0);
  if shown is null then
    perform private.raise_error(404, 'not_found', format('No assistant with id %s', assistant_id));
  end if;
  return shown;
end $$;
comment on function public.get_assistant is 'An assistant that the caller sees; a public one of others without what is its author''s.';

create function private.manages_assistant(assistant public.assistants) returns boolean
language sql stable set search_path = '' as $$
  select assistant.organization_id = any (private.organization_ids('admin'))
    or (assistant.creator_id is not null and assistant.creator_id = private.acting_user_id()
      and assistant.organization_id = any (private.organization_ids('member')))
$$;
comment on function private.manages_assistant is 'Whether the caller is its creator or an admin of its organization.';

-- Using ---------------------------------------------------------------------------------------

create function private.assistant_for_use(assistant public.assistants, is_foreign boolean) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', assistant.id, 'organization_id', assistant.organization_id,
    'prompt', assistant.prompt, 'model', assistant.model, 'temperature', assistant.temperature,
    'max_tokens', assistant.max_tokens, 'is_foreign', is_foreign, 'tools', coalesce((
      select jsonb_agg(jsonb_build_object('name', n.name, 'description', coalesce(b.description, t.description),
        'parameters', coalesce(b.parameters, t.parameters), 'code', t.code, 'built_in', b.name is not null,
        -- Stricter than the tool itself, never laxer.
        'approval', case when assistant.settings #>> array['tool_approval', n.name] = 'always' then 'always'
          else coalesce(t.approval::text, 'never') end) order by n.position)
      from unnest(assistant.tools) with ordinality n (name, position)
      left join private.built_in_tools() b on b.name = n.name and not is_foreign
      left join public.tools t on t.organization_id = assistant.organization_id and t.name = n.name and t.is_active
      where b.name is not null or t.id is not null), '[]'))
$$;
comment on function private.assistant_for_use is
  'What a call of it needs. In the hands of another tenant it has no built-in tools: those act as the caller, on a stranger''s word.';

create function public.get_assistant_for_use(assistant_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  assistant public.assistants;
begin
  select * into assistant from public.assistants a where a.id = get_assistant_for_use.assistant_id;
  if not found then
    if private.public_assistants(assistant_id) -> 0 is null then
      perform private.raise_error(404, 'not_found', format('No assistant with id %s', assistant_id));
    end if;
    return jsonb_build_object('is_foreign', true);
  elsif assistant.status = 'suspended' then
    perform private.raise_error(409, 'assistant_not_approved', 'The assistant is suspended');
  elsif not private.manages_assistant(assistant) and assistant.approval_status <> 'approved' then
    perform private.raise_error(409, 'assistant_not_approved', 'The assistant is not approved: until then its creator and admins alone try it out');
  elsif not private.manages_assistant(assistant) and assistant.status <> 'active' then
    perform private.raise_error(409, 'assistant_not_approved', 'The assistant is switched off');
  end if;
  return private.assistant_for_use(assistant, false);
end $$;
comment on function public.get_assistant_for_use is
  'What a call needs, as the caller: {id, organization_id, prompt, model, temperature, max_tokens, is_foreign, tools}. Of another tenant''s public one it says is_foreign alone.';

create function public.get_public_assistant_for_use(assistant_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  assistant public.assistants;
begin
  select * into assistant from public.assistants a
  where a.id = get_public_assistant_for_use.assistant_id
    and a.access_level = 'public' and a.approval_status = 'approved' and a.status = 'active';
  if not found then
    perform private.raise_error(404, 'not_found', format('No assistant with id %s', assistant_id));
  end if;
  return private.assistant_for_use(assistant, true);
end $$;
comment on function public.get_public_assistant_for_use is
  'The same of a public one for another tenant, whole: for service_role, so that no client reads its prompt.';

-- Commands ------------------------------------------------------------------------------------

create function private.review_assistant(
  assistant_id uuid, action public.review_action, note text, expected_revision integer
) returns void language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  assistant public.assistants;
  missing text;
begin
  select * into assistant from public.assistants a where a.id = assistant_id for no key update;
  if not found or not assistant.organization_id = any (private.organization_ids('member')) then
    perform private.raise_error(404, 'not_found', format('No assistant with id %s', assistant_id));
  elsif action = 'submit' and not private.manages_assistant(assistant) then
    perform private.raise_error(403, 'forbidden', 'An assistant is submitted by its creator or an admin');
  elsif action <> 'submit' and not assistant.organization_id = any (private.organization_ids('admin')) then
    perform private.raise_error(403, 'forbidden', 'Assistants are approved and rejected by admins');
  elsif action = 'approve' and expected_revision is null then
    perform private.raise_error(412, 'precondition_failed', 'Send If-Match with the ETag of what you judged: an approval is of that alone');
  elsif assistant.revision <> expected_revision then
    perform private.raise_error(412, 'precondition_failed', 'The assistant has changed since you read it');
  elsif (action, assistant.approval_status) not in (('submit', 'draft'), ('submit', 'rejected'),
    ('approve', 'pending'), ('reject', 'pending')) then
    perform private.raise_error(409, 'invalid_transition',
      format('The assistant is %s: that admits no %s', assistant.approval_status, action));
  elsif action = 'reject' and note is null then
    perform private.raise_error(422, 'validation_failed', 'A rejection says why', 'note');
  end if;
  if action = 'approve' then
    missing := private.missing_tools(assistant);
  end if;
  if missing is not null then
    perform private.raise_error(409, 'invalid_transition', format('It names tools that are not there: %s', missing));
  end if;
  insert into public.assistant_reviews (assistant_id, action, note, assistant_revision)
  values (assistant.id, action, note, assistant.revision);
  update public.assistants a set
    approval_status = case action when 'submit' then 'pending' when 'approve' then 'approved' else 'rejected' end::public.assistant_approval,
    approved_by = case when action = 'approve' then auth.uid() end
  where a.id = assistant.id;
end $$;
comment on function private.review_assistant is 'One step of the approval: submit, approve or reject.';

create function public.review_assistant(
  assistant_id uuid, action text, note text default null, expected_revision integer default null
) returns jsonb language plpgsql set search_path = '' as $$
begin
  -- As the caller, under RLS: what is not theirs to see is not there.
  if not exists (select 1 from public.assistants a where a.id = review_assistant.assistant_id) then
    perform private.raise_error(404, 'not_found', format('No assistant with id %s', assistant_id));
  end if;
  perform private.review_assistant(assistant_id, action::public.review_action, nullif(btrim(note), ''), expected_revision);
  return public.get_assistant(assistant_id);
end $$;
comment on function public.review_assistant is
  'Submits (creator, admins), approves or rejects (admins) an assistant; an approval without a revision, or any step with a stale one, is 412, a step out of turn 409.';

create function public.rate_assistant(assistant_id uuid, rating integer, comment text default null)
returns public.assistant_ratings language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  assistant public.assistants;
  rated public.assistant_ratings;
begin
  select * into assistant from public.assistants a where a.id = rate_assistant.assistant_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('No assistant with id %s', rate_assistant.assistant_id));
  elsif assistant.creator_id = auth.uid() then
    perform private.raise_error(403, 'forbidden', 'Nobody rates their own assistant');
  elsif assistant.approval_status <> 'approved' or assistant.status <> 'active' then
    perform private.raise_error(409, 'assistant_not_approved', 'What is not in use is not rated');
  end if;
  insert into public.assistant_ratings (assistant_id, rating, comment)
  values (rate_assistant.assistant_id, rate_assistant.rating, rate_assistant.comment)
  on conflict (assistant_id, user_id) do update set rating = excluded.rating, comment = excluded.comment
  returning * into rated;
  return rated;
end $$;
comment on function public.rate_assistant is 'The caller''s rating, 1 to 5; a second one replaces the first.';

create function private.assistant_stats(assistant public.assistants, since date, until date) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  answer jsonb;
begin
  with event as materialized (
    select (e.created_at at time zone 'UTC')::date as day, case when e.operation <> 'title' then 1 end as call, e.user_id,
      e.input_tokens, e.output_tokens,
      -- As in monthly_cost: what users pay with their own keys is not in it.
      case when e.key_level = 'user' then 0 else e.cost end as cost
    from public.usage_events e
    where e.organization_id = assistant.organization_id and e.assistant_id = assistant.id
      and e.created_at >= since::timestamp at time zone 'UTC' and e.created_at < (until + 1)::timestamp at time zone 'UTC'
  ), counted as (
    select d.day::date as day, count(e.call) as calls, count(distinct e.user_id) as users,
      coalesce(sum(e.input_tokens), 0) as input_tokens, coalesce(sum(e.output_tokens), 0) as output_tokens,
      coalesce(sum(e.cost), 0) as cost, count(e.day) filter (where e.cost is null) as unpriced_calls
    from generate_series(since::timestamp, until::timestamp, interval '1 day') d (day)
    left join event e on e.day = d.day::date group by d.day
  )
  select jsonb_build_object('from', since, 'to', until,
    'calls', (select count(e.call) from event e), 'users', (select count(distinct e.user_id) from event e),
    'input_tokens', sum(c.input_tokens), 'output_tokens', sum(c.output_tokens), 'cost', sum(c.cost),
    'unpriced_calls', sum(c.unpriced_calls),
    'days', jsonb_agg(jsonb_build_object('date', c.day, 'calls', c.calls, 'users', c.users, 'input_tokens', c.input_tokens,
      'output_tokens', c.output_tokens, 'cost', c.cost, 'unpriced_calls', c.unpriced_calls) order by c.day),
    'ratings', jsonb_build_object('count', assistant.rating_count, 'average', assistant.rating, 'distribution', (
      select jsonb_object_agg(s.stars::text, (select count(*) from public.assistant_ratings r
        where r.assistant_id = assistant.id and r.rating = s.stars)) from generate_series(1, 5) s (stars))))
  into answer from counted c;
  return answer;
end $$;
comment on function private.assistant_stats is 'Use by its own organization, day by day in UTC. Called by public.get_assistant_stats, which checks the caller.';

create function public.get_assistant_stats(assistant_id uuid, since date, until date) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  assistant public.assistants;
begin
  select * into assistant from public.assistants a where a.id = get_assistant_stats.assistant_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('No assistant with id %s', assistant_id));
  elsif not private.manages_assistant(assistant) then
    perform private.raise_error(403, 'forbidden', 'How an assistant is used is for its creator and admins to know');
  elsif until < since or until - since > 366 then
    perform private.raise_error(422, 'validation_failed', 'A range is one day to 366 days', 'query.to');
  end if;
  return private.assistant_stats(assistant, since, until);
end $$;
comment on function public.get_assistant_stats is
  '{from, to, calls, users, input_tokens, output_tokens, cost, unpriced_calls, days, ratings {count, average, distribution}}.';

-- Grants --------------------------------------------------------------------------------------

grant execute on function private.show_assistant, private.assistant_fits, private.public_assistants,
  private.manages_assistant, private.assistant_for_use, private.assistant_stats, private.review_assistant
  to authenticated, service_role;
grant execute on function public.list_assistants, public.list_public_assistants, public.get_assistant,
  public.get_assistant_for_use, public.review_assistant, public.rate_assistant, public.get_assistant_stats
  to authenticated, service_role;
grant execute on function public.get_public_assistant_for_use to service_role;
