-- Keys: what the database itself holds true of issued keys, provider keys and other secrets.
begin;
create extension if not exists pgtap with schema extensions;
select plan(74);

create function pg_temp.as_user(user_id uuid, statement text, claims jsonb default '{}') returns text language plpgsql as $$
declare
  answer text;
begin
  perform set_config('request.jwt.claims', (claims || jsonb_build_object('sub', user_id, 'role', 'authenticated'))::text, true);
  perform set_config('role', 'authenticated', true);
  execute statement into answer;
  perform set_config('role', 'none', true), set_config('request.jwt.claims', '', true);
  return answer;
end $$;
comment on function pg_temp.as_user is 'What a statement answers a signed-in user; an error takes the sign-in back, too.';

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
  ('00000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');

-- Scopes --------------------------------------------------------------------------------------

select ok(private.are_scopes('{pipelines:run,llm-assistant:*,keys:admin}'), 'Scopes are <domain>:<verb> or <domain>:*');
select is_empty(
  $$select s from unnest(array['pipelines', 'pipelines:', ':read', 'pipelines:delete', 'billing:read', '*:read', '*', 'pipelines:**',
      'Pipelines:read', 'pipelines:read ', E'pipelines:read\nx', 'pipelines:read,keys:read', 'xpipelines:read', '']) s
    where private.are_scopes(array[s])$$,
  'Nothing else is a scope');
select ok(not private.are_scopes('{pipelines:read,nonsense}'), 'One that is none spoils them all');
select ok(not private.are_scopes('{}'), 'No scopes are none');
select ok(not private.are_scopes(array['keys:read', null]), 'Null is none');

-- Issued keys: what they hold -----------------------------------------------------------------

create function pg_temp.issue(caller uuid, number integer, scopes text default '{keys:read}', rest jsonb default '{}', claims jsonb default '{}')
returns uuid language sql as $$
  select pg_temp.as_user(caller, format(
    'insert into public.api_keys (organization_id, name, prefix, last_four, key_hash, scopes, expires_at)
     values (%L, %L, %L, %L, %L, %L, %L) returning id',
    coalesce(rest ->> 'organization_id', '00000000-0000-4000-8000-000000000001'), coalesce(rest ->> 'name', 'Key'),
    coalesce(rest ->> 'prefix', 'el_test_' || lpad(number::text, 8, '0')), 'abcd', lpad(number::text, 64, '0'), scopes,
    (rest ->> 'expires_at')::timestamptz), claims)::uuid
$$;
create function pg_temp.change(caller uuid, number integer, change text) returns text language sql as $$
  select pg_temp.as_user(caller, format(
    'with changed as (update public.api_keys set %s where prefix = %L returning 1) select count(*) from changed',
    change, 'el_test_' || lpad(number::text, 8, '0')))
$$;
create function pg_temp.key(number integer) returns public.api_keys language sql as $$
  select * from public.api_keys where key_hash = lpad(number::text, 64, '0')
$$;
create function pg_temp.code(number integer, rest jsonb default '{}') returns text language sql as $$
  select public.verify_api_key(lpad(number::text, 64, '0'), coalesce((rest ->> 'cost')::integer, 1),
    rest ->> 'scope', (rest ->> 'organization_id')::uuid) ->> 'code'
$$;

select lives_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 1, '{keys:read,pipelines:run}')$$, 'A member issues a key of their own');
select results_eq('select (k).user_id from pg_temp.key(1) k', $$values ('b0000000-0000-4000-8000-000000000000'::uuid)$$, 'It is its maker''s');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, '{keys:admin}')$$, 'PT403', null, 'A member can''t give the scope admin');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, '{keys:*}')$$, 'PT403', null, 'Nor all scopes of a domain');
select lives_ok($$select pg_temp.issue('a0000000-0000-4000-8000-000000000000', 3, '{keys:*,audit:admin}')$$, 'An admin can');
select throws_ok($$select pg_temp.issue('c0000000-0000-4000-8000-000000000000', 2)$$, 'PT403', null, 'A stranger can''t issue a key for the team');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, '{billing:read}')$$, '23514', null, 'Scopes that there are not are refused');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, '{}')$$, '23514', null, 'A key has a scope');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, rest => '{"name": " "}')$$, '23514', null, 'A key has a name');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, rest => '{"prefix": "sk-1"}')$$, '23514', null, 'A prefix has the keys'' form');
select throws_ok($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 1)$$, '23505', null, 'A hash is one key''s');
select throws_ok(
  $$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, rest => jsonb_build_object('expires_at', now() - interval '1 s'))$$, 'PT422', null,
  'A key does not expire before it is made');
select throws_ok(
  $$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, '{keys:write}', claims => '{"scopes": ["keys:read", "pipelines:*"]}')$$, 'PT403', null,
  'A key hands on no scope that it lacks');
select lives_ok(
  $$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 4, '{pipelines:run}', claims => '{"scopes": ["keys:write", "pipelines:*"]}')$$,
  'One that it has by its domain, it may');
update public.api_keys set expires_at = now() + interval '1 day' where key_hash = lpad('1', 64, '0');
select throws_ok(
  format($$select pg_temp.issue('b0000000-0000-4000-8000-000000000000', 2, claims => '{"scopes": ["keys:*"], "api_key_id": "%s"}')$$, (pg_temp.key(1)).id),
  'PT403', null, 'A key issues none that outlives it');
update public.api_keys set expires_at = null where key_hash = lpad('1', 64, '0');

-- Issued keys: how they change ----------------------------------------------------------------

select throws_ok($$select pg_temp.change('b0000000-0000-4000-8000-000000000000', 1, 'scopes = ''{keys:*}''')$$, 'PT403', null, 'A change gives no more than an issue');
select throws_ok($$select pg_temp.change('b0000000-0000-4000-8000-000000000000', 1, 'key_hash = repeat(''0'', 64)')$$, '42501', null, 'The hash stays');
select throws_ok($$select pg_temp.change('b0000000-0000-4000-8000-000000000000', 1, 'user_id = ''a0000000-0000-4000-8000-000000000000''')$$, '42501', null, 'The user stays');
select throws_ok($$select pg_temp.change('a0000000-0000-4000-8000-000000000000', 1, 'name = ''Mine''')$$, 'PT403', null, 'An admin changes nothing of another''s key');
select is(pg_temp.change('a0000000-0000-4000-8000-000000000000', 1, 'is_active = false'), '1', 'But switches it off');
select throws_ok($$select pg_temp.change('a0000000-0000-4000-8000-000000000000', 1, 'is_active = true')$$, 'PT403', null, 'And not on');
select is(pg_temp.change('c0000000-0000-4000-8000-000000000000', 1, 'is_active = true'), '0', 'To a stranger it is not there');
select is(pg_temp.code(1), 'DISABLED', 'What is off is refused');
select is(pg_temp.change('b0000000-0000-4000-8000-000000000000', 1, 'is_active = true'), '1', 'Its user switches it on');
select is(pg_temp.change('b0000000-0000-4000-8000-000000000000', 4, 'revoked_at = now() - interval ''1 year'''), '1', 'A key is revoked');
select is((pg_temp.key(4)).revoked_at, now(), 'From now on, not from before');
select throws_ok($$select pg_temp.change('b0000000-0000-4000-8000-000000000000', 4, 'revoked_at = null')$$, 'PT409', null, 'For good');
select throws_ok($$select pg_temp.change('b0000000-0000-4000-8000-000000000000', 4, 'name = ''Again''')$$, 'PT409', null, 'And nothing of it changes any more');

-- Issued keys: what they are worth ------------------------------------------------------------

select is(pg_temp.code(1), 'VALID', 'A key is valid');
select is(pg_temp.code(999), 'NOT_FOUND', 'Another hash is none');
select is(pg_temp.code(1, '{"organization_id": "00000000-0000-4000-8000-000000000002"}'), 'NOT_FOUND', 'Nor is one of another organization, if one is named');
select is(pg_temp.code(4), 'REVOKED', 'A revoked one is revoked');
select is(pg_temp.code(1, '{"scope": "keys:write"}'), 'INSUFFICIENT_SCOPE', 'A scope that it lacks');
select is(pg_temp.code(3, '{"scope": "keys:write"}'), 'VALID', 'A scope that it has by its domain');
update public.api_keys set expires_at = now() where key_hash = lpad('1', 64, '0');
select is(pg_temp.code(1), 'EXPIRED', 'What expires now is expired');
update public.api_keys set expires_at = null where key_hash = lpad('1', 64, '0');
update public.memberships set status = 'suspended' where user_id = 'b0000000-0000-4000-8000-000000000000' and organization_id = '00000000-0000-4000-8000-000000000001';
select is(pg_temp.code(1), 'DISABLED', 'A suspended member''s key rests');
update public.memberships set status = 'active' where user_id = 'b0000000-0000-4000-8000-000000000000' and organization_id = '00000000-0000-4000-8000-000000000001';
select throws_ok($$select public.verify_api_key(repeat('0', 64), -1)$$, 'PT422', null, 'A cost is not negative');
select is((pg_temp.key(1)).last_used_at, now(), 'A use is noted');
update public.api_keys set last_used_at = now() - interval '50 s' where key_hash = lpad('1', 64, '0');
select is(pg_temp.code(1) || (pg_temp.key(1)).last_used_at, 'VALID' || now() - interval '50 s', 'Once a minute');

-- Issued keys: the window ---------------------------------------------------------------------

update public.api_keys set rate_limit = 10, rate_window_seconds = 100 where key_hash = lpad('1', 64, '0');
create function pg_temp.window(current integer, previous integer, passed double precision) returns void language sql as $$
  delete from public.api_key_usage where id = (pg_temp.key(1)).id;
  insert into public.api_key_usage (id, organization_id, window_started_at, current_count, previous_count)
  select (k).id, (k).organization_id, clock_timestamp() - make_interval(secs => passed), current, previous from pg_temp.key(1) k;
$$;
create function pg_temp.take(cost integer) returns text language sql as $$
  select q.allowed || ' ' || q.remaining || ' ' || round(extract(epoch from q.reset_at - clock_timestamp()))
  from private.take_from_window(pg_temp.key(1), cost) q
$$;
select is(pg_temp.take(1), 'true 9 100', 'The first call begins a window');
select is(pg_temp.take(9), 'true 0 100', 'Up to the limit');
select is(pg_temp.take(0), 'true 0 100', 'A look costs nothing');
select is(pg_temp.code(1), 'RATE_LIMITED', 'One more is refused');
select is(pg_temp.code(1, '{"cost": 11}'), 'RATE_LIMITED', 'As is what could never be allowed');
select is((select current_count from public.api_key_usage where id = (pg_temp.key(1)).id), 10, 'And what is refused is not counted');
select pg_temp.window(0, 10, 50);
select is(pg_temp.take(5), 'true 0 50', 'Half a window later, half of the one before weighs');
select pg_temp.window(0, 10, 50);
select is(pg_temp.take(6), 'false 5 10', 'One more is due when the sixth tenth has faded');
select pg_temp.window(10, 0, 20);
select is(pg_temp.take(1), 'false 0 90', 'Where this window alone is full, a tenth of the next has to pass');
select pg_temp.window(10, 0, 150);
select is(pg_temp.take(5), 'true 0 50', 'A window later the full one is the one before, and weighs by what is left of it');
select results_eq('select previous_count, current_count from public.api_key_usage where id = (pg_temp.key(1)).id', 'values (10, 5)', 'The counts move on');
select pg_temp.window(10, 10, 250);
select is(pg_temp.take(10), 'true 0 50', 'Two windows later nothing of it weighs');
select pg_temp.window(3, 0, -5);
select is(pg_temp.take(1), 'true 6 105', 'A clock that was put back lets no call in twice');

-- Issued keys: rotation -----------------------------------------------------------------------

create function pg_temp.rotate(caller uuid, number integer, successor integer, grace integer) returns text language sql as $$
  select pg_temp.as_user(caller, format('select public.rotate_api_key(%L, %L, %s)', (pg_temp.key(number)).id, jsonb_build_object(
    'prefix', 'el_test_' || lpad(successor::text, 8, '0'), 'last_four', 'wxyz', 'key_hash', lpad(successor::text, 64, '0')), grace))
$$;
select throws_ok($$select pg_temp.rotate('a0000000-0000-4000-8000-000000000000', 1, 5, 60)$$, 'PT403', null, 'Nobody rotates another''s key');
select lives_ok($$select pg_temp.rotate('b0000000-0000-4000-8000-000000000000', 1, 5, 60)$$, 'Its user does');
select results_eq(
  'select (o).revoked_at, (o).replaced_by = (n).id, (n).scopes, (n).rate_limit from pg_temp.key(1) o, pg_temp.key(5) n',
  $$select now() + interval '60 s', true, '{keys:read,pipelines:run}'::text[], 10$$, 'The new one has the old one''s rights, the old one lives as long as the grace');
select throws_ok($$select pg_temp.change('b0000000-0000-4000-8000-000000000000', 1, 'revoked_at = now() + interval ''1 hour''')$$, 'PT409', null, 'The grace does not grow');
select throws_ok($$select pg_temp.rotate('b0000000-0000-4000-8000-000000000000', 1, 6, 60)$$, 'PT409', null, 'A key has one successor');

-- Provider keys and other secrets -------------------------------------------------------------

insert into public.provider_keys (id, organization_id, user_id, provider, name, ciphertext, key_version, last_four, verified)
select ('00000000-0000-4000-8000-00000000001' || n)::uuid, ('00000000-0000-4000-8000-00000000000' || o)::uuid, u::uuid, 'openai', 'Key', 'wrap.sealed' || n, 1, 'abcd', true
from (values (1, '1', 'b0000000-0000-4000-8000-000000000000'), (2, '1', null), (3, '2', 'b0000000-0000-4000-8000-000000000000')) v (n, o, u);
select throws_ok(
  $$insert into public.provider_keys (organization_id, provider, name, ciphertext, key_version, last_four)
    values ('00000000-0000-4000-8000-000000000001', 'openai', 'Key', 'c', 1, 'abcd')$$, '23505', null, 'An organization has one key a provider');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'update public.provider_keys set base_url = ''https://evil.example'' where provider = ''openai'' returning id')$$, 'PT409', null,
  'A key goes to no other address than it was given for');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000', 'with changed as (update public.provider_keys set ciphertext = ''new.key''
    where id = ''00000000-0000-4000-8000-000000000011'' returning verified) select string_agg(verified::text, '''') from changed'),
  'false', 'Another key has yet to be verified');
select public.note_provider_verdict('00000000-0000-4000-8000-000000000011', 'wrap.sealed1', true);
select is((select verified from public.provider_keys where id = '00000000-0000-4000-8000-000000000011'), false, 'A verdict is not of a key that was replaced');
select public.note_provider_verdict('00000000-0000-4000-8000-000000000011', 'other-wrap.key', true);
select is((select verified and verified_at = now() from public.provider_keys where id = '00000000-0000-4000-8000-000000000011'), true, 'But of one that was wrapped anew');
create table public.pgtap_secrets (id uuid, organization_id uuid, ciphertext text, key_version integer);
select ok(
  array['pgtap_secrets', 'provider_keys', 'trigger_secrets'] <@ array(select private.secret_tables()), 'Every table with envelopes is found, new ones too');
insert into public.pgtap_secrets values ('00000000-0000-4000-8000-000000000010', null, 'a.b', 1), ('00000000-0000-4000-8000-000000000019', null, 'c.d', 2);
select results_eq(
  $$select table_name, right(id::text, 2) from public.stale_secrets(2, '00000000-0000-4000-8000-000000000010', 2)$$,
  $$values ('provider_keys', '11'), ('provider_keys', '12')$$, 'Stale secrets come in order of their ids, a batch after an id');
select is(
  public.replace_secrets($$[
    {"table_name": "pgtap_secrets", "id": "00000000-0000-4000-8000-000000000010", "ciphertext": "a.b", "replacement": "x.b", "key_version": 2},
    {"table_name": "pgtap_secrets", "id": "00000000-0000-4000-8000-000000000019", "ciphertext": "old", "replacement": "y", "key_version": 3},
    {"table_name": "organizations", "id": "00000000-0000-4000-8000-000000000001", "ciphertext": "a", "replacement": "b", "key_version": 2}]$$),
  1, 'What changed meanwhile is not replaced, nor what is no secret');
select results_eq('select ciphertext, key_version from public.pgtap_secrets order by id', $$values ('x.b', 2), ('c.d', 2)$$, 'The rest is');

-- Who leaves ----------------------------------------------------------------------------------

delete from public.memberships where user_id = 'b0000000-0000-4000-8000-000000000000' and organization_id = '00000000-0000-4000-8000-000000000001';
select results_eq(
  $$select right(id::text, 2) from public.provider_keys where provider = 'openai' order by id$$, $$values ('12'), ('13')$$,
  'Who leaves an organization leaves no provider key in it');
select is(pg_temp.code(1) || ' ' || pg_temp.code(5), 'REVOKED REVOKED', 'And no issued one, not in its grace either');
insert into public.memberships (organization_id, user_id, status) values ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'active');
select is(pg_temp.code(5), 'REVOKED', 'Nothing comes alive again when they return');

select * from finish();
rollback;
