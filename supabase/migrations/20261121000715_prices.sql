-- Prices (domain llm-assistant): what tokens of a model cost. The platform's list is data of this migration; an
-- organization's own rows go before it.
--
-- Security definer functions: none.

-- Tables --------------------------------------------------------------------------------------

create table public.model_prices (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid references public.organizations (id) on delete cascade,
  provider text not null check (provider ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
  model text not null check (char_length(model) between 1 and 200),
  variants text[] not null default '{}'
    check (cardinality(variants) <= 50 and array_position(variants, null) is null
      and char_length(array_to_string(variants, '')) <= 10000),
  above_input_tokens integer not null default 0 check (above_input_tokens >= 0),
  -- A range, because NaN is greater than any number.
  input_price numeric(14, 6) not null check (input_price between 0 and 1000000),
  cached_input_price numeric(14, 6) check (cached_input_price between 0 and 1000000),
  output_price numeric(14, 6) not null check (output_price between 0 and 1000000),
  reasoning_price numeric(14, 6) check (reasoning_price between 0 and 1000000),
  source text check (char_length(source) <= 1000),
  as_of date not null default current_date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (organization_id, provider, model, above_input_tokens)
);
comment on table public.model_prices is 'USD per million tokens, by provider and model.';
comment on column public.model_prices.organization_id is 'Whose price it is; null: the platform''s, for all who have no own one.';
comment on column public.model_prices.model is 'As the provider calls it; one that ends in * stands for all names that begin so.';
comment on column public.model_prices.variants is 'Other names at the same price, as dated ones: gpt-4o-20*.';
comment on column public.model_prices.above_input_tokens is 'For calls with more input than this: long contexts cost more at some providers.';
comment on column public.model_prices.cached_input_price is 'null: cached input costs what uncached does.';
comment on column public.model_prices.reasoning_price is 'null: reasoning is billed as output.';
comment on column public.model_prices.source is 'The page that the price is from, and what is to be known of it.';
comment on column public.model_prices.as_of is 'The day that the price was read or is known for. It may have changed since.';

-- Functions -----------------------------------------------------------------------------------

create function public.find_model_price(organization_id uuid, provider text, model text, input_tokens bigint default 0)
returns setof public.model_prices language plpgsql stable rows 1 set search_path = '' as $$
begin
  -- In PL/pgSQL, which keeps the plan: every call of a model asks twice.
  return query
    select p.* from public.model_prices p
    cross join lateral (
      -- A name may have 200 characters, so no beginning of one comes as near as the name itself.
      select max(case
        when n.name = find_model_price.model then 1000
        when right(n.name, 1) = '*' and starts_with(find_model_price.model, left(n.name, -1)) then char_length(n.name)
      end) as nearness
      from unnest(p.model || p.variants) n (name)
    ) match
    where (p.organization_id = find_model_price.organization_id or p.organization_id is null)
      and p.provider = find_model_price.provider and match.nearness is not null
      and (p.above_input_tokens = 0 or p.above_input_tokens < find_model_price.input_tokens)
    order by p.organization_id nulls last, match.nearness desc, p.above_input_tokens desc
    limit 1;
end $$;
comment on function public.find_model_price is
  'The price of a model: the organization''s own before the platform''s, the exact name before the longest beginning.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('model_prices', '{organization_id,provider,model,above_input_tokens}');

-- RLS -----------------------------------------------------------------------------------------

create policy "Everyone reads the platform's prices, a member their organization's" on public.model_prices
  for select to authenticated
  using (
    organization_id is null
    or organization_id = any ((select private.organization_ids('member'))::uuid[])
  );
create policy "An admin adds the organization's prices" on public.model_prices
  for insert to authenticated
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "An admin changes the organization's prices" on public.model_prices
  for update to authenticated
  using (organization_id = any ((select private.organization_ids('admin'))::uuid[]))
  with check (organization_id = any ((select private.organization_ids('admin'))::uuid[]));
create policy "An admin removes the organization's prices" on public.model_prices
  for delete to authenticated
  using (organization_id = any ((select private.organization_ids('admin'))::uuid[]));

-- Grants --------------------------------------------------------------------------------------

grant select, delete,
  insert (organization_id, provider, model, variants, above_input_tokens, input_price, cached_input_price, output_price,
    reasoning_price, source, as_of),
  update (variants, input_price, cached_input_price, output_price, reasoning_price, source, as_of)
  on public.model_prices to authenticated;
grant execute on function public.find_model_price to authenticated, service_role;

-- The platform's prices -----------------------------------------------------------------------

-- List prices of the standard tier for text, in USD per million tokens: input, cached input, output. `source` is the
-- provider's page; the figures are from records of it and of others, and `as_of` says of when. Those of 2025 are the
-- least sure. Hold them against the page before you bill by them; an organization's own prices win.
insert into public.model_prices
  (provider, model, variants, above_input_tokens, input_price, cached_input_price, output_price, source, as_of)
select list.provider, p.model,
  case list.provider
    when 'openai' then array[p.model || '-20*']
    when 'anthropic' then array[p.model || '-20*', p.model || '-latest']
    when 'gemini' then array['models/' || p.model]
    else '{}'
  end || coalesce(p.variants, '{}'),
  p.above, p.input, p.cached, p.output, list.source || coalesce(': ' || p.note, ''), coalesce(p.as_of, list.as_of)
from (values
  ('openai', 'https://developers.openai.com/api/docs/pricing', date '2026-08-05'),
  ('anthropic', 'https://platform.claude.com/docs/en/about-claude/pricing', date '2026-10-24'),
  ('gemini', 'https://ai.google.dev/gemini-api/docs/pricing', date '2026-08-05'),
  ('mistral', 'https://mistral.ai/pricing', date '2026-05-22'),
  ('groq', 'https://groq.com/pricing', date '2025-12-01')
) list (provider, source, as_of)
join (values
  ('openai', 'gpt-6.1-sol', null::text[], 0, 2, 0.1, 10, 'above 272000 input tokens it costs more, which is not in here', date '2026-09-30'),
  ('openai', 'gpt-6-sol', null, 0, 2, 0.2, 10, 'above 272000 input tokens it costs more, which is not in here', '2026-09-22'),
  ('openai', 'gpt-6-luna', null, 0, 0.1, 0.01, 0.5, 'above 272000 input tokens it costs more, which is not in here', '2026-09-22'),
  ('openai', 'gpt-5.5', null, 0, 5, 0.5, 30, null, null),
  ('openai', 'gpt-5.5', null, 272000, 10, 1, 45, null, null),
  ('openai', 'gpt-5.5-pro', null, 0, 30, null, 180, null, null),
  ('openai', 'gpt-5.5-pro', null, 272000, 60, null, 270, null, null),
  ('openai', 'gpt-5.4', null, 0, 2.5, 0.25, 15, null, null),
  ('openai', 'gpt-5.4', null, 272000, 5, 0.5, 22.5, null, null),
  ('openai', 'gpt-5.4-pro', null, 0, 30, null, 180, null, null),
  ('openai', 'gpt-5.4-pro', null, 272000, 60, null, 270, null, null),
  ('openai', 'gpt-5.4-mini', null, 0, 0.75, 0.075, 4.5, null, null),
  ('openai', 'gpt-5.4-nano', null, 0, 0.2, 0.02, 1.25, null, null),
  ('openai', 'gpt-5.3-codex', null, 0, 1.75, 0.175, 14, null, '2026-09-30'),
  ('openai', 'gpt-5.2', null, 0, 1.75, 0.175, 14, null, null),
  ('openai', 'gpt-5.2-pro', null, 0, 21, null, 168, null, null),
  ('openai', 'gpt-5.1', '{gpt-5.1-codex}', 0, 1.25, 0.125, 10, null, null),
  ('openai', 'gpt-5.1-codex-mini', null, 0, 0.25, 0.025, 2, null, null),
  ('openai', 'gpt-5', '{gpt-5-chat-latest,gpt-5-codex}', 0, 1.25, 0.125, 10, null, null),
  ('openai', 'gpt-5-pro', null, 0, 15, null, 120, null, null),
  ('openai', 'gpt-5-mini', null, 0, 0.25, 0.025, 2, null, null),
  ('openai', 'gpt-5-nano', null, 0, 0.05, 0.005, 0.4, null, '2026-09-30'),
  ('openai', 'gpt-4.1', null, 0, 2, 0.5, 8, null, null),
  ('openai', 'gpt-4.1-mini', null, 0, 0.4, 0.1, 1.6, null, null),
  ('openai', 'gpt-4.1-nano', null, 0, 0.1, 0.025, 0.4, null, null),
  ('openai', 'gpt-4o', null, 0, 2.5, 1.25, 10, null, null),
  ('openai', 'gpt-4o-2024-05-13', null, 0, 5, null, 15, null, '2025-06-01'),
  ('openai', 'gpt-4o-mini', null, 0, 0.15, 0.075, 0.6, null, null),
  ('openai', 'o3', null, 0, 2, 0.5, 8, null, '2025-06-11'),
  ('openai', 'o3-pro', null, 0, 20, null, 80, null, null),
  ('openai', 'o3-mini', null, 0, 1.1, 0.55, 4.4, null, null),
  ('openai', 'o4-mini', null, 0, 1.1, 0.275, 4.4, null, null),
  ('openai', 'o1', null, 0, 15, 7.5, 60, null, '2025-06-01'),
  ('openai', 'gpt-4-turbo', null, 0, 10, null, 30, null, '2025-06-01'),
  ('openai', 'gpt-4', '{gpt-4-0613}', 0, 30, null, 60, null, '2025-06-01'),
  ('openai', 'gpt-3.5-turbo', '{gpt-3.5-turbo-0125}', 0, 0.5, null, 1.5, null, '2025-06-01'),
  ('openai', 'text-embedding-3-small', null, 0, 0.02, null, 0, null, '2025-06-01'),
  ('openai', 'text-embedding-3-large', null, 0, 0.13, null, 0, null, '2025-06-01'),
  ('openai', 'text-embedding-ada-002', null, 0, 0.1, null, 0, null, '2025-06-01'),

  ('anthropic', 'claude-fable-5-1', null, 0, 10, 0.25, 50, null, null),
  ('anthropic', 'claude-mythos-5-1', null, 0, 10, 0.25, 50, null, null),
  ('anthropic', 'claude-fable-5', null, 0, 10, 1, 50, null, null),
  ('anthropic', 'claude-mythos-5', null, 0, 10, 1, 50, null, null),
  ('anthropic', 'claude-opus-5-5', null, 0, 4, 0.2, 20, null, null),
  ('anthropic', 'claude-opus-5', null, 0, 5, 0.5, 25, null, null),
  ('anthropic', 'claude-opus-4-8', null, 0, 5, 0.5, 25, null, null),
  ('anthropic', 'claude-opus-4-7', null, 0, 5, 0.5, 25, null, null),
  ('anthropic', 'claude-opus-4-6', null, 0, 5, 0.5, 25, null, null),
  ('anthropic', 'claude-opus-4-5', null, 0, 5, 0.5, 25, null, null),
  ('anthropic', 'claude-opus-4-1', null, 0, 15, 1.5, 75, null, null),
  ('anthropic', 'claude-opus-4', '{claude-opus-4-0}', 0, 15, 1.5, 75, null, null),
  ('anthropic', 'claude-sonnet-5-5', null, 0, 2, 0.1, 10, null, null),
  ('anthropic', 'claude-sonnet-5', null, 0, 2, 0.2, 10, null, null),
  ('anthropic', 'claude-sonnet-4-6', null, 0, 3, 0.3, 15, null, null),
  ('anthropic', 'claude-sonnet-4-5', null, 0, 3, 0.3, 15, null, null),
  ('anthropic', 'claude-sonnet-4-5', null, 200000, 6, 0.6, 22.5, null, '2026-08-05'),
  ('anthropic', 'claude-sonnet-4', '{claude-sonnet-4-0}', 0, 3, 0.3, 15, null, null),
  ('anthropic', 'claude-haiku-5-5', null, 0, 0.1, 0.01, 0.5, null, null),
  ('anthropic', 'claude-haiku-5-5', null, 100000, 0.5, 0.05, 2.5, null, null),
  ('anthropic', 'claude-haiku-4-5', null, 0, 1, 0.1, 5, null, null),
  ('anthropic', 'claude-3-7-sonnet', null, 0, 3, 0.3, 15, null, null),
  ('anthropic', 'claude-3-5-haiku', null, 0, 0.8, 0.08, 4, null, null),
  ('anthropic', 'claude-3-haiku', null, 0, 0.25, 0.03, 1.25, null, null),

  ('gemini', 'gemini-3.8-flash', null, 0, 0.75, null, 3.75, 'until 2026-12-31, then 1.50 and 7.50', '2026-10-07'),
  ('gemini', 'gemini-3.7-flash', null, 0, 0.75, null, 3.75, 'until 2026-12-31, then twice as much', '2026-09-30'),
  ('gemini', 'gemini-3.6-flash', null, 0, 0.75, null, 3.75, 'until 2026-12-31, then twice as much', '2026-09-30'),
  ('gemini', 'gemini-3.5-flash', null, 0, 1.5, 0.15, 9, null, null),
  ('gemini', 'gemini-3.5-flash-lite', null, 0, 0.3, 0.03, 2.5, null, null),
  ('gemini', 'gemini-3.1-pro-preview', null, 0, 2, null, 12, null, '2026-09-20'),
  ('gemini', 'gemini-3.1-pro-preview', null, 200000, 4, null, 18, null, '2026-09-20'),
  ('gemini', 'gemini-3.1-flash-lite-preview', null, 0, 0.25, 0.025, 1.5, null, null),
  ('gemini', 'gemini-3-pro-preview', null, 0, 2, null, 12, null, null),
  ('gemini', 'gemini-3-pro-preview', null, 200000, 4, null, 18, null, null),
  ('gemini', 'gemini-3-flash-preview', null, 0, 0.5, null, 3, null, null),
  ('gemini', 'gemini-2.5-pro', '{gemini-2.5-pro-preview-*}', 0, 1.25, 0.125, 10, null, null),
  ('gemini', 'gemini-2.5-pro', '{gemini-2.5-pro-preview-*}', 200000, 2.5, 0.25, 15, null, null),
  ('gemini', 'gemini-2.5-flash', '{gemini-2.5-flash-preview-0*}', 0, 0.3, 0.03, 2.5, null, null),
  ('gemini', 'gemini-2.5-flash-lite', '{gemini-2.5-flash-lite-preview-*}', 0, 0.1, 0.01, 0.4, null, null),
  ('gemini', 'gemini-2.0-flash', '{gemini-2.0-flash-001}', 0, 0.1, null, 0.4, null, null),
  ('gemini', 'gemini-2.0-flash-lite', '{gemini-2.0-flash-lite-001}', 0, 0.075, null, 0.3, null, null),
  ('gemini', 'gemini-embedding-2', '{gemini-embedding-2-preview}', 0, 0.2, null, 0, 'text', '2026-09-20'),
  ('gemini', 'gemini-embedding-001', null, 0, 0.15, null, 0, null, '2025-12-01'),

  ('mistral', 'mistral-large-2512', null, 0, 0.5, null, 1.5, null, null),
  ('mistral', 'mistral-large-2411', null, 0, 2, null, 6, null, '2025-12-01'),
  ('mistral', 'mistral-medium-3-5', '{mistral-medium-3.5,mistral-medium-latest}', 0, 1.5, null, 7.5, null, null),
  ('mistral', 'mistral-medium-2508', '{mistral-medium-2505}', 0, 0.4, null, 2, null, '2025-12-01'),
  ('mistral', 'mistral-small-2506', '{mistral-small-2503}', 0, 0.1, null, 0.3, null, '2025-12-01'),
  ('mistral', 'codestral-2508', '{codestral-latest}', 0, 0.3, null, 0.9, null, null),
  ('mistral', 'magistral-medium-2509', '{magistral-medium-latest}', 0, 2, null, 5, null, null),
  ('mistral', 'devstral-medium-2507', null, 0, 0.4, null, 2, null, '2025-12-01'),
  ('mistral', 'devstral-small-2507', null, 0, 0.1, null, 0.3, null, '2025-12-01'),
  ('mistral', 'ministral-14b-2512', null, 0, 0.2, null, 0.2, null, null),
  ('mistral', 'ministral-8b-2512', null, 0, 0.15, null, 0.15, null, null),
  ('mistral', 'ministral-3b-2512', null, 0, 0.1, null, 0.1, null, null),
  ('mistral', 'mistral-embed', null, 0, 0.1, null, 0, null, '2025-12-01'),
  ('mistral', 'codestral-embed', '{codestral-embed-2505}', 0, 0.15, null, 0, null, '2025-12-01'),

  ('groq', 'openai/gpt-oss-120b', null, 0, 0.15, 0.075, 0.6, null, '2026-06-04'),
  ('groq', 'openai/gpt-oss-20b', null, 0, 0.075, 0.0375, 0.3, null, null),
  ('groq', 'llama-3.3-70b-versatile', null, 0, 0.59, null, 0.79, null, null),
  ('groq', 'llama-3.1-8b-instant', null, 0, 0.05, null, 0.08, null, null),
  ('groq', 'meta-llama/llama-4-scout-17b-16e-instruct', null, 0, 0.11, null, 0.34, null, null),
  ('groq', 'qwen/qwen3-32b', null, 0, 0.29, null, 0.59, null, null)
) p (provider, model, variants, above, input, cached, output, note, as_of) using (provider);

insert into public.model_prices (provider, model, input_price, output_price, source, as_of)
values
  ('demo', '*', 0, 0, 'The local stack''s own model: it costs nothing', '2026-11-21'),
  ('platform', 'demo*', 0, 0, 'The local stack''s own model: it costs nothing', '2026-11-21');

-- From here on: the list above is this migration's, who changes it later is in the log.
select private.audit('model_prices', 'model_price');
