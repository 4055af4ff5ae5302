-- Search over messages (domain llm-assistant): a user's own, by their words and by words that are nearly right.
--
-- Security definer functions, and why they must be:
--   private.index_message    whoever writes a message may not write the index of texts
--   private.search_messages  under RLS a full text search can't use its index; checks the access itself

-- Tables --------------------------------------------------------------------------------------

create table private.message_documents (
  message_id uuid primary key references public.messages (id) on delete cascade,
  organization_id uuid not null,
  user_id uuid not null,
  conversation_id uuid not null,
  role public.message_role not null,
  created_at timestamptz not null,
  text text not null,
  document tsvector not null
);
comment on table private.message_documents is 'The texts of questions and answers as a search compares them; kept by a trigger.';
comment on column private.message_documents.text is 'How it begins, folded: what nearly right words are compared with.';
comment on column private.message_documents.document is
  'Its words, and one that is its owner: the index finds the words of one user''s messages without the others''.';
create index message_documents_owner_idx on private.message_documents (user_id, organization_id, created_at desc);
create index message_documents_document_idx on private.message_documents using gin (document);
create index message_documents_text_idx on private.message_documents using gin (text extensions.gin_trgm_ops);

-- Functions -----------------------------------------------------------------------------------

create function private.owner_word(user_id uuid, organization_id uuid) returns text
language sql immutable set search_path = '' as $$
  select '/' || user_id || '/' || organization_id
$$;
comment on function private.owner_word is 'The word that marks the messages of a user in an organization. No text holds one like it: none begins with a slash.';

create function private.index_message() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  -- A document of words has a greatest size; what comes after that much text is not found by its words.
  folded constant text := left(private.fold_text(left(new.content, 50000)), 100000);
begin
  insert into private.message_documents (message_id, organization_id, user_id, conversation_id, role, created_at, text, document)
  values (new.id, new.organization_id, new.user_id, new.conversation_id, new.role, new.created_at, left(folded, 4000),
    array_to_tsvector(array[private.owner_word(new.user_id, new.organization_id)])
      || to_tsvector('pg_catalog.simple', folded) || to_tsvector('pg_catalog.english', folded));
  return null;
end $$;
comment on function private.index_message is 'A message is found as soon as it is stored.';

create function private.mark_words(content text, words tsquery) returns text
language sql stable set search_path = '' as $$
  -- The marks are characters of nobody's, so that the text around them can be made safe for HTML first.
  select replace(replace(replace(replace(replace(
    ts_headline('pg_catalog.english', translate(left(content, 50000), U&'\E000\E001', ''), words,
      format('StartSel=%s, StopSel=%s, FragmentDelimiter=" … ", MaxWords=30, MinWords=12, %s', U&'\E000', U&'\E001',
        case when char_length(content) <= 300 then 'HighlightAll=true' else 'MaxFragments=2' end)),
    '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), U&'\E000', '<mark>'), U&'\E001', '</mark>')
$$;
comment on function private.mark_words is 'The places of a text that fit, as HTML: words that were found in <mark>, all else escaped.';

create function private.nearest_word(text text, q text) returns tsquery
language sql stable set search_path = '' as $$
  select plainto_tsquery('pg_catalog.simple', w.word) || plainto_tsquery('pg_catalog.english', w.word)
  from regexp_split_to_table(text, '[^[:alnum:]]+') w (word) where w.word <> ''
  order by extensions.similarity(w.word, q) desc, char_length(w.word) desc limit 1
$$;
comment on function private.nearest_word is 'The word of a text that is most like what was asked for.';

create function private.search_messages(organization_id uuid, q text, filters jsonb, page_size integer)
returns table (
  id uuid, conversation_id uuid, conversation_title text, role public.message_role, snippet text,
  matched text, score double precision, created_at timestamptz
) language plpgsql stable security definer set search_path = '' as $$
declare
  folded constant text := private.fold_text(q);
  asked constant tsquery := websearch_to_tsquery('pg_catalog.simple', folded) || websearch_to_tsquery('pg_catalog.english', folded);
  any_of constant tsquery := replace(websearch_to_tsquery('pg_catalog.english', folded)::text, '&', '|')::tsquery;
  mine constant tsquery := quote_literal(private.owner_word(auth.uid(), organization_id))::tsquery;
  -- Who excludes a word, or quotes a phrase, means it.
  is_free constant boolean := position('!' in asked::text) = 0 and position('"' in q) = 0;
begin
  -- The rule of the table's policy, said again; each row's owner is compared below.
  if auth.uid() is null or not organization_id = any (private.organization_ids('member')) or auth.jwt() ->> 'step_id' is not null then
    return;
  end if;
  -- Two letters that changed places, or one that is missing, still make the word; of several words, half must fit.
  perform set_config('pg_trgm.word_similarity_threshold', case when folded ~ '\s' then '0.5' else '0.35' end, true);
  return query execute $statement$
    with scope as not materialized (
      select d.* from private.message_documents d
      where d.user_id = $1 and d.organization_id = $2
        and ($3 ->> 'role' is null or d.role::text = $3 ->> 'role')
        and ($3 ->> 'conversation_id' is null or d.conversation_id = ($3 ->> 'conversation_id')::uuid)
        and (not $3 ?| '{project_id,assistant_id,status}' or exists (
          select from public.conversations c where c.id = d.conversation_id
            and ($3 ->> 'project_id' is null or c.project_id = ($3 ->> 'project_id')::uuid)
            and ($3 ->> 'assistant_id' is null or c.assistant_id = ($3 ->> 'assistant_id')::uuid)
            and ($3 ->> 'status' is null or c.status::text = $3 ->> 'status')))
    ), worded as materialized (
      -- A word may be in most of what somebody wrote: the newest are ranked, so that it takes a bounded time.
      select s.message_id, s.document, s.created_at from scope s
      where $6 and s.document @@ $5 order by s.created_at desc limit 1000
    ), loose as materialized (
      -- Where little has all of the words, some of them will do, and then words that are nearly right.
      select s.message_id, s.document, s.created_at from scope s
      where $12 and (select count(*) from worded) < 20 and s.document @@ $11 and not s.document @@ $5
      order by s.created_at desc limit 1000
    ), near as materialized (
      select s.message_id, extensions.word_similarity($4, s.text) as likeness from scope s
      where $9 and (select count(*) from worded) + (select count(*) from loose) < 20
        and ($4 operator(extensions.<%) s.text or s.text like '%' || regexp_replace($4, '([\\%_])', '\\\1', 'g') || '%')
        and s.message_id not in (select w.message_id from worded w union all select l.message_id from loose l)
      order by likeness desc, s.created_at desc limit 200
    ), hit as (
      select w.message_id, 'words' as matched, 2 + ts_rank_cd(w.document, $7, 33)::double precision as score from worded w
      union all
      select l.message_id, 'some', 1 + ts_rank(l.document, $7, 33)::double precision from loose l
      union all
      select n.message_id, 'similar', n.likeness::double precision * 0.99 from near n
    ), page as materialized (
      select h.message_id, h.matched, round(h.score::numeric, 6)::double precision as score from hit h
      where $3 ->> 'after_score' is null
        or (round(h.score::numeric, 6), h.message_id) < (($3 ->> 'after_score')::numeric, ($3 ->> 'after_id')::uuid)
      order by score desc, h.message_id desc limit $8
    )
    select m.id, m.conversation_id, c.title, m.role,
      private.mark_words(m.content, case when p.matched = 'similar' then private.nearest_word(left(m.content, 4000), $4) else $10 end),
      p.matched, p.score, m.created_at
    from page p join public.messages m on m.id = p.message_id join public.conversations c on c.id = m.conversation_id
    where m.user_id = $1 and m.organization_id = $2
    order by p.score desc, p.message_id desc
  $statement$ using auth.uid(), organization_id, filters, folded, mine && asked, querytree(asked) not in ('', 'T'), asked, page_size,
    is_free,
    -- What is shown still has its accents.
    asked || websearch_to_tsquery('pg_catalog.english', q),
    mine && any_of, is_free and numnode(any_of) > 1;
end $$;
comment on function private.search_messages is 'What a search finds among the caller''s own messages in an organization, best first.';

create function public.search_messages(
  q text, organization_id uuid default null, filters jsonb default '{}', page_size integer default 20
) returns table (
  id uuid, conversation_id uuid, conversation_title text, role public.message_role, snippet text,
  matched text, score double precision, created_at timestamptz
) language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
declare
  organization constant uuid := private.require_organization(organization_id, 'member');
begin
  if coalesce(char_length(btrim(q)), 0) not between 1 and 200 then
    perform private.raise_error(422, 'validation_failed', 'q has 1 to 200 characters', 'query.q');
  elsif page_size not between 1 and 101 then
    perform private.raise_error(422, 'validation_failed', 'A page has 1 to 101 rows', 'page_size');
  end if;
  return query select * from private.search_messages(organization, btrim(q), filters, page_size);
end $$;
comment on function public.search_messages is
  'The caller''s own messages that fit q (words, "a phrase", -not, or), else nearly. Filters: conversation_id, project_id, assistant_id, status, role; after_score and after_id for the next page.';

-- Triggers ------------------------------------------------------------------------------------

create trigger index_message after insert on public.messages for each row
  when (new.role in ('user', 'assistant') and new.content <> '') execute function private.index_message();

-- RLS -----------------------------------------------------------------------------------------

alter table private.message_documents enable row level security;

-- Grants --------------------------------------------------------------------------------------

revoke all on private.message_documents from anon, authenticated, service_role;
grant execute on function private.search_messages to authenticated;
grant execute on function public.search_messages to authenticated;
