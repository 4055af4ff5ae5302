-- Audit: what the trigger writes, what it leaves out, that nobody changes the log, and what seals show.
begin;
create extension if not exists pgtap with schema extensions;
select plan(36);

create function pg_temp.as_user(user_id uuid, statement text) returns text language plpgsql as $$
declare
  answer text;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', user_id, 'role', 'authenticated')::text, true);
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
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'owner', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'owner', 'active');

create temporary view entry as
  select * from public.audit_logs where organization_id = '00000000-0000-4000-8000-000000000001';

-- What is written -----------------------------------------------------------------------------

select set_eq(
  $$select action_type::text, entity_type, count(*) from entry group by 1, 2$$,
  $$values ('CREATE', 'organization', 1::bigint), ('CREATE', 'membership', 2)$$,
  'Each new row is one entry, and counters make none');
select results_eq(
  $$select actor_type::text, actor_id, entity_id, details -> 'new' ->> 'name' from entry where entity_type = 'organization'$$,
  $$values ('system', null::uuid, '00000000-0000-4000-8000-000000000001'::uuid, 'Team')$$,
  'A change past the API is the system''s');
select set_config('request.headers', '{"x-forwarded-for": "203.0.113.7, 10.0.0.1", "user-agent": "pgTAP", "x-request-id": "r-1"}', true);
select lives_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'update public.organizations set name = ''New'' where id = ''00000000-0000-4000-8000-000000000001'' returning id')$$,
  'The owner renames the team');
select results_eq(
  $$select actor_type::text, actor_id, details -> 'old' ->> 'name', details -> 'new' ->> 'name', details -> 'changed'
    from entry where action_type = 'UPDATE'$$,
  $$values ('user', 'a0000000-0000-4000-8000-000000000000'::uuid, 'Team', 'New', '["name"]'::jsonb)$$,
  'A change tells who, and what was and is');
select results_eq(
  $$select ip_address, user_agent, request_id from entry where action_type = 'UPDATE'$$,
  $$values ('203.0.113.7'::inet, 'pgTAP'::text, 'r-1'::text)$$,
  'A change tells from where');
update public.organizations set name = name where id = '00000000-0000-4000-8000-000000000001';
select is(
  (select count(*) from entry where action_type = 'UPDATE'), 1::bigint,
  'A change that changes nothing is none');
select set_config('request.headers', '{"x-forwarded-for": "no address"}', true);
delete from public.memberships where user_id = 'b0000000-0000-4000-8000-000000000000'
  and organization_id = '00000000-0000-4000-8000-000000000001';
select results_eq(
  $$select ip_address, details -> 'old' ->> 'role', details ? 'new' from entry where action_type = 'DELETE'$$,
  $$values (null::inet, 'member', false)$$,
  'A removal keeps what was, and a header that lies is no reason to fail');

-- Secrets -------------------------------------------------------------------------------------

insert into public.pipelines (id, organization_id, name)
values ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'P');
insert into public.pipeline_triggers (id, pipeline_id, type, scheme, created_by) values
  ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000003', 'webhook', 'standard',
    'a0000000-0000-4000-8000-000000000000');
insert into public.trigger_secrets (trigger_id, ciphertext, key_version)
values ('00000000-0000-4000-8000-000000000004', 'hush', 1);
select is(
  (select details -> 'new' ? 'key_version' and not details -> 'new' ? 'ciphertext'
   from entry where entity_type = 'trigger_secret'),
  true, 'A secret is left out of its entry');

-- Nobody changes the log ----------------------------------------------------------------------

select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'update public.audit_logs set details = ''{}'' returning id')$$,
  '42501', null, 'An owner can''t change it');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', 'delete from public.audit_logs returning id')$$,
  '42501', null, 'An owner can''t shorten it');
select is_empty(
  $$select r, p from unnest(array['anon', 'authenticated', 'service_role']) r
    cross join unnest(array['insert', 'update', 'delete', 'truncate']) p
    where has_table_privilege(r, 'public.audit_logs', p)$$,
  'No role of the API may write it');
select is_empty(
  $$select r, i.inhrelid::regclass from pg_inherits i cross join unnest(array['anon', 'authenticated', 'service_role']) r
    where i.inhparent = 'public.audit_logs'::regclass
      and has_table_privilege(r, i.inhrelid, 'select, insert, update, delete, truncate')$$,
  'Nor a partition of it');
select cmp_ok(
  (select count(*) from pg_inherits where inhparent = 'public.audit_logs'::regclass), '>=', 5::bigint,
  'There are partitions for months to come');

-- Who reads it --------------------------------------------------------------------------------

insert into public.memberships (organization_id, user_id, status) values
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'active');
select is(
  pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select count(*) from public.audit_logs where organization_id = ''00000000-0000-4000-8000-000000000001'''),
  (select count(*)::text from entry), 'An owner reads the whole log');
select is(
  pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'select count(*) from public.audit_logs where organization_id = ''00000000-0000-4000-8000-000000000001'''),
  '0', 'A member reads their own actions alone');
select is(
  pg_temp.as_user('c0000000-0000-4000-8000-000000000000',
    'select count(*) from public.audit_logs where organization_id = ''00000000-0000-4000-8000-000000000001'''),
  '0', 'A stranger reads nothing');
select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
  'select public.log_audit_read(''{"q": "x"}'', ''00000000-0000-4000-8000-000000000001'')');
select results_eq(
  $$select actor_id, entity_type, details from entry where action_type = 'READ'$$,
  $$values ('a0000000-0000-4000-8000-000000000000'::uuid, 'audit_log'::text, '{"filters": {"q": "x"}}'::jsonb)$$,
  'Reading the log is logged');

-- Seals ---------------------------------------------------------------------------------------

-- As if nothing had been sealed yet: rows of this very transaction can't be, those of another day can.
delete from private.audit_horizons;
insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, entity_name, occurred_at)
select '00000000-0000-4000-8000-000000000001', 'system', 'CREATE', 'test', n::text, now() - interval '100 days'
from generate_series(1, 50) n;
select is(
  (select array_agg(entity_name order by id) from entry where entity_type = 'test'),
  (select array_agg(n::text) from generate_series(1, 50) n),
  'Of rows of one moment the id tells which came first');
select is(
  (select count(*) from entry where id::text !~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'), 0::bigint,
  'It is a UUID of version 7');
select cmp_ok(private.seal_audit_logs(), '>=', 50, 'What nothing can be added to any more is sealed');
select is(private.seal_audit_logs(), 0, 'And not twice');
create temporary view seal as
  select * from public.audit_seals where organization_id = '00000000-0000-4000-8000-000000000001';
select results_eq(
  $$select row_count, digest = private.audit_seal_digest(seal::public.audit_seals), previous_digest
    from public.audit_seals seal where organization_id = '00000000-0000-4000-8000-000000000001' order by sequence desc limit 1$$,
  $$values (50, true, null::text)$$,
  'A seal holds its rows and the one before');
create function pg_temp.found(member text) returns jsonb language sql as $$
  select pg_temp.as_user((member || '0000000-0000-4000-8000-000000000000')::uuid,
    'select public.verify_audit_seals(''00000000-0000-4000-8000-000000000001'')')::jsonb
$$;
select is(
  pg_temp.found('a') - 'sealed_until',
  '{"rows_checked": 50, "seals_checked": 1, "rows_expired": 0, "last_sequence": 1, "is_complete": true, "first_broken": null}',
  'The owner finds the log as it was sealed');
select throws_ok($$select pg_temp.found('b')$$, 'PT403', null, 'A member may not look');
select throws_ok($$select pg_temp.found('c')$$, 'PT404', null, 'For a stranger there is nothing');
update public.audit_logs set entity_name = 'x' where entity_type = 'test' and entity_name = '7';
select is(
  pg_temp.found('a') -> 'first_broken',
  (select jsonb_build_object('sequence', 1, 'audit_log_id', id, 'reason', 'edited') from entry where entity_name = 'x'),
  'An edited row is named');
update public.audit_logs set entity_name = '7' where entity_name = 'x';
select is(pg_temp.found('a') -> 'first_broken', 'null', 'Put right, it is as it was');
select is_empty(
  $$select r, t, p from unnest(array['anon', 'authenticated', 'service_role']) r
    cross join unnest(array['public.audit_seals', 'private.audit_seal_rows', 'private.audit_horizons', 'private.jobs']) t
    cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate']) p
    where has_table_privilege(r, t, p) and not (t = 'public.audit_seals' and p = 'select' and r <> 'anon')$$,
  'No role of the API writes seals, or reads what they are made of');
select is_empty(
  $$select r, p.oid::regprocedure from unnest(array['anon', 'authenticated', 'service_role']) r
    cross join pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'private' and (p.proname ~ '^(seal|expire|drop|ensure|append|add)_.*audit|_jobs?$|^find_broken_row$')
      and has_function_privilege(r, p.oid, 'execute')$$,
  'Nor seals, removes or runs jobs');

-- Keeping -------------------------------------------------------------------------------------

select throws_ok(
  $$update public.organizations set audit_retention_days = 29 where id = '00000000-0000-4000-8000-000000000001'$$,
  '23514', null, 'Nobody keeps a log for less than 30 days');
select private.expire_audit_logs();
select is((select count(*) from entry where entity_type = 'test'), 50::bigint, 'A year is kept unless told');
update public.organizations set audit_retention_days = 30 where id = '00000000-0000-4000-8000-000000000001';
select private.expire_audit_logs();
select is((select count(*) from entry where entity_type = 'test'), 0::bigint, 'What is older than told goes');
select is(
  (select count(*) from seal where expired_at is not null), 1::bigint, 'Its seal stays');
select results_eq(
  $$select actor_type::text, details from entry where action_type = 'DELETE' and entity_type = 'audit_log'$$,
  $$values ('system', '{"row_count": 50, "through_sequence": 1}'::jsonb)$$,
  'The log tells of it');
select is(
  pg_temp.found('a') - 'sealed_until',
  '{"rows_checked": 0, "seals_checked": 1, "rows_expired": 50, "last_sequence": 1, "is_complete": true, "first_broken": null}',
  'The chain still holds');
delete from public.audit_logs where action_type = 'DELETE' and entity_type = 'audit_log';
select is(
  pg_temp.found('a') -> 'first_broken' ->> 'reason', 'seal_edited',
  'Rows that go without the log telling of it are missed');

select * from finish();
rollback;
