-- Conversations (domain llm-assistant): a user's exchanges with models, each a tree of messages.
--
-- A turn is two commands, each one transaction as the caller under RLS: `begin_turn` stores what the user
-- says before a provider is asked, `finish_turn` stores the answer as a whole. A worker killed between them
-- leaves a turn without an answer, which a retry with the same Idempotency-Key takes up again.
--
-- A conversation is its user's own. An admin of the organization sees that there is one, and may remove it;
-- what was said they read through `list_messages` alone, which logs it. Nobody writes into another's. The
-- steps of pipelines see none at all: any member could have written what a step does.
--
-- Security definer functions, and why they must be:
--   private.count_messages   message_count is not the user's to write
--   private.read_messages    what an admin reads is logged, so no policy lets them read; checks the access
--   private.discard_turn     messages are never removed by themselves, but for a turn that was refused

-- Tables --------------------------------------------------------------------------------------

create type public.conversation_status as enum ('active', 'completed', 'archived');
create type public.message_role as enum ('system', 'user', 'assistant', 'tool');
create type public.message_status as enum ('complete', 'partial', 'failed');

create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null default private.current_user_id() references auth.users (id) on delete cascade,
  project_id uuid,
  assistant_id uuid references public.assistants (id) on delete set null,
  title text check (title = btrim(title) and char_length(title) between 1 and 500),
  subject text check (char_length(subject) <= 2000),
  status public.conversation_status not null default 'active',
  message_count integer not null default 0 check (message_count >= 0),
  current_message_id uuid,
  context jsonb not null default '{}' check (jsonb_typeof(context) = 'object' and octet_length(context::text) <= 65536),
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
  last_message_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, organization_id, user_id),
  foreign key (project_id, organization_id) references public.projects (id, organization_id) on delete set null (project_id)
);
comment on table public.conversations is 'A user''s exchange with a model. It is theirs alone, also within the organization.';
comment on column public.conversations.title is 'Made after the first turn, unless its user has named it.';
comment on column public.conversations.message_count is 'Messages of all branches; kept by a trigger.';
comment on column public.conversations.current_message_id is 'The last message of the branch that is shown; set to another message, it is the newest leaf below that.';
comment on column public.conversations.context is 'What it is about: ids of a table, a column, documents.';
comment on column public.conversations.settings is '{model, temperature, max_tokens}: what its turns are asked with, where neither they nor an assistant say otherwise.';
comment on column public.conversations.last_message_at is 'When something was last said; lists are in this order.';
create index conversations_list_idx on public.conversations (organization_id, user_id, last_message_at desc, id desc);
create index conversations_user_idx on public.conversations (user_id);
create index conversations_project_idx on public.conversations (project_id, organization_id);
create index conversations_assistant_idx on public.conversations (assistant_id);
create index conversations_current_idx on public.conversations (current_message_id, id);

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  sequence bigint not null generated always as identity,
  organization_id uuid not null default private.inherited(),
  user_id uuid not null default private.inherited(),
  conversation_id uuid not null,
  parent_id uuid,
  depth integer not null default 0,
  role public.message_role not null,
  content text not null default '' check (octet_length(content) <= 1048576),
  parts jsonb check (jsonb_typeof(parts) = 'array' and octet_length(parts::text) <= 8388608),
  tool_calls jsonb check (jsonb_typeof(tool_calls) = 'array' and octet_length(tool_calls::text) <= 1048576),
  tool_call_id text check (char_length(tool_call_id) between 1 and 200),
  model text check (char_length(model) <= 200),
  provider text check (char_length(provider) <= 200),
  input_tokens integer check (input_tokens >= 0),
  cached_tokens integer check (cached_tokens >= 0),
  output_tokens integer check (output_tokens >= 0),
  reasoning_tokens integer check (reasoning_tokens >= 0),
  cost numeric check (cost >= 0),
  response_time_ms integer check (response_time_ms >= 0),
  status public.message_status not null default 'complete',
  feedback smallint check (feedback in (-1, 1)),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 65536),
  size_bytes integer not null generated always as (octet_length(content)
    + coalesce(octet_length(parts::text), 0) + coalesce(octet_length(tool_calls::text), 0)) stored,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now(),
  constraint feedback_is_on_answers check (feedback is null or role = 'assistant'),
  constraint tools_answer_calls check ((role = 'tool') = (tool_call_id is not null)),
  constraint assistants_call_tools check (tool_calls is null or role = 'assistant'),
  unique (id, conversation_id),
  foreign key (organization_id, user_id, conversation_id)
    references public.conversations (organization_id, user_id, id) on delete cascade,
  foreign key (parent_id, conversation_id) references public.messages (id, conversation_id)
);
comment on table public.messages is
  'The messages of a conversation, a tree: one with an older parent''s other children beside it is another version. Never changed, but for feedback.';
comment on column public.messages.sequence is 'The order in which messages were stored.';
comment on column public.messages.user_id is 'The conversation''s; may be left out, as may organization_id.';
comment on column public.messages.parent_id is 'The message that it follows; there before it and never changed, so that no circle can close.';
comment on column public.messages.depth is 'How many messages come before it in its branch; set by a trigger.';
comment on column public.messages.content is 'Its text; for several parts, their text.';
comment on column public.messages.parts is 'OpenAI''s content parts, where it is not plain text.';
comment on column public.messages.tool_calls is 'What an assistant calls, in OpenAI''s form.';
comment on column public.messages.cost is 'In US dollars; null where no price is known. What an organization pays is told by usage_events.';
comment on column public.messages.status is 'partial: it broke off; failed: nothing useful came.';
comment on column public.messages.feedback is 'Its user''s thumb: up (1) or down (-1).';
create index messages_conversation_idx on public.messages (conversation_id, sequence);
create index messages_siblings_idx on public.messages (conversation_id, parent_id, sequence);
create index messages_parent_idx on public.messages (parent_id, conversation_id);
create index messages_owner_idx on public.messages (organization_id, user_id, conversation_id);

alter table public.conversations add foreign key (current_message_id, id)
  references public.messages (id, conversation_id) on delete set null (current_message_id);

create table public.conversation_turns (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  user_id uuid not null,
  conversation_id uuid not null,
  base_id uuid,
  leaf_id uuid not null,
  shown_id uuid not null,
  answer_id uuid,
  began_conversation boolean not null default false,
  idempotency_key text check (char_length(idempotency_key) between 1 and 255),
  request_hash text check (request_hash ~ '^[0-9a-f]{64}$'),
  locked_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, user_id, idempotency_key),
  foreign key (conversation_id, organization_id, user_id)
    references public.conversations (id, organization_id, user_id) on delete cascade,
  foreign key (leaf_id, conversation_id) references public.messages (id, conversation_id) on delete cascade,
  foreign key (answer_id, conversation_id) references public.messages (id, conversation_id) on delete set null (answer_id)
);
comment on table public.conversation_turns is
  'What makes a turn safe to send twice: which message is to be answered, and which one is the answer.';
comment on column public.conversation_turns.base_id is 'The message before the turn''s own ones.';
comment on column public.conversation_turns.leaf_id is 'The message that the answer follows.';
comment on column public.conversation_turns.shown_id is 'The end of the shown branch when it began: who looks elsewhere since is left there.';
comment on column public.conversation_turns.answer_id is 'The last message of the answer; null until there is one.';
comment on column public.conversation_turns.request_hash is 'SHA-256 of the request, hex.';
comment on column public.conversation_turns.locked_until is 'A request works on it until then; a killed one is taken over after it.';
create index conversation_turns_conversation_idx on public.conversation_turns (conversation_id, organization_id, user_id);
create index conversation_turns_leaf_idx on public.conversation_turns (leaf_id, conversation_id);
create index conversation_turns_answer_idx on public.conversation_turns (answer_id, conversation_id);

-- Functions: the tree -------------------------------------------------------------------------

create function private.check_conversation() returns trigger
language plpgsql set search_path = '' as $$
declare
  is_new constant boolean := tg_op = 'INSERT';
begin
  -- Runs as the caller: what RLS hides does not exist.
  if new.project_id is not null and (is_new or new.project_id is distinct from old.project_id) and not exists (
    select from public.projects p where p.id = new.project_id and p.organization_id = new.organization_id) then
    perform private.raise_error(404, 'not_found', format('No project with id %s', new.project_id));
  end if;
  if new.assistant_id is not null and (is_new or new.assistant_id is distinct from old.assistant_id)
    and current_user = 'authenticated' then
    -- Refuses what the caller does not see; a public one of another organization is seen by all.
    perform public.get_assistant(new.assistant_id);
  end if;
  if new.current_message_id is not null and (is_new or new.current_message_id is distinct from old.current_message_id) then
    if not exists (
      select from public.messages m where m.id = new.current_message_id and m.conversation_id = new.id) then
      perform private.raise_error(404, 'not_found', format('The conversation has no message with id %s', new.current_message_id));
    end if;
    with recursive newest (id, step) as (
      select new.current_message_id, 0
      union all
      select (select m.id from public.messages m
        where m.conversation_id = new.id and m.parent_id = n.id order by m.sequence desc limit 1), n.step + 1
      from newest n where n.id is not null
    )
    select n.id into new.current_message_id from newest n where n.id is not null order by n.step desc limit 1;
  end if;
  return new;
end $$;
comment on function private.check_conversation is
  'What a conversation names is there for its user; the branch that is shown goes to its end.';

create function private.place_message() returns trigger
language plpgsql set search_path = '' as $$
declare
  conversation public.conversations;
begin
  select c.* into conversation from public.conversations c where c.id = new.conversation_id;
  if not found then
    perform private.raise_error(404, 'not_found', format('No conversation with id %s', new.conversation_id));
  -- An answer that was on its way when its conversation was archived is not lost.
  elsif conversation.status = 'archived' and new.role in ('system', 'user') then
    perform private.raise_error(409, 'conversation_archived', 'The conversation is archived: make it active again first');
  end if;
  new.organization_id := conversation.organization_id;
  new.user_id := conversation.user_id;
  new.depth := 0;
  if new.parent_id is not null then
    select m.depth + 1 into new.depth from public.messages m
    where m.id = new.parent_id and m.conversation_id = new.conversation_id;
    if not found then
      perform private.raise_error(404, 'not_found', format('The conversation has no message with id %s', new.parent_id));
    end if;
  end if;
  return new;
end $$;
comment on function private.place_message is
  'A message belongs to its conversation''s user, and follows one that is there already: so the messages are a tree.';

create function private.count_messages() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.conversations c set
    message_count = c.message_count + case tg_op when 'INSERT' then n.rows else -n.rows end,
    last_message_at = case tg_op when 'INSERT' then clock_timestamp() else c.last_message_at end
  from (select r.conversation_id, count(*) as rows from changed_rows r group by r.conversation_id) n
  where c.id = n.conversation_id;
  return null;
end $$;
comment on function private.count_messages is 'Keeps message_count and last_message_at, once a statement.';

create function private.message_json(message public.messages) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(message) - '{organization_id,user_id,sequence,size_bytes,updated_at}'::text[]
$$;
comment on function private.message_json is 'A message as the API shows it.';

create function private.history(leaf_id uuid, max_bytes integer default 4194304)
returns table (messages jsonb, omitted_count integer)
language sql stable set search_path = '' as $$
  -- offset 0, here and below: from parent to parent by the key. A join would read all of the user's messages for
  -- each where a table has grown since its statistics were made.
  with recursive branch as (
    select m.id, m.parent_id, m.depth, m.role, m.status, m.size_bytes from public.messages m where m.id = leaf_id
    union all
    select m.id, m.parent_id, m.depth, m.role, m.status, m.size_bytes
    from branch b cross join lateral (select * from public.messages m where m.id = b.parent_id offset 0) m
  ), told as (
    -- A failed answer is no part of what was said. What begins as a system message holds for all that follows.
    select b.id, b.depth, b.depth = 0 and b.role = 'system'
      or sum(b.size_bytes) over (order by b.depth desc) <= max_bytes or b.id = leaf_id as fits
    from branch b where b.status <> 'failed'
  )
  select coalesce(jsonb_agg(private.message_json(m) order by t.depth) filter (where t.fits), '[]'),
    (count(*) filter (where not t.fits))::integer
  from told t cross join lateral (select * from public.messages m where m.id = t.id offset 0) m
$$;
comment on function private.history is
  'The branch that ends in a message, first message first; the oldest are left out where it is longer than max_bytes.';

create function private.answer_of(leaf_id uuid, answer_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  with recursive answer as (
    select m.id, m.parent_id, m.depth from public.messages m where m.id = answer_id
    union all
    select m.id, m.parent_id, m.depth
    from answer a cross join lateral (select * from public.messages m where m.id = a.parent_id offset 0) m
    where a.parent_id <> leaf_id
  )
  select coalesce(jsonb_agg(private.message_json(m) order by m.depth), '[]')
  from answer a cross join lateral (select * from public.messages m where m.id = a.id offset 0) m
$$;
comment on function private.answer_of is 'The messages of an answer: what comes below the leaf, down to the answer''s last one.';

-- Functions: turns ----------------------------------------------------------------------------

create function private.append_messages(conversation_id uuid, parent_id uuid, items jsonb, is_answer boolean)
returns uuid language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  item jsonb;
  item_id uuid;
  role text;
begin
  for item in select i.value from jsonb_array_elements(items) with ordinality i order by i.ordinality loop
    item_id := gen_random_uuid();
    role := item ->> 'role';
    if role is null or role not in ('system', 'user', 'assistant', 'tool')
      or (is_answer and role not in ('assistant', 'tool')) then
      perform private.raise_error(422, 'validation_failed', format('%s is no role that fits here', coalesce(quote_literal(role), 'null')), 'messages');
    end if;
    insert into public.messages (id, conversation_id, parent_id, role, content, parts, tool_calls, tool_call_id, metadata,
      model, provider, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost, response_time_ms, status)
    select item_id, conversation_id, parent_id, role::public.message_role, coalesce(r.content, ''),
      nullif(r.parts, 'null'), nullif(r.tool_calls, 'null'), r.tool_call_id, coalesce(nullif(r.metadata, 'null'), '{}'),
      r.model, r.provider, r.input_tokens, r.cached_tokens, r.output_tokens, r.reasoning_tokens, r.cost, r.response_time_ms,
      case when is_answer then coalesce(r.status, 'complete') else 'complete' end
    from jsonb_to_record(item) r (content text, parts jsonb, tool_calls jsonb, tool_call_id text, metadata jsonb,
      model text, provider text, input_tokens integer, cached_tokens integer, output_tokens integer,
      reasoning_tokens integer, cost numeric, response_time_ms integer, status public.message_status);
    parent_id := item_id;
  end loop;
  return parent_id;
end $$;
comment on function private.append_messages is 'Stores messages, each the next one''s parent; the id of the last one.';

create function private.parent_of_turn(conversation public.conversations, request jsonb)
returns uuid language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
declare
  regenerated constant uuid := (request ->> 'regenerate_id')::uuid;
  parent uuid := (request ->> 'parent_id')::uuid;
begin
  if regenerated is not null then
    if not exists (select from public.messages m
      where m.id = regenerated and m.conversation_id = conversation.id and m.role = 'assistant') then
      perform private.raise_error(404, 'not_found', format('The conversation has no answer with id %s', regenerated));
    end if;
    -- An answer may be several messages, calls of tools among them: what it answers is above them all.
    with recursive above as (
      select p.id, p.parent_id, p.depth, p.role from public.messages m join public.messages p on p.id = m.parent_id
      where m.id = regenerated
      union all
      select p.id, p.parent_id, p.depth, p.role
      from above a cross join lateral (select * from public.messages p where p.id = a.parent_id offset 0) p
      where a.role not in ('user', 'system')
        and not exists (select from public.conversation_turns t where t.leaf_id = a.id and t.conversation_id = conversation.id)
    )
    select a.id into parent from above a order by a.depth limit 1;
    if parent is null then
      perform private.raise_error(422, 'validation_failed', 'There is nothing above this message that could be answered anew', 'regenerate_id');
    end if;
    return parent;
  elsif request ? 'parent_id' then
    return parent;
  end if;
  -- What is being answered at this moment is not a part of what the new turn follows: the two stand side by side.
  select t.base_id into parent from public.conversation_turns t
  where t.leaf_id = conversation.current_message_id and t.conversation_id = conversation.id
    and t.answer_id is null and t.locked_until > clock_timestamp();
  return case when found then parent else conversation.current_message_id end;
end $$;
comment on function private.parent_of_turn is 'The message that a turn follows, or that it answers anew.';

create function private.show_turn(turn public.conversation_turns, is_new boolean, in_flight boolean)
returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'turn_id', turn.id, 'conversation', to_jsonb(c), 'history', h.messages, 'omitted_count', h.omitted_count,
    'leaf_id', turn.leaf_id,
    'answer', case when turn.answer_id is not null then private.answer_of(turn.leaf_id, turn.answer_id) end,
    'is_new', is_new, 'in_flight', in_flight)
  from public.conversations c cross join private.history(turn.leaf_id) h
  where c.id = turn.conversation_id
$$;
comment on function private.show_turn is 'What begin_turn answers.';

create function private.resume_turn(turn public.conversation_turns, request_hash text) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_variable
declare
  is_held boolean;
begin
  if turn.request_hash <> request_hash then
    perform private.raise_error(422, 'idempotency_key_reused', 'This Idempotency-Key came with another request before');
  end if;
  -- What broke off is no answer: another one comes to stand beside it.
  if not exists (select from public.messages m where m.id = turn.answer_id and m.status = 'complete') then
    turn.answer_id := null;
  end if;
  is_held := turn.answer_id is null and coalesce(turn.locked_until > clock_timestamp(), false);
  if turn.answer_id is null and not is_held then
    update public.conversation_turns t set locked_until = clock_timestamp() + interval '150 seconds' where t.id = turn.id;
  end if;
  return private.show_turn(turn, false, is_held);
end $$;
comment on function private.resume_turn is
  'A key that came before: its answer, or the turn to be answered by whoever is the first to take it up.';

create function public.begin_turn(request jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  caller constant uuid := auth.uid();
  organization uuid;
  key constant text := request ->> 'idempotency_key';
  hash constant text := coalesce(request ->> 'fingerprint',
    encode(sha256(convert_to((request - 'idempotency_key')::text, 'UTF8')), 'hex'));
  items constant jsonb := coalesce(nullif(request -> 'messages', 'null'), '[]');
  is_anew constant boolean := request ->> 'regenerate_id' is not null;
  conversation public.conversations;
  turn public.conversation_turns;
  known public.conversation_turns;
begin
  if caller is null then
    perform private.raise_error(401, 'unauthorized', 'Only a user has conversations');
  end if;
  organization := private.require_organization((request ->> 'organization_id')::uuid, 'member');
  if jsonb_typeof(items) <> 'array' or jsonb_array_length(items) > 1000 or is_anew = (jsonb_array_length(items) > 0) then
    perform private.raise_error(422, 'validation_failed', 'A turn has 1 to 1000 messages, and none to answer anew', 'messages');
  elsif is_anew and request ->> 'conversation_id' is null then
    perform private.raise_error(422, 'validation_failed', 'An answer is one of a conversation', 'conversation_id');
  elsif char_length(key) not between 1 and 255 then
    perform private.raise_error(422, 'validation_failed', 'An Idempotency-Key has 1 to 255 characters', 'idempotency_key');
  end if;

  if key is not null then
    -- Of two at once, the second waits here and finds what the first has stored.
    perform pg_advisory_xact_lock(hashtextextended(organization || '/' || caller || '/' || key, 760));
    select t.* into known from public.conversation_turns t
    where t.organization_id = organization and t.user_id = caller and t.idempotency_key = key;
    if found then
      return private.resume_turn(known, hash);
    end if;
  end if;

  if request ->> 'conversation_id' is null then
    insert into public.conversations (organization_id, project_id, assistant_id, context)
    values (organization, (request ->> 'project_id')::uuid, (request ->> 'assistant_id')::uuid,
      coalesce(nullif(request -> 'context', 'null'), '{}'))
    returning * into conversation;
    turn.began_conversation := true;
  else
    -- Turns of one conversation begin one after the other. An admin sees others' conversations, and may not go on with them.
    select c.* into conversation from public.conversations c
    where c.id = (request ->> 'conversation_id')::uuid and c.organization_id = organization and c.user_id = caller
    for no key update;
    if not found then
      perform private.raise_error(404, 'not_found', format('No conversation with id %s', request ->> 'conversation_id'));
    elsif conversation.status = 'archived' then
      perform private.raise_error(409, 'conversation_archived', 'The conversation is archived: make it active again first');
    end if;
  end if;

  turn.base_id := private.parent_of_turn(conversation, request);
  turn.leaf_id := private.append_messages(conversation.id, turn.base_id, items, false);
  turn.shown_id := case when is_anew then conversation.current_message_id else turn.leaf_id end;
  insert into public.conversation_turns (organization_id, user_id, conversation_id, base_id, leaf_id, shown_id,
    began_conversation, idempotency_key, request_hash, locked_until)
  values (organization, caller, conversation.id, turn.base_id, turn.leaf_id, turn.shown_id,
    coalesce(turn.began_conversation, false), key, hash, clock_timestamp() + interval '150 seconds')
  returning * into turn;
  update public.conversations c set
    current_message_id = turn.shown_id,
    status = 'active',
    project_id = coalesce((request ->> 'project_id')::uuid, c.project_id),
    assistant_id = coalesce((request ->> 'assistant_id')::uuid, c.assistant_id),
    context = coalesce(nullif(request -> 'context', 'null'), c.context)
  where c.id = conversation.id;
  return private.show_turn(turn, true, false);
end $$;
comment on function public.begin_turn is
  'Stores what the user says and returns what is to be answered: {turn_id, conversation, history, omitted_count, leaf_id, answer, is_new, in_flight}. The same idempotency_key stores nothing twice.';

create function public.finish_turn(request jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  turn public.conversation_turns;
  items constant jsonb := coalesce(nullif(request -> 'messages', 'null'), '[]');
  named constant text := nullif(btrim(left(btrim(request ->> 'title'), 500)), '');
  answer uuid;
begin
  select t.* into turn from public.conversation_turns t where t.id = (request ->> 'turn_id')::uuid for no key update;
  if not found then
    perform private.raise_error(404, 'not_found', format('No turn with id %s', request ->> 'turn_id'));
  elsif exists (select from public.messages m where m.id = turn.answer_id and m.status = 'complete') then
    return jsonb_build_object('messages', private.answer_of(turn.leaf_id, turn.answer_id), 'is_new', false);
  elsif jsonb_array_length(items) = 0 then
    update public.conversation_turns t set locked_until = null where t.id = turn.id;
    return jsonb_build_object('messages', items, 'is_new', false);
  end if;
  answer := private.append_messages(turn.conversation_id, turn.leaf_id, items, true);
  update public.conversation_turns t set answer_id = answer, locked_until = null where t.id = turn.id;
  update public.conversations c set
    -- Who has gone to another branch meanwhile is not taken away from it.
    current_message_id = case when c.current_message_id in (turn.shown_id, turn.answer_id) then answer else c.current_message_id end,
    title = coalesce(c.title, named)
  where c.id = turn.conversation_id;
  return jsonb_build_object('messages', private.answer_of(turn.leaf_id, answer), 'is_new', true);
end $$;
comment on function public.finish_turn is
  'Stores a turn''s answer {turn_id, messages, title?}, once: a second one gets the first''s messages. Without messages it lets go of the turn.';

create function private.discard_turn(turn_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  turn public.conversation_turns;
  shown uuid;
  own uuid[];
begin
  select t.* into turn from public.conversation_turns t
  where t.id = turn_id and (t.user_id = auth.uid() or current_setting('role', true) = 'service_role')
    and auth.jwt() ->> 'step_id' is null
  for update;
  if not found then
    perform private.raise_error(404, 'not_found', format('No turn with id %s', turn_id));
  end if;
  select c.current_message_id into shown from public.conversations c where c.id = turn.conversation_id for update;
  with recursive said as (
    select m.id, m.parent_id from public.messages m where m.id = turn.leaf_id and turn.leaf_id is distinct from turn.base_id
    union all
    select m.id, m.parent_id from said s join public.messages m on m.id = s.parent_id
    where s.parent_id is distinct from turn.base_id
  )
  select coalesce(array_agg(s.id), '{}') into own from said s;
  if turn.answer_id is not null
    or exists (select from public.messages m where m.parent_id = any (own) and m.id <> all (own))
    or exists (select from public.conversation_turns t where t.leaf_id = any (own) and t.id <> turn.id) then
    return false;
  end if;
  delete from public.conversation_turns t where t.id = turn.id;
  delete from public.messages m where m.id = any (own);
  if turn.began_conversation and not exists (select from public.messages m where m.conversation_id = turn.conversation_id) then
    delete from public.conversations c where c.id = turn.conversation_id;
  elsif shown = any (own) then
    update public.conversations c set current_message_id = turn.base_id where c.id = turn.conversation_id;
  end if;
  return true;
end $$;
comment on function private.discard_turn is 'Takes back what a turn has stored, where nothing follows from it yet.';

create function public.discard_turn(turn_id uuid) returns boolean
language sql set search_path = '' as $$
  select private.discard_turn(turn_id)
$$;
comment on function public.discard_turn is
  'Takes back a turn that was refused before a provider was asked; false where it was answered or gone on from.';

-- Functions: reading --------------------------------------------------------------------------

create function private.read_messages(
  conversation_id uuid, leaf_id uuid, is_whole boolean, newest_first boolean, after bigint, page_size integer, is_export boolean
) returns jsonb language plpgsql security definer set search_path = '' as $$
#variable_conflict use_variable
declare
  conversation public.conversations;
  leaf uuid;
  page jsonb;
begin
  select c.* into conversation from public.conversations c where c.id = conversation_id
    -- The rules of the tables' policies, said again; and for admins, who read what was said here alone.
    and auth.jwt() ->> 'step_id' is null
    and (c.user_id = auth.uid() and c.organization_id = any (private.organization_ids('member'))
      or c.organization_id = any (private.organization_ids('admin')));
  if not found then
    perform private.raise_error(404, 'not_found', format('No conversation with id %s', conversation_id));
  end if;
  leaf := coalesce(leaf_id, conversation.current_message_id);
  if leaf_id is not null and not exists (
    select from public.messages m where m.id = leaf_id and m.conversation_id = conversation.id) then
    perform private.raise_error(404, 'not_found', format('The conversation has no message with id %s', leaf_id));
  end if;
  if conversation.user_id <> auth.uid() or (is_export and after is null) then
    perform private.append_audit_log(conversation.organization_id, 'READ', 'conversation', conversation.id, null,
      jsonb_build_object('messages', case when is_whole then 'all' else leaf::text end, 'export', is_export));
  end if;

  with recursive branch as (
    select m.id, m.parent_id, m.depth from public.messages m
    where m.id = leaf and m.conversation_id = conversation.id and not is_whole
    union all
    select m.id, m.parent_id, m.depth
    from branch b cross join lateral (select * from public.messages m where m.id = b.parent_id offset 0) m
  ), place as (
    select b.id, b.depth::bigint as position from branch b
    union all
    select m.id, m.sequence from public.messages m where m.conversation_id = conversation.id and is_whole
  ), wanted as (
    select p.id, p.position, row_number() over (order by case when newest_first then -p.position else p.position end) as number
    from place p
    where after is null or case when newest_first then p.position < after else p.position > after end
    order by number limit page_size + 1
  ), sized as materialized (
    -- Messages may be long: a page ends early, after its first one, where it gets too much for a function's memory.
    select w.*, coalesce(sum(m.size_bytes) over (order by w.number rows between unbounded preceding and 1 preceding), 0) < 4194304
      and w.number <= page_size as fits
    from wanted w join public.messages m on m.id = w.id
  )
  select jsonb_build_object(
    'leaf_id', leaf,
    'next', case when count(*) filter (where not s.fits) > 0 then
      case when newest_first then min(s.position) filter (where s.fits) else max(s.position) filter (where s.fits) end end,
    'messages', coalesce(jsonb_agg(private.message_json(m) || jsonb_build_object('sibling_ids', b.ids) order by s.number) filter (where s.fits), '[]'))
  into page
  from sized s join public.messages m on m.id = s.id
  cross join lateral (
    select jsonb_agg(o.id order by o.sequence) as ids from public.messages o
    where o.conversation_id = m.conversation_id
      and case when m.parent_id is null then o.parent_id is null else o.parent_id = m.parent_id end
  ) b;
  return page;
end $$;
comment on function private.read_messages is
  'A page of messages, for their user, and for admins of the organization, whose reading is logged.';

create function public.list_messages(
  conversation_id uuid, leaf_id uuid default null, is_whole boolean default false, newest_first boolean default false,
  after bigint default null, page_size integer default 50, is_export boolean default false
) returns jsonb language plpgsql set search_path = '' as $$
begin
  if page_size not between 1 and 500 then
    perform private.raise_error(422, 'validation_failed', 'A page has 1 to 500 messages', 'page_size');
  end if;
  return private.read_messages(conversation_id, leaf_id, is_whole, newest_first, after, page_size, is_export);
end $$;
comment on function public.list_messages is
  'A page {leaf_id, messages, next} of the shown branch, of the one that ends in leaf_id, or of the whole tree in the order of storing. What an admin reads of another''s, and any export, is logged.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('conversations', '{organization_id,user_id}');
select private.guard_table('messages', '{sequence,organization_id,user_id,conversation_id,parent_id,depth,role,content,parts,tool_calls,
  tool_call_id,model,provider,input_tokens,cached_tokens,output_tokens,reasoning_tokens,cost,response_time_ms,status,metadata}');
select private.guard_table('conversation_turns', '{organization_id,user_id,conversation_id,base_id,leaf_id,shown_id,idempotency_key,request_hash}');
create trigger check_conversation before insert or update of project_id, assistant_id, current_message_id on public.conversations
  for each row execute function private.check_conversation();
create trigger place_message before insert on public.messages
  for each row execute function private.place_message();
create trigger count_new_messages after insert on public.messages
  referencing new table as changed_rows for each statement execute function private.count_messages();
create trigger count_removed_messages after delete on public.messages
  referencing old table as changed_rows for each statement execute function private.count_messages();

-- What it is named by is what was said in it, and that is not for the log.
select private.audit('conversations', 'conversation', '{message_count,current_message_id,last_message_at,title,subject}');

-- RLS -----------------------------------------------------------------------------------------

create policy "A user reads their own conversations, an admin that there are others" on public.conversations
  for select to authenticated
  using (
    (user_id = (select auth.uid()) and ((select auth.jwt()) ->> 'step_id') is null
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
    or organization_id = any ((select private.organization_ids('admin'))::uuid[])
  );
create policy "A user begins conversations of their own" on public.conversations
  for insert to authenticated
  with check (user_id = (select auth.uid()) and ((select auth.jwt()) ->> 'step_id') is null
    and organization_id = any ((select private.organization_ids('member'))::uuid[]));
create policy "A user changes their own conversations" on public.conversations
  for update to authenticated
  using (user_id = (select auth.uid()) and ((select auth.jwt()) ->> 'step_id') is null
    and organization_id = any ((select private.organization_ids('member'))::uuid[]))
  with check (user_id = (select auth.uid()) and ((select auth.jwt()) ->> 'step_id') is null
    and organization_id = any ((select private.organization_ids('member'))::uuid[]));
create policy "A user removes their own conversations, an admin any" on public.conversations
  for delete to authenticated
  using (
    (user_id = (select auth.uid()) and ((select auth.jwt()) ->> 'step_id') is null
      and organization_id = any ((select private.organization_ids('member'))::uuid[]))
    or organization_id = any ((select private.organization_ids('admin'))::uuid[])
  );

do $$
declare
  name text;
  mine constant text := 'user_id = (select auth.uid()) and ((select auth.jwt()) ->> ''step_id'') is null
    and organization_id = any ((select private.organization_ids(''member''))::uuid[])';
begin
  foreach name in array '{messages,conversation_turns}'::text[] loop
    execute format('create policy %I on public.%I for select to authenticated using (%s)',
      'A user reads their own ' || replace(name, '_', ' '), name, mine);
    execute format('create policy %I on public.%I for insert to authenticated with check (%s)',
      'A user adds their own ' || replace(name, '_', ' '), name, mine);
    execute format('create policy %I on public.%I for update to authenticated using (%s) with check (%s)',
      'A user changes their own ' || replace(name, '_', ' '), name, mine, mine);
  end loop;
end $$;

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.conversations to authenticated;
grant insert (organization_id, project_id, assistant_id, title, subject, context, settings),
  update (title, subject, status, project_id, assistant_id, current_message_id, context, settings)
  on public.conversations to authenticated;
grant select on public.messages to authenticated;
grant insert (id, conversation_id, parent_id, role, content, parts, tool_calls, tool_call_id, model, provider, input_tokens,
    cached_tokens, output_tokens, reasoning_tokens, cost, response_time_ms, status, metadata),
  update (feedback) on public.messages to authenticated;
grant select on public.conversation_turns to authenticated;
grant insert (organization_id, user_id, conversation_id, base_id, leaf_id, shown_id, began_conversation, idempotency_key,
    request_hash, locked_until),
  update (answer_id, locked_until) on public.conversation_turns to authenticated;
grant execute on function private.message_json, private.history, private.answer_of, private.append_messages,
  private.parent_of_turn, private.show_turn, private.resume_turn, private.discard_turn to authenticated, service_role;
grant execute on function private.read_messages to authenticated;
grant execute on function public.finish_turn, public.discard_turn to authenticated, service_role;
grant execute on function public.begin_turn, public.list_messages to authenticated;
