-- Conversations: a tree of messages that never change, counted, and each turn answered once.
begin;
create extension if not exists pgtap with schema extensions;
select plan(24);

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
  ('b0000000-0000-4000-8000-000000000000', 'bob@example.com');
insert into public.organizations (id, name, slug) values ('00000000-0000-4000-8000-000000000001', 'Team', 'pgtap-team');
insert into public.memberships (organization_id, user_id, role, status) values
  ('00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000', 'member', 'active'),
  ('00000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000000', 'admin', 'active');
insert into public.conversations (id, organization_id, user_id) values
  ('00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000'),
  ('00000000-0000-4000-8000-0000000000c2', '00000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000000');
insert into public.messages (id, conversation_id, parent_id, role, content) values
  ('00000000-0000-4000-8000-0000000000e1', '00000000-0000-4000-8000-0000000000c1', null, 'user', 'question'),
  ('00000000-0000-4000-8000-0000000000e2', '00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-0000000000e1', 'assistant', 'answer');

-- The tree ------------------------------------------------------------------------------------

select is(
  (select array_agg(m.depth order by m.sequence) from public.messages m where m.conversation_id = '00000000-0000-4000-8000-0000000000c1'),
  '{0,1}', 'A message knows how many come before it');
select is(
  (select array_agg(distinct m.user_id) from public.messages m where m.conversation_id = '00000000-0000-4000-8000-0000000000c1'),
  '{a0000000-0000-4000-8000-000000000000}', 'and belongs to the conversation''s user');
select is(
  (select c.message_count from public.conversations c where c.id = '00000000-0000-4000-8000-0000000000c1'),
  2, 'Messages are counted');
select throws_ok(
  $$insert into public.messages (conversation_id, parent_id, role)
    values ('00000000-0000-4000-8000-0000000000c2', '00000000-0000-4000-8000-0000000000e1', 'user')$$,
  'PT404', null, 'A parent is one of the same conversation');
select throws_ok(
  $$insert into public.messages (id, conversation_id, parent_id, role)
    values ('00000000-0000-4000-8000-0000000000e9', '00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-0000000000e9', 'user')$$,
  'PT404', null, 'Nobody is their own parent');
select throws_ok(
  $$insert into public.messages (id, conversation_id, parent_id, role) values
    ('00000000-0000-4000-8000-0000000000e8', '00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-0000000000e9', 'user'),
    ('00000000-0000-4000-8000-0000000000e9', '00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-0000000000e8', 'user')$$,
  'PT404', null, 'Two don''t make a circle either');
select throws_ok(
  $$update public.messages set parent_id = null where id = '00000000-0000-4000-8000-0000000000e2'$$,
  'PT409', null, 'A parent stays, whoever asks');
select throws_ok(
  $$update public.messages set content = 'forged' where id = '00000000-0000-4000-8000-0000000000e2'$$,
  'PT409', null, 'So does what was said');
select lives_ok(
  $$update public.messages set feedback = -1 where id = '00000000-0000-4000-8000-0000000000e2'$$, 'but not what is thought of it');
select throws_ok(
  $$update public.messages set feedback = 1 where id = '00000000-0000-4000-8000-0000000000e1'$$,
  '23514', null, 'A question has no thumbs');
select throws_ok(
  $$insert into public.messages (conversation_id, role, content)
    values ('00000000-0000-4000-8000-0000000000c1', 'user', repeat('x', 1048577))$$,
  '23514', null, 'A message has 1 MiB at most');
select throws_ok(
  $$insert into public.messages (conversation_id, role) values ('00000000-0000-4000-8000-0000000000c1', 'tool')$$,
  '23514', null, 'A tool answers a call');
select throws_ok(
  $$update public.conversations set current_message_id = '00000000-0000-4000-8000-0000000000e2'
    where id = '00000000-0000-4000-8000-0000000000c2'$$,
  'PT404', null, 'The branch that is shown is one of the conversation''s own');
update public.conversations set current_message_id = '00000000-0000-4000-8000-0000000000e1'
where id = '00000000-0000-4000-8000-0000000000c1';
select is(
  (select c.current_message_id from public.conversations c where c.id = '00000000-0000-4000-8000-0000000000c1'),
  '00000000-0000-4000-8000-0000000000e2'::uuid, 'and goes to its end');

-- Turns ---------------------------------------------------------------------------------------

create function pg_temp.begin_turn(key text) returns jsonb language sql as $$
  select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', format(
    'select public.begin_turn(jsonb_build_object(''organization_id'', ''00000000-0000-4000-8000-000000000001'',
      ''conversation_id'', ''00000000-0000-4000-8000-0000000000c1'', ''idempotency_key'', %L,
      ''messages'', ''[{"role": "user", "content": "more"}]''::jsonb))', key))::jsonb
$$;
create temporary table turn as select pg_temp.begin_turn('key') as begun;
grant select on turn to authenticated;
select is((select pg_temp.begin_turn('key') ->> 'turn_id'), (select begun ->> 'turn_id' from turn), 'A key is one turn');
select is(
  (select c.message_count from public.conversations c where c.id = '00000000-0000-4000-8000-0000000000c1'),
  3, 'stored once');
create function pg_temp.finish_turn(content text) returns jsonb language sql as $$
  select pg_temp.as_user('a0000000-0000-4000-8000-000000000000', format(
    'select public.finish_turn(jsonb_build_object(''turn_id'', (select begun ->> ''turn_id'' from turn),
      ''messages'', jsonb_build_array(jsonb_build_object(''role'', ''assistant'', ''content'', %L))))', content))::jsonb
$$;
create temporary table finished as select pg_temp.finish_turn('first') as first;
select is((select pg_temp.finish_turn('second') -> 'messages'), (select first -> 'messages' from finished), 'and answered once');
select is((select pg_temp.begin_turn('key') -> 'answer'), (select first -> 'messages' from finished), 'which a retry gets again');
select throws_ok(
  $$select pg_temp.as_user('b0000000-0000-4000-8000-000000000000',
    'select public.begin_turn(''{"organization_id": "00000000-0000-4000-8000-000000000001",
      "conversation_id": "00000000-0000-4000-8000-0000000000c1", "messages": [{"role": "user", "content": "x"}]}'')')$$,
  'PT404', null, 'An admin does not speak in another''s conversation');
select throws_ok(
  $$select pg_temp.as_user('a0000000-0000-4000-8000-000000000000',
    'select public.begin_turn(''{"organization_id": "00000000-0000-4000-8000-000000000001",
      "messages": [{"role": "robot", "content": "x"}]}'')')$$,
  'PT422', null, 'A role is one of four');

-- Removal -------------------------------------------------------------------------------------

select is(
  (select count(*)::integer from private.message_documents d where d.conversation_id = '00000000-0000-4000-8000-0000000000c1'),
  4, 'What was said is in the index of texts');
delete from public.conversations where id = '00000000-0000-4000-8000-0000000000c1';
select is(
  (select count(*)::integer from private.message_documents d where d.conversation_id = '00000000-0000-4000-8000-0000000000c1'),
  0, 'and goes with its conversation');
delete from auth.users where id = 'a0000000-0000-4000-8000-000000000000';
select is_empty(
  $$select from public.conversations where user_id = 'a0000000-0000-4000-8000-000000000000'$$,
  'A user''s conversations go with them');
select is_empty(
  $$select from public.audit_logs l where l.entity_type = 'message' or l.details::text like '%question%'$$,
  'Nothing of it is in the audit log');

select * from finish();
rollback;
