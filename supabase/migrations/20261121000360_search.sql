-- Search (domain pipelines): blocks and edges by words, by names that are nearly right, and by meaning.
--
-- The vectors come from whoever embeds texts, with the rights of service_role: it asks
-- `stale_representations` what there is to do and hands the vectors to `save_representations`. A text that
-- changes makes its vector stale at once. Without vectors, or without pgvector, the search is one of words.
--
-- Security definer functions, and why they must be:
--   private.index_text       whoever changes a text may write neither the index of texts nor representations
--   private.search_registry  under RLS a full text search can't use its index; it checks the access itself

-- Tables --------------------------------------------------------------------------------------

create table private.search_documents (
  entity_type public.registry_entity not null,
  entity_id uuid not null,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored,
  edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored,
  block_type public.block_type,
  name text not null,
  document tsvector not null,
  primary key (entity_id, entity_type),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade,
  foreign key (edge_id, organization_id) references public.edges (id, organization_id) on delete cascade
);
comment on table private.search_documents is 'The texts of blocks and edges as a search compares them; kept by a trigger.';
comment on column private.search_documents.name is 'Folded.';
create index search_documents_organization_idx on private.search_documents (organization_id);
create index search_documents_block_idx on private.search_documents (block_id, organization_id);
create index search_documents_edge_idx on private.search_documents (edge_id, organization_id);
create index search_documents_document_idx on private.search_documents using gin (document);
create index search_documents_name_idx on private.search_documents using gin (name extensions.gin_trgm_ops);

create table public.vector_representations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  entity_type public.registry_entity not null,
  entity_id uuid not null,
  block_id uuid generated always as (case when entity_type = 'block' then entity_id end) stored,
  edge_id uuid generated always as (case when entity_type = 'edge' then entity_id end) stored,
  vector_db text not null default 'pgvector' check (char_length(vector_db) between 1 and 100),
  vector_key text check (char_length(vector_key) between 1 and 500),
  model text check (char_length(model) between 1 and 200),
  dimensions integer check (dimensions between 1 and 16000),
  text_hash text check (text_hash ~ '^[0-9a-f]{32}$'),
  taxonomy_filter jsonb not null default '{}' check (jsonb_typeof(taxonomy_filter) = 'object'),
  stale_since timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint key_of_outside_index check (vector_db = 'pgvector' or vector_key is not null),
  unique (entity_type, entity_id, vector_db),
  foreign key (block_id, organization_id) references public.blocks (id, organization_id) on delete cascade,
  foreign key (edge_id, organization_id) references public.edges (id, organization_id) on delete cascade
);
comment on table public.vector_representations is
  'What blocks and edges mean, as vectors: here in the column embedding, or in an outside index. Written by service_role alone.';
comment on column public.vector_representations.vector_db is 'Where the vector is: pgvector for here, else the index''s name.';
comment on column public.vector_representations.vector_key is 'What the outside index knows it by.';
comment on column public.vector_representations.text_hash is 'MD5 of the text that the vector was made of.';
comment on column public.vector_representations.taxonomy_filter is 'For an outside index: what its queries filter by.';
comment on column public.vector_representations.stale_since is 'When the text became another one than the vector''s; null while it is the same.';
create index vector_representations_organization_idx on public.vector_representations (organization_id, vector_db, model);
create index vector_representations_block_idx on public.vector_representations (block_id, organization_id);
create index vector_representations_edge_idx on public.vector_representations (edge_id, organization_id);

-- Functions: vectors --------------------------------------------------------------------------

create function private.enable_vectors() returns boolean
language plpgsql set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_available_extensions where name = 'vector') then
    raise notice 'pgvector is not installed: the search goes on without vectors';
    return false;
  end if;
  -- As on a hosted project, an extension's functions are for everyone; ours are granted one by one.
  alter default privileges grant execute on functions to public;
  create extension if not exists vector with schema extensions;
  alter default privileges revoke execute on functions from public;
  -- Of any length, so that any model's fits; a search compares those of its own model only. It is exact:
  -- an organization's blocks and edges are few enough, and an approximate index would filter afterwards.
  alter table public.vector_representations add column if not exists embedding extensions.vector;
  comment on column public.vector_representations.embedding is 'The vector, where vector_db is pgvector.';
  return true;
end $$;
comment on function private.enable_vectors is
  'Adds the column for vectors, if the server has pgvector. Run it again when pgvector was installed afterwards.';

create function private.has_vectors() returns boolean
language sql stable set search_path = '' as $$
  select exists (select from pg_catalog.pg_attribute a
    where a.attrelid = 'public.vector_representations'::regclass and a.attname = 'embedding' and not a.attisdropped)
$$;
comment on function private.has_vectors is 'Whether enable_vectors found pgvector.';

create function private.representation_text(name text, description text) returns text
language sql immutable set search_path = '' as $$
  select name || coalesce(e'\n\n' || nullif(description, ''), '')
$$;
comment on function private.representation_text is 'The text that the vector of a block or an edge stands for.';

create function public.stale_representations(model text, max_rows integer default 100)
returns table (entity_type public.registry_entity, entity_id uuid, organization_id uuid, content text, text_hash text)
language sql stable set search_path = '' as $$
  select e.entity_type, e.entity_id, e.organization_id, t.content, md5(t.content)
  from private.registry_entities e
  cross join lateral (select private.representation_text(e.name, e.description) as content) t
  left join public.vector_representations r
    on r.entity_type = e.entity_type and r.entity_id = e.entity_id and r.vector_db = 'pgvector'
  where (select private.has_vectors()) and (r.id is null or r.stale_since is not null or r.model is distinct from $1)
  order by e.updated_at, e.entity_id
  limit least(max_rows, 1000)
$$;
comment on function public.stale_representations is
  'Blocks and edges without a vector of this model for their present text. None where there is no pgvector.';

create function public.save_representations(model text, items jsonb) returns integer
language plpgsql set search_path = '' as $$
declare
  saved integer;
begin
  if not private.has_vectors() then
    return 0;
  end if;
  -- A text that is being changed is waited for, so that its vector is judged by what it became.
  perform from public.blocks b where b.id in (select (i ->> 'entity_id')::uuid from jsonb_array_elements(items) i)
  order by b.id for share;
  perform from public.edges e where e.id in (select (i ->> 'entity_id')::uuid from jsonb_array_elements(items) i)
  order by e.id for share;
  execute $statement$
    insert into public.vector_representations
      (entity_type, entity_id, model, dimensions, text_hash, embedding)
    select e.entity_type, e.entity_id, $1, cardinality(i.embedding), i.text_hash, i.embedding::extensions.vector
    from jsonb_to_recordset($2) i (entity_type public.registry_entity, entity_id uuid, text_hash text, embedding double precision[])
    join private.registry_entities e on e.entity_type = i.entity_type and e.entity_id = i.entity_id
    where i.text_hash = md5(private.representation_text(e.name, e.description))
    on conflict (entity_type, entity_id, vector_db) do update set model = excluded.model,
      dimensions = excluded.dimensions, text_hash = excluded.text_hash, embedding = excluded.embedding, stale_since = null
  $statement$ using model, items;
  get diagnostics saved = row_count;
  return saved;
end $$;
comment on function public.save_representations is
  'Keeps vectors [{entity_type, entity_id, text_hash, embedding: [number]}] of a model; one of a text that has changed since is dropped. Returns how many were kept.';

-- Functions: search ---------------------------------------------------------------------------

create function private.fold_text(input text) returns text
language sql immutable strict set search_path = '' as $$
  select lower(normalize(regexp_replace(normalize(input, NFKD), '[\u0300-\u036f]', '', 'g'), NFKC))
$$;
comment on function private.fold_text is 'Text as a search compares it: lower case, without accents, one form for each character.';

create function private.words_of(input text) returns tsvector
language sql immutable set search_path = '' as $$
  -- As they are, for any language, and by their English stems.
  select to_tsvector('pg_catalog.simple', folded.input) || to_tsvector('pg_catalog.english', folded.input)
  from (select private.fold_text(coalesce(words_of.input, '')) as input) folded
$$;
comment on function private.words_of is 'The words of a text, as full text search finds them.';

create function private.index_text() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  kind constant public.registry_entity := tg_argv[0];
begin
  insert into private.search_documents (entity_type, entity_id, organization_id, block_type, name, document)
  values (kind, new.id, new.organization_id, (to_jsonb(new) ->> 'block_type')::public.block_type, private.fold_text(new.name),
    setweight(private.words_of(new.name), 'A') || setweight(private.words_of(new.description), 'C'))
  on conflict (entity_id, entity_type) do update set name = excluded.name, document = excluded.document;
  update public.vector_representations r set stale_since = now()
  where r.entity_type = kind and r.entity_id = new.id and r.stale_since is null;
  return null;
end $$;
comment on function private.index_text is
  'A text is found by its words as soon as it is written; a vector of what it was before is not searched any more.';

create function private.search_statement(with_vectors boolean) returns text
language sql immutable set search_path = '' as $$
  select format($statement$
    with scope as not materialized (
      select d.* from private.search_documents d
      where d.organization_id = $1 and ($2 is null or d.entity_type::text = $2 or d.block_type::text = $2)
        and ($3 is null or exists (select from public.block_taxonomies t where t.block_id = d.block_id and t.category_id = any ($3)))
    ), hit as (
      (select s.entity_type, s.entity_id, 'text' as way,
        row_number() over (order by (s.document @@ $5) desc, ts_rank(s.document, $6) desc, s.entity_id) as place
      from scope s where s.document @@ $6 order by place limit $9)
      union all
      (select s.entity_type, s.entity_id, 'name',
        row_number() over (order by extensions.word_similarity($4, s.name) desc, extensions.similarity($4, s.name) desc, s.entity_id) as place
      from scope s
      where $4 operator(extensions.<%%) s.name or s.name like '%%' || regexp_replace($4, '([\\%%_])', '\\\1', 'g') || '%%'
      order by place limit $9)
      %s
    ), fused as (
      -- Reciprocal rank fusion: what stands high in several lists comes first, whatever their own scores are.
      select h.entity_type, h.entity_id, round(sum(1 / (60 + h.place::numeric)), 8)::double precision as score, array_agg(h.way order by h.way) as matched
      from hit h group by h.entity_type, h.entity_id
    )
    select e.entity_type, e.entity_id as id, e.name, e.description, e.block_type, f.score, f.matched,
      e.created_at, e.updated_at
    from fused f
    join private.registry_entities e on e.entity_type = f.entity_type and e.entity_id = f.entity_id
    where e.organization_id = $1
    order by f.score desc, e.entity_id desc$statement$,
    case when with_vectors then $vectors$
      union all
      (select s.entity_type, s.entity_id, 'meaning',
        row_number() over (order by r.embedding operator(extensions.<=>) $7::extensions.vector, s.entity_id) as place
      from scope s join public.vector_representations r on r.entity_type = s.entity_type and r.entity_id = s.entity_id
      where r.vector_db = 'pgvector' and r.model = $8 and r.dimensions = cardinality($7) and r.stale_since is null
        -- Something is always the nearest; what is further off than this has another meaning.
        and r.embedding operator(extensions.<=>) $7::extensions.vector < 0.75
      order by place limit $9)$vectors$ end)
$$;
comment on function private.search_statement is
  'The statement of a search: each way of searching ranks what the filters leave, by itself. Values stay parameters.';

create function private.search_registry(
  organization_id uuid, q text, type text, category_ids uuid[], embedding double precision[], model text
) returns table (
  entity_type public.registry_entity, id uuid, name text, description text,
  block_type public.block_type, score double precision, matched text[], created_at timestamptz, updated_at timestamptz
) language plpgsql stable security definer set search_path = '' as $$
declare
  folded constant text := private.fold_text(q);
  every_word constant tsquery := plainto_tsquery('pg_catalog.simple', folded) || plainto_tsquery('pg_catalog.english', folded);
begin
  -- The rule of the tables' policies, said again.
  if not $1 = any (private.organization_ids('member')) then
    return;
  end if;
  -- A letter that is missing, or two that changed places, still make the word; of several words, half must fit.
  perform set_config('pg_trgm.word_similarity_threshold', case when folded ~ '\s' then '0.5' else '0.3' end, true);
  return query execute private.search_statement(embedding is not null and private.has_vectors())
  using $1, type, category_ids, folded, every_word, replace(every_word::text, '&', '|')::tsquery, embedding, model, 200;
end $$;
comment on function private.search_registry is
  'What a search in an organization finds, best first, for its members alone; at most 200 by each way of searching.';

create function private.categories_below(organization_id uuid, category text) returns uuid[]
language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
declare
  found_ids uuid[];
begin
  with recursive below (id) as (
    select c.id from public.taxonomy_categories c
    where c.organization_id = organization_id and (c.id::text = lower(category) or lower(c.name) = lower(category))
    union
    select c.id from below b join public.taxonomy_categories c on c.parent_id = b.id
  )
  select array_agg(b.id) into found_ids from below b;
  if found_ids is null then
    perform private.raise_error(404, 'not_found', format('No category %s', category));
  end if;
  return found_ids;
end $$;
comment on function private.categories_below is 'A category, by id or name, and all below it.';

create function public.search_registry(
  q text, organization_id uuid default null, category text default null, type text default null,
  embedding double precision[] default null, model text default null
) returns table (
  entity_type public.registry_entity, id uuid, name text, description text,
  block_type public.block_type, score double precision, matched text[], created_at timestamptz, updated_at timestamptz
) language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
declare
  organization constant uuid := private.require_organization(organization_id, 'member');
begin
  if coalesce(char_length(btrim(q)), 0) not between 1 and 200 then
    perform private.raise_error(422, 'validation_failed', 'q has 1 to 200 characters', 'query.q');
  elsif (embedding is null) <> (model is null) then
    perform private.raise_error(422, 'validation_failed', 'An embedding is one of a model', 'model');
  end if;
  return query select * from private.search_registry(organization, btrim(q), type,
    case when category is not null then private.categories_below(organization, category) end, embedding, model);
end $$;
comment on function public.search_registry is
  'Blocks and edges that fit q: by words, by name and, where the embedding of q is given, by meaning. type is block, edge, dataset or model; category, by id or name, takes in what is below it.';

-- Vectors -------------------------------------------------------------------------------------

do $$
begin
  perform private.enable_vectors();
exception when others then
  raise notice 'pgvector can''t be used (%): the search goes on without vectors', sqlerrm;
end $$;

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('vector_representations', '{organization_id,entity_type,entity_id,vector_db}');
create trigger a_inherit_organization before insert on public.vector_representations
  for each row execute function private.inherit_entity_organization();

create trigger index_text after insert on public.blocks
  for each row execute function private.index_text('block');
create trigger index_changed_text after update of name, description on public.blocks for each row
  when ((old.name, old.description) is distinct from (new.name, new.description)) execute function private.index_text('block');
create trigger index_text after insert on public.edges
  for each row execute function private.index_text('edge');
create trigger index_changed_text after update of name, description on public.edges for each row
  when ((old.name, old.description) is distinct from (new.name, new.description)) execute function private.index_text('edge');

-- RLS -----------------------------------------------------------------------------------------

alter table private.search_documents enable row level security;
select private.tenant_policies('vector_representations', 'member');

-- Grants --------------------------------------------------------------------------------------

revoke all on private.search_documents from anon, authenticated, service_role;
grant select on public.vector_representations to authenticated;
grant execute on function private.has_vectors, private.representation_text to service_role;
grant execute on function private.categories_below, private.search_registry to authenticated;
grant execute on function public.search_registry to authenticated;
grant execute on function public.stale_representations, public.save_representations to service_role;
