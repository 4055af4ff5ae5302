-- Usage: what the database itself holds true of prices, budgets, limits and the log of calls to models.
begin;
create extension if not exists pgtap with schema extensions;
select plan(50);

create function pg_temp.as_user(user_id uuid, statement text) returns text language plpgsql as $$
declare
  answer text;
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', user_id, 'role', 'authenticated')::text, true);
  perform set_config('role', 'authenticated', true);
  execute statement into answer;
  perform set_config('role', 'none', true), set_config('request.jwt.claims', '', true);
  return answer;
end $$;
comment on function pg_temp.as_user is 'What a statement answers a signed-in user; an error takes the sign-in back, too.';

create function pg_temp.reserve(model text, rest jsonb default '{}') returns jsonb language sql as $$
  select public.reserve_usage(jsonb_build_object('organization_id', '00000000-0000-4000-8000-000000000001',
    'user_id', 'b0000000-0000-4000-8000-000000000000', 'operation', 'chat', 'provider', 'test', 'model', model,
    'input_tokens', 1000000, 'max_output_tokens', 0) || rest)
$$;
comment on function pg_temp.reserve is 'A call of Bob''s that may cost 1 USD where the model is `one`.';

insert into auth.users (id, email) values
  ('a0000000-0000-4000-8000-000000000000', 'ada@example.com'),
  ('b0000000-0000-4000-8000-000000000000', 'bob@example.com'),
  ('c0000000-0000-4000-8000-000000000000', 'cy@example.com');
insert into public.organizations (id, name, slug) values
  ('00000000-0000-4000-8000-000000000001', 'Team', 'pgtap-team'),
  ('00000000-0000-4000-8000-000000000002', 'Others', 'pgtap-others');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'admin', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');
insert into public.model_prices (organization_id, provider, model, input_price, output_price) values
  ('00000000-0000-4000-8000-000000000001', 'test', 'one', 1, 1),
  ('00000000-0000-4000-8000-000000000001', 'test', 'none-*', 0, 0),
  ('00000000-0000-4000-8000-000000000002', 'test', 'theirs', 1, 1);

-- Prices --------------------------------------------------------------------------------------

select is((select model from public.find_model_price('00000000-0000-4000-8000-000000000001', 'openai', 'gpt-4o-2024-08-06')), 'gpt-4o', 'A dated name has the price of the model');
select is_empty($$select * from public.find_model_price('00000000-0000-4000-8000-000000000001', 'openai', 'gpt-4o-audio-preview')$$, 'Another model has not');
select is_empty($$select * from public.find_model_price('00000000-0000-4000-8000-000000000001', 'openai', '')$$, 'No name has no price');
select is_empty($$select * from public.find_model_price('00000000-0000-4000-8000-000000000001', 'test', 'theirs')$$, 'Another organization''s price is not ours');
select is((select input_price from public.find_model_price('00000000-0000-4000-8000-000000000001', 'openai', 'gpt-5.5', 272000)), 5::numeric, 'Up to the threshold the base price');
select is((select input_price from public.find_model_price('00000000-0000-4000-8000-000000000001', 'openai', 'gpt-5.5', 272001)), 10::numeric, 'Above it, its own');
select throws_ok($$update public.model_prices set input_price = 'NaN'$$, '23514', null, 'A price is a number');
select throws_ok($$update public.model_prices set output_price = -1$$, '23514', null, 'A price is not negative');
select throws_ok($$update public.model_prices set model = 'other'$$, 'PT409', null, 'A price is for its model');
select throws_ok(
  $$insert into public.model_prices (provider, model, input_price, output_price) values ('openai', 'gpt-4o', 0, 0)$$, '23505', null,
  'The platform has one price a model');
select is(pg_temp.as_user('c0000000-0000-4000-8000-000000000000', 'select count(*) from public.model_prices where organization_id is not null'), '1',
  'Another organization''s prices are not to be seen');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'insert into public.model_prices (organization_id, provider, model, input_price, output_price) values (null, ''openai'', ''x'', 0, 0) returning id')$$,
  '42501', null, 'No client sets the platform''s prices');

-- Budgets -------------------------------------------------------------------------------------

select throws_ok(
  $$insert into public.budgets (organization_id, scope, period, limit_usd) values ('00000000-0000-4000-8000-000000000001', 'user', 'day', 1)$$,
  '23514', null, 'A user''s budget names the user');
select throws_ok(
  $$insert into public.budgets (organization_id, scope, subject_id, period, limit_usd)
    values ('00000000-0000-4000-8000-000000000001', 'user', 'c0000000-0000-4000-8000-000000000000', 'day', 1)$$,
  'PT404', null, 'who is the organization''s');
select throws_ok(
  $$insert into public.budgets (organization_id, scope, subject_id, period, limit_usd)
    values ('00000000-0000-4000-8000-000000000001', 'assistant', gen_random_uuid(), 'day', 1)$$,
  'PT404', null, 'An assistant''s names one that is there');
select throws_ok(
  $$insert into public.budgets (organization_id, scope, period, limit_usd) values ('00000000-0000-4000-8000-000000000001', 'organization', 'day', 'NaN')$$,
  '23514', null, 'A limit is a number');
insert into public.budgets (id, organization_id, scope, period, limit_usd)
values ('d0000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000001', 'organization', 'month', 2.5);
select throws_ok(
  $$insert into public.budgets (organization_id, scope, period, limit_usd) values ('00000000-0000-4000-8000-000000000001', 'organization', 'month', 9)$$,
  '23505', null, 'There is one a subject and period');
select throws_ok($$update public.budgets set period = 'day'$$, 'PT409', null, 'A budget''s period stays');

select is(pg_temp.reserve('one') -> 'reserved_cost', '1', 'A call that fits is let through');
select is(pg_temp.reserve('one') -> 'warnings', '[]', 'without a word');
select throws_ok($$select pg_temp.reserve('one')$$, 'PT402', null, 'One that doesn''t is not');
select lives_ok($$select pg_temp.reserve('one', '{"input_tokens": 500000}')$$, 'A smaller one still fits');
select lives_ok($$select pg_temp.reserve('none-x')$$, 'What is free always fits');
select throws_ok($$select pg_temp.reserve('unknown')$$, 'PT422', null, 'What has no price doesn''t under a hard budget');
select throws_ok($$select pg_temp.reserve('one', '{"input_tokens": -1}')$$, '23514', null, 'Nobody reserves less than nothing');
update public.budgets set limit_usd = 1;
select throws_ok($$select pg_temp.reserve('one', '{"input_tokens": 1}')$$, 'PT402', null, 'A lowered limit holds at once');
update public.budgets set hard = false;
select is(pg_temp.reserve('one') #>> '{warnings,0,code}', 'budget_exceeded', 'An advisory one warns');
select is(pg_temp.reserve('unknown') #>> '{warnings,0,code}', 'model_not_priced', 'also of what it can''t count');

-- The end of calls ----------------------------------------------------------------------------

create temporary table held as select id from public.usage_reservations where cost = 1 order by id limit 1;
select is(public.settle_usage((select id from held), '{"status": "succeeded", "input_tokens": 200000, "id": "d0000000-0000-4000-8000-000000000000", "cost": 0}'),
  '{"cost": 0.2, "is_priced": true}', 'A call costs what it used, whatever the outcome says of it');
select is(public.settle_usage((select id from held), '{"status": "failed", "input_tokens": 900000}'),
  '{"cost": 0.2, "is_priced": true}', 'A second end changes nothing');
select is((select status::text from public.usage_events where id = (select id from held)), 'succeeded', 'The log keeps the first');
select throws_ok($$select public.settle_usage(gen_random_uuid(), '{"status": "failed"}')$$, 'PT404', null, 'What never began can''t end');
select is(public.settle_usage((select id from public.usage_reservations where model = 'unknown'), '{"status": "succeeded", "input_tokens": 5}'),
  '{"cost": null, "is_priced": false}', 'An unknown price is no price, not 0');
select throws_ok($$update public.usage_events set is_priced = not is_priced$$, '23514', null, 'A call is priced or has no cost');
select is_empty(
  $$select * from (select sum(cost) as spent from public.usage_events) e, (select sum(cost) as reserved from public.usage_reservations) r
    where not exists (select from public.usage_counters c where c.scope = 'organization' and c.period = 'day' and c.spent = e.spent and c.reserved = r.reserved)$$,
  'Counters are what the log and the reservations add up to');

-- Who sees what -------------------------------------------------------------------------------

select is(pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select count(*) from public.usage_events'), '2', 'A member sees their own calls');
select is(pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'select count(*) from public.budgets'), '0', 'but not the organization''s budget');
select is(pg_temp.as_user('c0000000-0000-4000-8000-000000000000', 'select count(*) from public.usage_events'), '0', 'Others see none');

-- The platform's key ------------------------------------------------------------------------

delete from public.budgets;
insert into public.budgets (scope, period, limit_usd) values ('platform', 'month', 10);
select throws_ok($$insert into public.budgets (scope, period, limit_usd) values ('platform', 'month', 20)$$, '23505', null, 'There is one ceiling for all');
select throws_ok($$insert into public.budgets (scope, period, limit_usd) values ('organization', 'month', 20)$$, '23514', null, 'and no other budget');
select lives_ok($$select pg_temp.reserve('one', '{"input_tokens": 3000000, "key_level": "platform"}')$$, 'What organizations call with the platform''s key counts');
select throws_ok($$select pg_temp.reserve('one', '{"input_tokens": 5000000, "key_level": "platform"}')$$, 'PT402', null, 'towards it');
select lives_ok($$select pg_temp.reserve('one', '{"input_tokens": 5000000, "key_level": "organization"}')$$, 'What they call with their own doesn''t');
select throws_ok($$select pg_temp.reserve('unknown', '{"key_level": "platform"}')$$, 'PT422', null, 'It holds for no price at all');
select lives_ok(
  $$select pg_temp.reserve('theirs', '{"input_tokens": 9000000, "organization_id": "00000000-0000-4000-8000-000000000002"}')$$,
  'It is each organization''s alone');
select is(pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'select count(*) from public.budgets'), '0', 'No tenant sees it');
insert into public.budgets (organization_id, scope, period, limit_usd) values ('00000000-0000-4000-8000-000000000001', 'platform', 'day', 1000);
select lives_ok($$select pg_temp.reserve('one', '{"input_tokens": 500000000, "key_level": "platform"}')$$, 'An organization''s own ceiling is in its place');
select is(pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'select by_operator from public.budgets'), 'true', 'which its admins see');
select is(pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
  'with gone as (delete from public.budgets returning id) select count(*) from gone'), '0', 'and can''t remove');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'insert into public.budgets (organization_id, scope, period, limit_usd) values (''00000000-0000-4000-8000-000000000001'', ''platform'', ''month'', 1) returning id')$$,
  '23514', null, 'nor set');

select * from finish();
rollback;
