-- Usage (domain llm-assistant): the log of calls to models, what they cost, and what limits them.
--
-- Before a provider is called, reserve_usage holds a place in every rate limit and budget that applies; afterwards
-- settle_usage puts the call into the log in place of it. Both are the service's alone, so that no client forges usage.
-- Spending is counted for everyone and at all times, whether there is a budget or not: a budget that is made today
-- knows what was spent today. Counters change in the transactions that they count, rows locked in one order: rate
-- windows (user, key), then counters (organization first, which lines up all calls of one).
--
-- Security definer functions: none.

-- Tables --------------------------------------------------------------------------------------

create type public.usage_operation as enum ('chat', 'embedding', 'title');
comment on type public.usage_operation is
  'title: names a conversation after its first turn. Nobody asked for it, so it is paid for, and takes no place in rate limits.';
create type public.usage_status as enum ('succeeded', 'failed', 'partial', 'canceled');
create type public.usage_scope as enum ('organization', 'user', 'assistant', 'key', 'platform');
comment on type public.usage_scope is 'platform: what an organization calls with the platform''s key.';
create type public.usage_key_level as enum ('user', 'organization', 'platform');
comment on type public.usage_key_level is 'Whose key with the provider is called with, and so who pays for the call.';
create type public.budget_period as enum ('day', 'month');

create table public.usage_events (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null,
  api_key_id uuid,
  assistant_id uuid,
  conversation_id uuid,
  run_id uuid,
  step_id uuid,
  operation public.usage_operation not null,
  key_level public.usage_key_level not null default 'platform',
  provider text not null,
  model text not null,
  status public.usage_status not null,
  input_tokens integer not null default 0 check (input_tokens >= 0),
  cached_tokens integer not null default 0 check (cached_tokens between 0 and input_tokens),
  output_tokens integer not null default 0 check (output_tokens >= 0),
  reasoning_tokens integer not null default 0 check (reasoning_tokens between 0 and output_tokens),
  uncached_cost numeric,
  cached_cost numeric,
  output_cost numeric,
  reasoning_cost numeric,
  cost numeric check (cost >= 0),
  is_priced boolean not null,
  is_estimated boolean not null default false,
  latency_ms integer,
  first_token_ms integer,
  error_code text,
  request_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint priced_has_cost check (is_priced = (cost is not null)),
  constraint cost_is_its_parts check (uncached_cost + cached_cost + output_cost + reasoning_cost = cost)
);
comment on table public.usage_events is
  'One row a call to a provider, also a failed one. A log: it outlives the users, keys and conversations that it names.';
comment on column public.usage_events.id is 'The reservation''s, so that a call is settled once.';
comment on column public.usage_events.input_tokens is 'All of the input, cached tokens among them.';
comment on column public.usage_events.output_tokens is 'All of the output, reasoning tokens among them.';
comment on column public.usage_events.uncached_cost is 'The part of the cost that uncached input has; the three after it are cached input, output without reasoning, and reasoning.';
comment on column public.usage_events.cost is 'USD; null where the price is unknown, which is not the same as free.';
comment on column public.usage_events.is_estimated is 'The provider told no counts, or nobody told how the call ended: the counts are ours.';
comment on column public.usage_events.created_at is 'When the call began: its day and month are the ones that it counts for.';
create index usage_events_organization_idx on public.usage_events (organization_id, created_at, id);
create index usage_events_user_idx on public.usage_events (organization_id, user_id, created_at);

create table public.usage_reservations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null,
  api_key_id uuid,
  assistant_id uuid,
  conversation_id uuid,
  run_id uuid,
  step_id uuid,
  operation public.usage_operation not null,
  key_level public.usage_key_level not null default 'platform',
  provider text not null,
  model text not null,
  input_tokens integer not null check (input_tokens >= 0),
  max_output_tokens integer not null check (max_output_tokens >= 0),
  unpriced_field text,
  cost numeric,
  request_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.usage_reservations is 'Calls under way. Settling one moves it to usage_events.';
comment on column public.usage_reservations.unpriced_field is 'A field of the request that leaves its price unknown.';
comment on column public.usage_reservations.cost is 'What it may cost at most, in USD; null where that is unknown.';
create index usage_reservations_organization_idx on public.usage_reservations (organization_id);
create index usage_reservations_created_idx on public.usage_reservations (created_at);

create table public.usage_counters (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  scope public.usage_scope not null,
  subject_id uuid not null,
  period public.budget_period not null,
  period_started_at timestamptz not null,
  spent numeric not null check (spent >= 0),
  reserved numeric not null check (reserved >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint usage_counters_one_a_period unique (organization_id, scope, subject_id, period, period_started_at)
) with (fillfactor = 50);
comment on table public.usage_counters is
  'What organizations, users, assistants and keys spend in a day and a month (UTC): so that no call has to add up the log.';
comment on column public.usage_counters.subject_id is 'Whose spending it is; of the scopes organization and platform, the organization; of keys that replace each other, the first.';
comment on column public.usage_counters.spent is 'Sum of usage_events.cost, in USD, of the calls that are counted for the subject.';
comment on column public.usage_counters.reserved is 'Sum of usage_reservations.cost, in USD.';

create table public.budgets (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid references public.organizations (id) on delete cascade,
  scope public.usage_scope not null,
  subject_id uuid,
  period public.budget_period not null,
  limit_usd numeric(14, 6) not null check (limit_usd between 0 and 10000000),
  hard boolean not null default true,
  by_operator boolean not null default (private.current_user_id() is null),
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (organization_id, scope, subject_id, period, by_operator),
  constraint subject_of_scope check ((scope in ('organization', 'platform')) = (subject_id is null)),
  constraint platform_is_for_operators check (case scope when 'platform' then by_operator else organization_id is not null end)
);
comment on table public.budgets is 'What may be spent on models in a day or a month, of UTC. Whom a call counts for: private.subjects_of.';
comment on column public.budgets.organization_id is 'null: for each that has none of the scope platform of its own.';
comment on column public.budgets.subject_id is 'The user, assistant or key; null: the organization.';
comment on column public.budgets.by_operator is 'Set past the API''s users, by who runs the platform: tenants see it and keep it.';
comment on column public.budgets.hard is 'false: calls beyond it pass, with a warning.';
create index budgets_organization_idx on public.budgets (organization_id, created_at desc, id desc);
create index budgets_created_by_idx on public.budgets (created_by);

-- Functions: spending -------------------------------------------------------------------------

create function private.period_start(period public.budget_period, at timestamptz) returns timestamptz
language plpgsql stable set search_path = '' as $$
begin
  return date_trunc(period::text, at, 'UTC');
end $$;
comment on function private.period_start is 'The midnight of UTC that the day or month begins with.';

create function private.subjects_of(asked public.usage_reservations) returns table (scope public.usage_scope, subject_id uuid)
language plpgsql stable rows 5 set search_path = '' as $$
#variable_conflict use_column
begin
  -- In PL/pgSQL, which keeps the plan, as what follows.
  return query select s.scope, s.subject_id
  from (values
    ('organization'::public.usage_scope, asked.organization_id, asked.key_level <> 'user'),
    ('user', asked.user_id, true),
    ('assistant', asked.assistant_id, asked.key_level <> 'user'),
    ('key', (private.key_family(asked.api_key_id))[1], true),
    ('platform', asked.organization_id, asked.key_level = 'platform')
  ) s (scope, subject_id, pays)
  where s.pays and s.subject_id is not null;
end $$;
comment on function private.subjects_of is 'Whom a call counts for. With a user''s own key it is theirs to pay, and to forge: for no organization or assistant.';

create function private.count_spending(asked public.usage_reservations, spent numeric, reserved numeric)
returns void language plpgsql set search_path = '' as $$
#variable_conflict use_variable
begin
  insert into public.usage_counters as c (organization_id, scope, subject_id, period, period_started_at, spent, reserved)
  select asked.organization_id, s.scope, s.subject_id, p.period, private.period_start(p.period, asked.created_at), spent, greatest(0, reserved)
  from private.subjects_of(asked) s
  cross join (values ('day'::public.budget_period), ('month')) p (period)
  order by s.scope, p.period
  on conflict on constraint usage_counters_one_a_period
  do update set spent = c.spent + count_spending.spent, reserved = c.reserved + count_spending.reserved;
end $$;
comment on function private.count_spending is 'Adds to the counters of all whom a call concerns. The order of the rows is the order of their locks.';

create function private.budgets_of(asked public.usage_reservations) returns setof public.budgets
language plpgsql stable rows 5 set search_path = '' as $$
begin
  return query select b.* from private.key_family(asked.api_key_id) f (ids)
  cross join private.subjects_of(asked) s
  join public.budgets b on b.scope = s.scope
    and (b.organization_id = asked.organization_id or (b.organization_id is null and not exists (
      select from public.budgets own where own.organization_id = asked.organization_id and own.scope = 'platform')))
    and (b.subject_id is null or b.subject_id = any (s.subject_id || f.ids));
end $$;
comment on function private.budgets_of is 'The budgets that a call has to keep to.';

create function private.check_budgets(asked public.usage_reservations, additional numeric) returns jsonb
language plpgsql set search_path = '' as $$
declare
  exceeded record;
  notice text;
  warnings jsonb := '[]';
begin
  -- What costs nothing always fits.
  if coalesce(asked.cost, 0) = 0 then
    return warnings;
  end if;
  for exceeded in
    select b.scope, b.period, b.hard, b.limit_usd, p.start as started_at, coalesce(c.spent, 0) + coalesce(c.reserved, 0) + additional as used
    from private.budgets_of(asked) b
    cross join private.period_start(b.period, asked.created_at) p (start)
    join private.subjects_of(asked) s on s.scope = b.scope
    left join public.usage_counters c on c.organization_id = asked.organization_id and c.scope = s.scope
      and c.subject_id = s.subject_id and c.period = b.period and c.period_started_at = p.start
    where coalesce(c.spent, 0) + coalesce(c.reserved, 0) + additional > b.limit_usd
    order by b.hard desc, b.scope, b.period
  loop
    notice := format('%s budget of $%s a %s does not suffice: $%s are spent or reserved, this call may cost $%s. It begins anew at %s',
      case exceeded.scope when 'organization' then 'The organization''s' when 'user' then 'The user''s'
        when 'assistant' then 'The assistant''s' when 'key' then 'The key''s' else 'The platform key''s' end,
      trim_scale(exceeded.limit_usd), exceeded.period, trim_scale(round(exceeded.used - asked.cost, 6)), trim_scale(asked.cost),
      to_char((exceeded.started_at at time zone 'UTC') + ('1 ' || exceeded.period)::interval, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
    if exceeded.hard then
      perform private.raise_error(402, 'budget_exceeded', notice);
    end if;
    warnings := warnings || jsonb_build_object('code', 'budget_exceeded', 'message', notice);
  end loop;
  return warnings;
end $$;
comment on function private.check_budgets is
  'Refuses a call that goes beyond a hard budget; returns warnings of those that are not. additional is what the counters don''t hold yet.';

create function public.reserve_usage(request jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  asked public.usage_reservations := jsonb_populate_record(null::public.usage_reservations, '{"key_level": "platform"}' || request);
  price public.model_prices;
  unpriced constant text := case when asked.unpriced_field is null then format('The model %s of %s has no price', asked.model, asked.provider)
    else format('What a call with %s costs is not known beforehand', asked.unpriced_field) end;
  limits jsonb;
  warnings jsonb;
begin
  asked.id := gen_random_uuid();
  asked.created_at := now();
  asked.updated_at := now();
  asked.cost := null;
  select p.* into price from public.find_model_price(asked.organization_id, asked.provider, asked.model, asked.input_tokens) p
  where asked.unpriced_field is null;
  if found then
    asked.cost := 0.000001 * (asked.input_tokens * greatest(price.input_price, price.cached_input_price)
      + asked.max_output_tokens * greatest(price.output_price, price.reasoning_price));
  elsif exists (select from private.budgets_of(asked) b where b.hard) then
    perform private.raise_error(422, 'model_not_priced', unpriced || ', so that no budget could hold: '
      || case when asked.unpriced_field is null then 'an admin can set one with POST /llm-assistant/prices' else 'leave it out' end);
  end if;
  -- Seen from afar first: who is refused here locks nothing and leaves nothing to clean up.
  perform private.check_budgets(asked, asked.cost);
  if asked.operation <> 'title' then
    limits := private.take_from_rates(asked);
  end if;
  -- Not before it was counted: it is corrected in the window that this time lies in.
  asked.created_at := clock_timestamp();
  perform private.count_spending(asked, 0, coalesce(asked.cost, 0));
  -- The counters are ours until the end of the transaction: of parallel calls, each sees all that came before it.
  warnings := private.check_budgets(asked, 0);
  insert into public.usage_reservations select asked.*;
  if asked.cost is null and exists (select from private.budgets_of(asked)) then
    warnings := warnings || jsonb_build_object('code', 'model_not_priced', 'message', unpriced || ': this call counts for no budget');
  end if;
  return jsonb_build_object('reservation_id', asked.id, 'reserved_cost', asked.cost, 'rate_limits', limits, 'warnings', warnings);
end $$;
comment on function public.reserve_usage is
  'Holds a place in every rate limit and budget that applies: {reservation_id, reserved_cost, rate_limits, warnings}. 402 budget_exceeded, 422 model_not_priced, 429 rate_limited.';

create function public.settle_usage(reservation_id uuid, outcome jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  held public.usage_reservations;
  event public.usage_events;
begin
  delete from public.usage_reservations r where r.id = reservation_id returning r.* into held;
  if not found then
    select e.* into event from public.usage_events e where e.id = reservation_id;
    if not found then
      perform private.raise_error(404, 'not_found', format('No reservation with id %s', reservation_id));
    end if;
    return jsonb_build_object('cost', event.cost, 'is_priced', event.is_priced);
  end if;
  event := jsonb_populate_record(null::public.usage_events,
    jsonb_build_object('provider', held.provider, 'model', held.model, 'input_tokens', 0, 'cached_tokens', 0,
      'output_tokens', 0, 'reasoning_tokens', 0, 'is_estimated', false)
    || jsonb_strip_nulls(outcome) || (to_jsonb(held) - '{provider,model,input_tokens,cost}'::text[]));
  event.updated_at := now();
  -- What a provider counts need not add up, and is no reason to lose the call.
  event.input_tokens := greatest(0, event.input_tokens);
  event.cached_tokens := greatest(0, least(event.cached_tokens, event.input_tokens));
  event.output_tokens := greatest(0, event.output_tokens);
  event.reasoning_tokens := greatest(0, least(event.reasoning_tokens, event.output_tokens));
  -- A provider may answer with another model than was asked for, or under another name. The dearer one counts.
  select c.* into event.uncached_cost, event.cached_cost, event.output_cost, event.reasoning_cost
  from unnest(array[event.model, outcome ->> 'answered_model', case when event.provider = held.provider then held.model end]) n (model)
  cross join public.find_model_price(held.organization_id, event.provider, n.model, event.input_tokens) p
  cross join lateral (select
    0.000001 * (event.input_tokens - event.cached_tokens) * p.input_price,
    0.000001 * event.cached_tokens * coalesce(p.cached_input_price, p.input_price),
    0.000001 * (event.output_tokens - event.reasoning_tokens) * p.output_price,
    0.000001 * event.reasoning_tokens * coalesce(p.reasoning_price, p.output_price)) c (uncached, cached, output, reasoning)
  where held.unpriced_field is null
  order by c.uncached + c.cached + c.output + c.reasoning desc limit 1;
  if not found and event.input_tokens + event.output_tokens = 0 then
    -- Nothing costs nothing, whatever the price.
    select 0, 0, 0, 0 into event.uncached_cost, event.cached_cost, event.output_cost, event.reasoning_cost;
  end if;
  event.cost := event.uncached_cost + event.cached_cost + event.output_cost + event.reasoning_cost;
  event.is_priced := event.cost is not null;
  if held.operation <> 'title' and held.created_at > now() - interval '2 minutes' then
    perform private.correct_rates(held, event.input_tokens::bigint + event.output_tokens);
  end if;
  perform private.count_spending(held, coalesce(event.cost, 0), -coalesce(held.cost, 0));
  insert into public.usage_events select event.*;
  return jsonb_build_object('cost', event.cost, 'is_priced', event.is_priced);
end $$;
comment on function public.settle_usage is
  'Writes how a call ended into the log, in place of its reservation: {cost, is_priced}. A second time changes nothing.';

create function private.expire_reservations() returns integer
language plpgsql set search_path = '' as $$
declare
  held record;
  count integer := 0;
begin
  for held in
    -- 200 tokens a second are about what fast hosted models write: rather too much is charged than too little.
    select r.id, r.input_tokens, least(r.max_output_tokens, ceil(200 * extract(epoch from now() - r.created_at))) as output_tokens
    from public.usage_reservations r where r.created_at < now() - interval '10 minutes'
    -- The order in which counters are locked: those of an organization at a time.
    order by r.organization_id, r.created_at limit 1000 for update skip locked
  loop
    perform public.settle_usage(held.id, jsonb_build_object('status', 'failed', 'input_tokens', held.input_tokens,
      'output_tokens', held.output_tokens, 'is_estimated', true, 'error_code', 'reservation_expired'));
    count := count + 1;
  end loop;
  return count;
end $$;
comment on function private.expire_reservations is
  'Settles calls that nobody has told the end of in 10 minutes, as a killed function can''t: failed, and paid for what the provider has perhaps written all the same.';

create function private.forget_counters() returns void
language sql set search_path = '' as $$
  delete from public.usage_counters c
  where c.period_started_at < now() - case c.period when 'day' then interval '40 days' else interval '13 months' end
$$;
comment on function private.forget_counters is 'Removes counters of periods long gone; the log keeps what was spent.';

-- Functions: administration -------------------------------------------------------------------

create function private.check_usage_subject() returns trigger
language plpgsql set search_path = '' as $$
begin
  case new.scope
    when 'user' then
      perform from public.memberships m where m.organization_id = new.organization_id and m.user_id = new.subject_id;
    when 'key' then
      perform from public.api_keys k where k.organization_id = new.organization_id and k.id = new.subject_id;
    when 'assistant' then
      perform from public.assistants a where a.organization_id = new.organization_id and a.id = new.subject_id;
    else
      return new;
  end case;
  if not found and new.subject_id is not null then
    perform private.raise_error(404, 'not_found', format('The organization has no %s with id %s', new.scope, new.subject_id));
  end if;
  return new;
end $$;
comment on function private.check_usage_subject is 'A budget or limit is for someone or something that the organization has.';

create function public.get_budget_statuses(budget_ids uuid[])
returns table (id uuid, spent_usd numeric, reserved_usd numeric, remaining_usd numeric, period_started_at timestamptz, resets_at timestamptz)
language sql stable set search_path = '' as $$
  select b.id, coalesce(c.spent, 0), coalesce(c.reserved, 0), greatest(0, b.limit_usd - coalesce(c.spent + c.reserved, 0)),
    s.at, ((s.at at time zone 'UTC') + ('1 ' || b.period)::interval) at time zone 'UTC'
  from public.budgets b
  cross join private.period_start(b.period, now()) s (at)
  left join public.usage_counters c on c.organization_id = b.organization_id and c.scope = b.scope
    and c.subject_id = coalesce(case b.scope when 'key' then (private.key_family(b.subject_id))[1] else b.subject_id end, b.organization_id)
    and c.period = b.period and c.period_started_at = s.at
  where b.id = any (budget_ids)
$$;
comment on function public.get_budget_statuses is 'Where budgets stand in this period, as far as the caller may see them.';

create function public.usage_report(
  organization_id uuid, group_by text, filters jsonb, since timestamptz, until timestamptz, by_model boolean default false, max_groups integer default 1000
) returns jsonb language plpgsql stable set search_path = '' as $$
declare
  keys constant text := case group_by
    when 'day' then '(e.created_at at time zone ''UTC'')::date as day'
    when 'model' then 'e.provider, e.model'
    when 'user' then 'e.user_id'
    when 'assistant' then 'e.assistant_id'
    when 'key' then 'e.api_key_id'
  end || case when by_model and group_by <> 'model' then ', e.provider, e.model' else '' end;
  name constant text := case group_by
    when 'user' then '(select coalesce(p.full_name, p.username) from public.profiles p where p.id = g.user_id) as name'
    when 'assistant' then '(select a.name from public.assistants a where a.id = g.assistant_id) as name'
    when 'key' then '(select k.name from public.api_keys k where k.id = g.api_key_id) as name'
  end;
  positions constant text := case when group_by = 'model' then '1, 2' when by_model then '1, 2, 3' else '1' end;
  is_admin constant boolean := organization_id = any (private.organization_ids('admin'));
  report jsonb;
begin
  perform private.require_organization(organization_id, 'member');
  execute format($sql$
    with g as materialized (
      select %s, count(*) as calls, count(*) filter (where e.status = 'failed') as failed, sum(e.input_tokens) as input_tokens,
        sum(e.cached_tokens) as cached_tokens, sum(e.output_tokens) as output_tokens, sum(e.reasoning_tokens) as reasoning_tokens,
        coalesce(sum(e.cost), 0) as cost, count(*) filter (where not e.is_priced) as unpriced_calls,
        count(*) filter (where e.is_estimated) as estimated_calls
      from public.usage_events e
      where e.organization_id = $1 and e.created_at >= $2 and e.created_at < $3 %s
        and ($4 ->> 'provider' is null or e.provider = $4 ->> 'provider')
        and ($4 ->> 'model' is null or e.model = $4 ->> 'model')
        and ($4 ->> 'user_id' is null or e.user_id = ($4 ->> 'user_id')::uuid)
        and ($4 ->> 'assistant_id' is null or e.assistant_id = ($4 ->> 'assistant_id')::uuid)
        and ($4 ->> 'api_key_id' is null or e.api_key_id = ($4 ->> 'api_key_id')::uuid)
        and ($4 ->> 'operation' is null or e.operation::text = $4 ->> 'operation')
        and ($4 ->> 'status' is null or e.status::text = $4 ->> 'status')
      group by %s
    )
    select jsonb_build_object(
      'data', (select coalesce(jsonb_agg(to_jsonb(d)), '[]') from (select g.* %s from g order by %s limit $5) d),
      'groups', (select count(*) from g),
      'totals', (select jsonb_build_object('calls', coalesce(sum(calls), 0), 'failed', coalesce(sum(failed), 0),
        'input_tokens', coalesce(sum(input_tokens), 0), 'cached_tokens', coalesce(sum(cached_tokens), 0),
        'output_tokens', coalesce(sum(output_tokens), 0), 'reasoning_tokens', coalesce(sum(reasoning_tokens), 0),
        'cost', coalesce(sum(cost), 0), 'unpriced_calls', coalesce(sum(unpriced_calls), 0),
        'estimated_calls', coalesce(sum(estimated_calls), 0)) from g))
  $sql$, keys, case when not is_admin then 'and e.user_id = (select auth.uid())' end, positions, ', ' || name,
    case group_by when 'day' then 'g.day' else 'g.cost desc, g.calls desc, 1' end)
  into report using organization_id, since, until, filters, max_groups;
  return report;
end $$;
comment on function public.usage_report is 'Usage by day, model, user, assistant or key, as far as the caller may see it: {data, groups, totals}.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('usage_events', '{organization_id}');
select private.guard_table('usage_reservations', '{organization_id}');
select private.guard_table('usage_counters', '{organization_id}');
-- The subject changes when a key is rotated; no client may write it.
select private.guard_table('budgets', '{organization_id,scope,period}');
create trigger check_usage_subject before insert on public.budgets
  for each row execute function private.check_usage_subject();
select private.audit('budgets', 'budget');

-- RLS -----------------------------------------------------------------------------------------

create policy "A member reads their own usage, an admin the organization's" on public.usage_events
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (user_id = (select private.acting_user_id()) and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "No client sees reservations" on public.usage_reservations
  for select to authenticated using (false);
create policy "A member reads what they spend, an admin what the organization does" on public.usage_counters
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (scope = 'user' and subject_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "A member reads their own budgets, an admin the organization's" on public.budgets
  for select to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (scope = 'user' and subject_id = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  );
create policy "An admin of the organization adds budgets" on public.budgets
  for insert to authenticated
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "An admin of the organization changes budgets that no operator has set" on public.budgets
  for update to authenticated
  using (not by_operator and organization_id = any ((select private.organization_ids('admin'))::uuid[]))
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "An admin of the organization removes budgets that no operator has set" on public.budgets
  for delete to authenticated
  using (not by_operator and organization_id = any ((select private.organization_ids('admin'))::uuid[]));
-- Grants --------------------------------------------------------------------------------------

grant select on public.usage_events, public.usage_counters to authenticated;
grant select, delete, insert (organization_id, scope, subject_id, period, limit_usd, hard), update (limit_usd, hard)
  on public.budgets to authenticated;
grant execute on function public.get_budget_statuses, public.usage_report, private.period_start to authenticated, service_role;
grant execute on function public.reserve_usage, public.settle_usage, private.subjects_of, private.count_spending,
  private.budgets_of, private.check_budgets to service_role;

-- Jobs ----------------------------------------------------------------------------------------

select private.schedule_job('expired-usage-reservations', interval '1 minute', 'select private.expire_reservations()');
select private.schedule_job('usage-counters', interval '1 day', 'select private.forget_counters()');
