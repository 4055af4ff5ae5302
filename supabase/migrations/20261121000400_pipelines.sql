-- Pipelines (domain pipelines): graphs of blocks joined by edges. A graph is written whole.
--
-- Security definer functions: none. Everything runs as the caller, under RLS.

-- Tables --------------------------------------------------------------------------------------

create type public.pipeline_status as enum ('draft', 'active', 'archived');
create type public.pipeline_executor as enum ('edge', 'dagster');

create table public.pipelines (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 200),
  description text check (char_length(description) <= 10000),
  status public.pipeline_status not null default 'active',
  executor public.pipeline_executor not null default 'edge',
  dagster_pipeline_config jsonb not null default '{}' check (jsonb_typeof(dagster_pipeline_config) = 'object'
    and octet_length(dagster_pipeline_config::text) <= 65536),
  max_concurrent_steps integer check (max_concurrent_steps between 1 and 10000),
  times_run integer not null default 0,
  average_runtime double precision,
  last_run_at timestamptz,
  revision integer not null default 1,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, name),
  unique (id, organization_id)
);
comment on table public.pipelines is 'A workflow: blocks joined by edges, run as a whole.';
comment on column public.pipelines.max_concurrent_steps is 'Steps of all its runs in work at once; null: no limit.';
comment on column public.pipelines.average_runtime is 'Seconds, over the latest hundred finished runs.';
comment on column public.pipelines.times_run is 'Runs started.';
comment on column public.pipelines.revision is 'Counts changes of the pipeline and its graph; the ETag.';
create index pipelines_list_idx on public.pipelines (organization_id, created_at desc, id desc);
create index pipelines_created_by_idx on public.pipelines (created_by);

create table public.pipeline_blocks (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  pipeline_id uuid not null,
  block_id uuid not null,
  max_attempts integer not null default 3 check (max_attempts between 1 and 20),
  timeout_seconds integer not null default 60 check (timeout_seconds between 1 and 120),
  priority integer not null default 0 check (priority between -100 and 100),
  cache boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (pipeline_id, block_id),
  foreign key (pipeline_id, organization_id) references public.pipelines (id, organization_id) on delete cascade,
  foreign key (block_id, organization_id) references public.blocks (id, organization_id)
);
comment on table public.pipeline_blocks is 'The nodes of a pipeline: each block at most once.';
comment on column public.pipeline_blocks.timeout_seconds is 'Of one attempt.';
comment on column public.pipeline_blocks.priority is 'Within its run: the higher first.';
comment on column public.pipeline_blocks.cache is 'A step may take the output of an earlier one with the same versions and inputs.';
create index pipeline_blocks_organization_id_idx on public.pipeline_blocks (organization_id, pipeline_id);
create index pipeline_blocks_pipeline_idx on public.pipeline_blocks (pipeline_id, organization_id);
create index pipeline_blocks_block_idx on public.pipeline_blocks (block_id, organization_id);

create table public.pipeline_edges (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null default private.inherited() references public.organizations (id) on delete cascade,
  pipeline_id uuid not null,
  edge_id uuid not null,
  source_block_id uuid not null,
  target_block_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (pipeline_id, source_block_id, target_block_id),
  constraint no_loop check (source_block_id <> target_block_id),
  foreign key (pipeline_id, organization_id) references public.pipelines (id, organization_id) on delete cascade,
  foreign key (edge_id, organization_id) references public.edges (id, organization_id),
  constraint pipeline_edges_source_fkey foreign key (pipeline_id, source_block_id)
    references public.pipeline_blocks (pipeline_id, block_id) on delete cascade,
  constraint pipeline_edges_target_fkey foreign key (pipeline_id, target_block_id)
    references public.pipeline_blocks (pipeline_id, block_id) on delete cascade
);
comment on table public.pipeline_edges is 'The arrows of a pipeline: what flows from one of its blocks to another, and how.';
create index pipeline_edges_organization_id_idx on public.pipeline_edges (organization_id, pipeline_id);
create index pipeline_edges_pipeline_idx on public.pipeline_edges (pipeline_id, organization_id);
create index pipeline_edges_target_idx on public.pipeline_edges (pipeline_id, target_block_id);
create index pipeline_edges_edge_idx on public.pipeline_edges (edge_id, organization_id);

-- Functions -----------------------------------------------------------------------------------

create function private.is_acyclic(sources integer[], targets integer[], node_count integer)
returns boolean language plpgsql immutable set search_path = '' as $$
declare
  -- Kahn's algorithm: take away nodes that nothing leads to until none is left, or a circle is.
  first_edge integer[] := array_fill(0, array[node_count]);
  indegree integer[] := array_fill(0, array[node_count]);
  queue integer[] := array_fill(0, array[node_count]);
  head integer := 1;
  tail integer := 0;
  edge integer;
  target integer;
begin
  for edge in reverse cardinality(targets)..1 loop
    indegree[targets[edge]] := indegree[targets[edge]] + 1;
    first_edge[sources[edge]] := edge;
  end loop;
  for node in 1..node_count loop
    if indegree[node] = 0 then
      tail := tail + 1;
      queue[tail] := node;
    end if;
  end loop;
  while head <= tail loop
    edge := first_edge[queue[head]];
    while edge > 0 and edge <= cardinality(sources) and sources[edge] = queue[head] loop
      target := targets[edge];
      indegree[target] := indegree[target] - 1;
      if indegree[target] = 0 then
        tail := tail + 1;
        queue[tail] := target;
      end if;
      edge := edge + 1;
    end loop;
    head := head + 1;
  end loop;
  return tail = node_count;
end $$;
comment on function private.is_acyclic is
  'Whether edges between nodes 1 … node_count, sorted by source, form no circle. Linear in both.';

create function private.refuse_cycle() returns trigger
language plpgsql set search_path = '' as $$
declare
  pipeline uuid;
  sources integer[];
  targets integer[];
  node_count integer;
begin
  -- Locked first, looked at second: two clients that each add half of a cycle queue up here, and
  -- the second one sees what the first one wrote.
  perform 1 from public.pipelines p
  where p.id in (select a.pipeline_id from added a) order by p.id for no key update;

  for pipeline in select distinct a.pipeline_id from added a loop
    with edge as materialized (
      select e.source_block_id, e.target_block_id from public.pipeline_edges e where e.pipeline_id = pipeline
    ), node as materialized (
      select b.block_id, (row_number() over ())::integer as number
      from (select e.source_block_id as block_id from edge e union select e.target_block_id from edge e) b
    )
    select array_agg(s.number order by s.number), array_agg(t.number order by s.number), (select count(*) from node)
    into sources, targets, node_count
    from edge e
    join node s on s.block_id = e.source_block_id
    join node t on t.block_id = e.target_block_id;
    if node_count > 0 and not private.is_acyclic(sources, targets, node_count) then
      perform private.raise_error(409, 'cycle', 'A pipeline is a directed acyclic graph: these edges close a circle');
    end if;
  end loop;
  return null;
end $$;
comment on function private.refuse_cycle is 'The graph of a pipeline stays acyclic, also under concurrent writes.';

create function private.refuse_archived() returns trigger
language plpgsql set search_path = '' as $$
declare
  culprit text;
begin
  if tg_table_name = 'pipeline_blocks' then
    select b.name into culprit from added a join public.blocks b on b.id = a.block_id where b.is_archived limit 1;
  else
    select e.name into culprit from added a join public.edges e on e.id = a.edge_id where e.is_archived limit 1;
  end if;
  if found then
    perform private.refuse_archived(tg_argv[0], culprit);
  end if;
  return null;
end $$;
comment on function private.refuse_archived() is 'What is archived enters no pipeline; argument: block or edge.';

create function private.refuse_archived(entity text, name text) returns void
language sql set search_path = '' as $$
  select private.raise_error(409, entity || '_archived',
    format('The %s %s is archived: take another, or PATCH it with is_archived false', entity, name))
$$;
comment on function private.refuse_archived(text, text) is 'The one answer to whoever uses what is archived.';

create function private.touch_pipeline() returns trigger
language plpgsql set search_path = '' as $$
begin
  update public.pipelines p set name = p.name
  where p.id in (select c.pipeline_id from changed_rows c);
  return null;
end $$;
comment on function private.touch_pipeline is 'A change of the graph is a change of the pipeline: its revision moves.';

create function private.pipeline_with_graph(pipeline_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(p) || jsonb_build_object(
    'blocks', coalesce((
      select jsonb_agg(jsonb_build_object('block_id', b.id, 'name', b.name, 'block_type', b.block_type,
        'max_attempts', pb.max_attempts, 'timeout_seconds', pb.timeout_seconds, 'priority', pb.priority, 'cache', pb.cache)
        order by pb.created_at, b.name)
      from public.pipeline_blocks pb join public.blocks b on b.id = pb.block_id
      where pb.pipeline_id = p.id), '[]'),
    'edges', coalesce((
      select jsonb_agg(jsonb_build_object('edge_id', e.id, 'name', e.name,
        'source_block_id', pe.source_block_id, 'target_block_id', pe.target_block_id)
        order by pe.created_at, e.name)
      from public.pipeline_edges pe join public.edges e on e.id = pe.edge_id
      where pe.pipeline_id = p.id), '[]'))
  from public.pipelines p where p.id = pipeline_with_graph.pipeline_id
$$;
comment on function private.pipeline_with_graph is 'A pipeline as the API shows it.';

create function public.get_pipeline(pipeline_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  found_pipeline constant jsonb := private.pipeline_with_graph(pipeline_id);
begin
  if found_pipeline is null then
    perform private.raise_error(404, 'not_found', format('No pipeline with id %s', pipeline_id));
  end if;
  return found_pipeline;
end $$;
comment on function public.get_pipeline is 'A pipeline with its graph.';

create function private.write_graph(pipeline public.pipelines, blocks jsonb, edges jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  unknown text;
begin
  if blocks is not null then
    select string_agg(n.block_id::text, ', ') into unknown
    from jsonb_to_recordset(blocks) n (block_id uuid)
    left join public.blocks b on b.id = n.block_id and b.organization_id = pipeline.organization_id
    where b.id is null;
    if unknown is not null then
      perform private.raise_error(422, 'validation_failed', format('No block with id %s', unknown), 'blocks');
    end if;
    delete from public.pipeline_blocks pb where pb.pipeline_id = pipeline.id
      and not exists (select 1 from jsonb_to_recordset(blocks) n (block_id uuid) where n.block_id = pb.block_id);
    insert into public.pipeline_blocks (pipeline_id, block_id, max_attempts, timeout_seconds, priority, cache)
    select pipeline.id, n.block_id, coalesce(n.max_attempts, 3), coalesce(n.timeout_seconds, 60), coalesce(n.priority, 0),
      coalesce(n.cache, false)
    from jsonb_to_recordset(blocks)
      n (block_id uuid, max_attempts integer, timeout_seconds integer, priority integer, cache boolean)
    on conflict (pipeline_id, block_id) do update set max_attempts = excluded.max_attempts,
      timeout_seconds = excluded.timeout_seconds, priority = excluded.priority, cache = excluded.cache
    where (pipeline_blocks.max_attempts, pipeline_blocks.timeout_seconds, pipeline_blocks.priority, pipeline_blocks.cache)
      is distinct from (excluded.max_attempts, excluded.timeout_seconds, excluded.priority, excluded.cache);
  end if;
  if edges is not null then
    select string_agg(n.edge_id::text, ', ') into unknown
    from jsonb_to_recordset(edges) n (edge_id uuid)
    left join public.edges e on e.id = n.edge_id and e.organization_id = pipeline.organization_id
    where e.id is null;
    if unknown is not null then
      perform private.raise_error(422, 'validation_failed', format('No edge with id %s', unknown), 'edges');
    end if;
    select string_agg(distinct ends.block_id::text, ', ') into unknown
    from jsonb_to_recordset(edges) n (source_block_id uuid, target_block_id uuid)
    cross join lateral (values (n.source_block_id), (n.target_block_id)) ends (block_id)
    where not exists (select 1 from public.pipeline_blocks pb
      where pb.pipeline_id = pipeline.id and pb.block_id = ends.block_id);
    if unknown is not null then
      perform private.raise_error(422, 'validation_failed',
        format('An edge joins blocks of the pipeline: %s is not one', unknown), 'edges');
    end if;
    delete from public.pipeline_edges pe where pe.pipeline_id = pipeline.id
      and not exists (
        select 1 from jsonb_to_recordset(edges) n (source_block_id uuid, target_block_id uuid)
        where n.source_block_id = pe.source_block_id and n.target_block_id = pe.target_block_id);
    insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
    select pipeline.id, n.edge_id, n.source_block_id, n.target_block_id
    from jsonb_to_recordset(edges) n (edge_id uuid, source_block_id uuid, target_block_id uuid)
    on conflict (pipeline_id, source_block_id, target_block_id) do update set edge_id = excluded.edge_id
      where pipeline_edges.edge_id <> excluded.edge_id;
  end if;
end $$;
comment on function private.write_graph is
  'Replaces nodes and arrows; what is null stays. Names unknown ids; detail is the field.';

create function public.create_pipeline(
  name text, description text default null, status public.pipeline_status default 'active',
  executor public.pipeline_executor default 'edge', dagster_pipeline_config jsonb default '{}',
  blocks jsonb default '[]', edges jsonb default '[]', organization_id uuid default null,
  max_concurrent_steps integer default null
) returns jsonb language plpgsql set search_path = '' as $$
declare
  created public.pipelines;
begin
  insert into public.pipelines (organization_id, name, description, status, executor, dagster_pipeline_config, max_concurrent_steps)
  values (private.require_organization(organization_id, 'member'),
    name, description, status, executor, dagster_pipeline_config, max_concurrent_steps)
  returning * into created;
  perform private.write_graph(created, blocks, edges);
  return private.pipeline_with_graph(created.id);
end $$;
comment on function public.create_pipeline is 'A pipeline with its whole graph, or nothing.';

create function public.update_pipeline(
  pipeline_id uuid, changes jsonb, blocks jsonb default null, edges jsonb default null,
  expected_revision integer default null
) returns jsonb language plpgsql set search_path = '' as $$
declare
  current_row public.pipelines;
begin
  select * into current_row from public.pipelines p where p.id = pipeline_id for no key update;
  if not found then
    perform private.raise_error(404, 'not_found', format('No pipeline with id %s', pipeline_id));
  elsif current_row.revision <> expected_revision then
    perform private.raise_error(412, 'precondition_failed', 'The pipeline has changed since you read it');
  end if;
  update public.pipelines p set
    name = coalesce(changes ->> 'name', p.name),
    description = case when changes ? 'description' then changes ->> 'description' else p.description end,
    status = coalesce((changes ->> 'status')::public.pipeline_status, p.status),
    executor = coalesce((changes ->> 'executor')::public.pipeline_executor, p.executor),
    dagster_pipeline_config = coalesce(changes -> 'dagster_pipeline_config', p.dagster_pipeline_config),
    max_concurrent_steps = case when changes ? 'max_concurrent_steps' then (changes ->> 'max_concurrent_steps')::integer
      else p.max_concurrent_steps end
  where p.id = pipeline_id;
  perform private.write_graph(current_row, blocks, edges);
  return private.pipeline_with_graph(pipeline_id);
end $$;
comment on function public.update_pipeline is
  'Changes what is named; blocks and edges, if given, replace the graph. A stale revision is 412.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('pipelines', '{organization_id}');
select private.guard_table('pipeline_blocks', '{organization_id,pipeline_id,block_id}');
select private.guard_table('pipeline_edges', '{organization_id,pipeline_id}');

create trigger bump_revision before update of name, description, status, executor, dagster_pipeline_config, max_concurrent_steps
  on public.pipelines for each row execute function private.bump_revision();
create trigger a_inherit_organization before insert on public.pipeline_blocks
  for each row execute function private.inherit_organization('pipelines', 'pipeline_id');
create trigger a_inherit_organization before insert on public.pipeline_edges
  for each row execute function private.inherit_organization('pipelines', 'pipeline_id');

create trigger refuse_cycle_on_insert after insert on public.pipeline_edges
  referencing new table as added for each statement execute function private.refuse_cycle();
create trigger refuse_cycle_on_update after update on public.pipeline_edges
  referencing new table as added for each statement execute function private.refuse_cycle();

create trigger refuse_archived_on_insert after insert on public.pipeline_blocks
  referencing new table as added for each statement execute function private.refuse_archived('block');
create trigger refuse_archived_on_insert after insert on public.pipeline_edges
  referencing new table as added for each statement execute function private.refuse_archived('edge');
create trigger refuse_archived_on_update after update on public.pipeline_edges
  referencing new table as added for each statement execute function private.refuse_archived('edge');

create trigger touch_pipeline_on_insert after insert on public.pipeline_blocks
  referencing new table as changed_rows for each statement execute function private.touch_pipeline();
create trigger touch_pipeline_on_update after update on public.pipeline_blocks
  referencing new table as changed_rows for each statement execute function private.touch_pipeline();
create trigger touch_pipeline_on_delete after delete on public.pipeline_blocks
  referencing old table as changed_rows for each statement execute function private.touch_pipeline();
create trigger touch_pipeline_on_insert after insert on public.pipeline_edges
  referencing new table as changed_rows for each statement execute function private.touch_pipeline();
create trigger touch_pipeline_on_update after update on public.pipeline_edges
  referencing new table as changed_rows for each statement execute function private.touch_pipeline();
create trigger touch_pipeline_on_delete after delete on public.pipeline_edges
  referencing old table as changed_rows for each statement execute function private.touch_pipeline();

select private.audit('pipelines', 'pipeline', '{times_run,average_runtime,last_run_at}');
select private.audit('pipeline_blocks', 'pipeline_block');
select private.audit('pipeline_edges', 'pipeline_edge');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('pipelines', 'member', 'member', 'member', 'admin');
select private.tenant_policies('pipeline_blocks', 'member', 'member', 'member', 'member');
select private.tenant_policies('pipeline_edges', 'member', 'member', 'member', 'member');

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.pipelines, public.pipeline_blocks, public.pipeline_edges to authenticated;
grant insert (organization_id, name, description, status, executor, dagster_pipeline_config, max_concurrent_steps)
  on public.pipelines to authenticated;
grant update (name, description, status, executor, dagster_pipeline_config, max_concurrent_steps) on public.pipelines to authenticated;
grant insert (pipeline_id, block_id, max_attempts, timeout_seconds, priority, cache) on public.pipeline_blocks to authenticated;
grant update (max_attempts, timeout_seconds, priority, cache) on public.pipeline_blocks to authenticated;
grant insert (pipeline_id, edge_id, source_block_id, target_block_id) on public.pipeline_edges to authenticated;
grant update (edge_id, source_block_id, target_block_id) on public.pipeline_edges to authenticated;

grant execute on function private.pipeline_with_graph, private.write_graph, private.is_acyclic, private.refuse_archived(text, text) to authenticated, service_role;
grant execute on function public.get_pipeline, public.create_pipeline, public.update_pipeline
  to authenticated, service_role;
