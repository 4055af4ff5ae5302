-- Rate limits (domain llm-assistant): how many calls to models, and how many of their tokens, a minute.
--
-- reserve_usage takes a call's place, settle_usage puts right what its tokens were held for.
--
-- Security definer functions: none.

-- Tables --------------------------------------------------------------------------------------

create table public.rate_limits (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  scope public.usage_scope not null check (scope in ('user', 'key')),
  subject_id uuid,
  requests_per_minute integer check (requests_per_minute > 0),
  tokens_per_minute integer check (tokens_per_minute > 0),
  by_operator boolean not null default (private.current_user_id() is null),
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (organization_id, scope, subject_id, by_operator)
);
comment on table public.rate_limits is 'Calls to models and tokens a minute, for each user and each key of an organization.';
comment on column public.rate_limits.subject_id is 'The one user or key that it is for, in place of the limit for each; null: for each.';
comment on column public.rate_limits.requests_per_minute is 'null: no limit.';
comment on column public.rate_limits.by_operator is 'As of budgets. It holds beside the organization''s own: of both, the tighter.';
comment on column public.rate_limits.tokens_per_minute is 'Input and output together; null: no limit.';
create index rate_limits_organization_idx on public.rate_limits (organization_id, created_at desc, id desc);
create index rate_limits_created_by_idx on public.rate_limits (created_by);

create table public.rate_windows (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  scope public.usage_scope not null,
  subject_id uuid not null,
  started_at timestamptz not null,
  requests bigint not null default 0,
  previous_requests bigint not null default 0,
  tokens bigint not null default 0,
  previous_tokens bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, scope, subject_id)
) with (fillfactor = 50);
comment on table public.rate_windows is
  'Sliding windows of a minute: what was counted in this one, and in the one before, which fades as this one passes.';

-- Functions -----------------------------------------------------------------------------------

create function private.slide_window(rate_window public.rate_windows) returns public.rate_windows
language plpgsql volatile set search_path = '' as $$
declare
  -- Never running backwards.
  minutes constant double precision := greatest(0, extract(epoch from clock_timestamp() - rate_window.started_at)) / 60;
begin
  if minutes >= 1 then
    rate_window.previous_requests := case when minutes < 2 then rate_window.requests else 0 end;
    rate_window.previous_tokens := case when minutes < 2 then rate_window.tokens else 0 end;
    rate_window.requests := 0;
    rate_window.tokens := 0;
    rate_window.started_at := rate_window.started_at + make_interval(secs => floor(minutes) * 60);
  end if;
  return rate_window;
end $$;
comment on function private.slide_window is 'The window as it is at this moment.';

create function private.wait_for_limit(rate bigint, cost bigint, current bigint, previous bigint, passed double precision)
returns double precision language plpgsql immutable set search_path = '' as $$
begin
  return case
    when rate is null or current + previous * (1 - passed) + cost <= rate then 0
    when cost > rate then 'infinity'
    when current + cost <= rate then 60 * (1 - passed - (rate - cost - current)::double precision / previous)
    else 60 * (2 - passed - (rate - cost)::double precision / current)
  end;
end $$;
comment on function private.wait_for_limit is
  'Seconds until what weighs on a limit has faded so far that the cost fits; passed is the share of the window, 0 to 1.';

create function private.describe_limit(rate bigint, current bigint, previous bigint, passed double precision)
returns jsonb language plpgsql immutable set search_path = '' as $$
begin
  return case when rate is not null then jsonb_build_object(
    'limit', rate,
    'remaining', greatest(0, floor(rate - current - previous * (1 - passed))),
    'reset_seconds', round((60 * case when current > 0 then 2 - passed when previous > 0 then 1 - passed else 0 end)::numeric, 3))
  end;
end $$;
comment on function private.describe_limit is
  '{limit, remaining, reset_seconds}: how long until nothing weighs on it any more; null where there is no limit.';

create function private.take_from_rate(
  organization_id uuid, scope public.usage_scope, subject uuid, request_limit integer, token_limit integer, tokens bigint
) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  rate_window public.rate_windows;
  passed double precision;
  wait double precision;
begin
  insert into public.rate_windows (organization_id, scope, subject_id, started_at)
  values (organization_id, scope, subject, clock_timestamp()) on conflict do nothing;
  -- The row is the lock: parallel calls are counted one after the other.
  select w.* into rate_window from public.rate_windows w
  where w.organization_id = organization_id and w.scope = scope and w.subject_id = subject for no key update;
  rate_window := private.slide_window(rate_window);
  passed := least(1, greatest(0, extract(epoch from clock_timestamp() - rate_window.started_at) / 60));
  wait := greatest(
    private.wait_for_limit(request_limit, 1, rate_window.requests, rate_window.previous_requests, passed),
    private.wait_for_limit(token_limit, tokens, rate_window.tokens, rate_window.previous_tokens, passed));
  if wait = 0 then
    rate_window.requests := rate_window.requests + 1;
    rate_window.tokens := rate_window.tokens + tokens;
    update public.rate_windows w set started_at = rate_window.started_at, requests = rate_window.requests,
      previous_requests = rate_window.previous_requests, tokens = rate_window.tokens, previous_tokens = rate_window.previous_tokens
    where w.id = rate_window.id;
  end if;
  return jsonb_build_object(
    'wait', case when wait < 'infinity' then round(wait::numeric, 3) end,
    'is_taken', wait = 0,
    'requests', private.describe_limit(request_limit, rate_window.requests, rate_window.previous_requests, passed),
    'tokens', private.describe_limit(token_limit, rate_window.tokens, rate_window.previous_tokens, passed));
end $$;
comment on function private.take_from_rate is
  'Counts a call and its tokens against a limit, or says how long to wait: never one too many under parallel calls.';

create function private.take_from_rates(asked public.usage_reservations) returns jsonb
language plpgsql set search_path = '' as $$
declare
  tokens constant bigint := asked.input_tokens::bigint + asked.max_output_tokens;
  key_id constant uuid := (private.key_family(asked.api_key_id))[1];
  rate record;
  taken jsonb;
  tightest jsonb := '{"requests": null, "tokens": null}';
  measure text;
begin
  for rate in
    -- One a scope, the subject's own before the one for each; the operator's holds, too. Users before keys, always so.
    select l.scope, min(l.requests_per_minute) as requests, min(l.tokens_per_minute) as tokens
    from (
      select distinct on (l.scope, l.by_operator) l.*
      from private.key_family(asked.api_key_id) f (ids) cross join public.rate_limits l
      where l.organization_id = asked.organization_id and (l.scope = 'user' or f.ids is not null)
        and (l.subject_id is null or l.subject_id = any (case l.scope when 'user' then array[asked.user_id] else f.ids end))
      order by l.scope, l.by_operator, l.subject_id nulls last) l
    group by l.scope order by l.scope
  loop
    taken := private.take_from_rate(asked.organization_id, rate.scope,
      case rate.scope when 'user' then asked.user_id else key_id end, rate.requests, rate.tokens, tokens);
    if not (taken -> 'is_taken')::boolean then
      perform private.raise_error(429, 'rate_limited',
        case when taken ->> 'wait' is null
          then format('This call may take %s tokens, and %s a minute are allowed: send less, or ask for a shorter answer', tokens, rate.tokens)
          else format('Too many calls or tokens in this minute: try again in %s s', ceil((taken ->> 'wait')::numeric)) end,
        jsonb_build_object('retry_after_seconds', taken -> 'wait', 'rate_limits', taken - '{wait,is_taken}'::text[])::text);
    end if;
    foreach measure in array array['requests', 'tokens'] loop
      if jsonb_typeof(taken -> measure) = 'object' and coalesce(
        (taken -> measure ->> 'remaining')::bigint < (tightest -> measure ->> 'remaining')::bigint, true) then
        tightest := tightest || jsonb_build_object(measure, taken -> measure);
      end if;
    end loop;
  end loop;
  return nullif(tightest, '{"requests": null, "tokens": null}');
end $$;
comment on function private.take_from_rates is
  'Counts a call against its user''s and its key''s limit; returns where the tighter of the two stands, null where there is none.';

create function private.correct_rates(held public.usage_reservations, used bigint) returns void
language plpgsql set search_path = '' as $$
declare
  difference constant bigint := used - held.input_tokens - held.max_output_tokens;
  key_id constant uuid := (private.key_family(held.api_key_id))[1];
begin
  perform from public.rate_windows w
  where w.organization_id = held.organization_id
    and ((w.scope = 'user' and w.subject_id = held.user_id) or (w.scope = 'key' and w.subject_id = key_id))
  order by w.scope for no key update;
  if found then
    -- In the window that they were counted in. What is older weighs nothing any more.
    update public.rate_windows w set
      tokens = case when held.created_at >= w.started_at then greatest(0, w.tokens + difference) else w.tokens end,
      previous_tokens = case when held.created_at < w.started_at and held.created_at >= w.started_at - interval '1 minute'
        then greatest(0, w.previous_tokens + difference) else w.previous_tokens end
    where w.organization_id = held.organization_id
      and ((w.scope = 'user' and w.subject_id = held.user_id) or (w.scope = 'key' and w.subject_id = key_id));
  end if;
end $$;
comment on function private.correct_rates is 'Counts the tokens that a call has used in place of those that it was expected to.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('rate_limits', '{organization_id,scope}');
select private.guard_table('rate_windows', '{organization_id}');
create trigger check_usage_subject before insert on public.rate_limits
  for each row execute function private.check_usage_subject();
select private.audit('rate_limits', 'rate_limit');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('rate_limits', 'member', 'admin');
create policy "An admin of the organization changes rate limits that no operator has set" on public.rate_limits
  for update to authenticated
  using (not by_operator and organization_id = any ((select private.organization_ids('admin'))::uuid[]))
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "An admin of the organization removes rate limits that no operator has set" on public.rate_limits
  for delete to authenticated
  using (not by_operator and organization_id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "No client sees windows of rate limits" on public.rate_windows
  for select to authenticated using (false);

-- Grants --------------------------------------------------------------------------------------

grant select, delete, insert (organization_id, scope, subject_id, requests_per_minute, tokens_per_minute),
  update (requests_per_minute, tokens_per_minute)
  on public.rate_limits to authenticated;
grant execute on function private.slide_window, private.wait_for_limit, private.describe_limit, private.take_from_rate,
  private.take_from_rates, private.correct_rates to service_role;
