-- Impact (domain pipelines): who depends on whom, as pipelines show and as entities declare.
--
-- Security definer functions: none. Everything runs as the caller, under RLS.

-- Tables --------------------------------------------------------------------------------------

create view private.dependency_links with (security_invoker = true) as
  with arrow as not materialized (
    -- By way of the nodes, which have an index by block; arrows have none.
    select e.id, e.organization_id, e.pipeline_id, e.edge_id, s.block_id as source_id, t.block_id as target_id, e.created_at
    from public.pipeline_edges e
    join public.pipeline_blocks s on s.pipeline_id = e.pipeline_id and s.block_id = e.source_block_id
    join public.pipeline_blocks t on t.pipeline_id = e.pipeline_id and t.block_id = e.target_block_id
  )
  select d.organization_id, d.entity_type, d.entity_id, d.depends_on_type, d.depends_on_id, null::uuid as pipeline_id, d.created_at
  from public.dependencies d where d.dependency_type = 'internal'
  union all
  select a.organization_id, 'block', a.target_id, 'block', a.source_id, a.pipeline_id, a.created_at from arrow a
  union all
  select a.organization_id, 'block', a.target_id, 'edge', a.edge_id, a.pipeline_id, a.created_at from arrow a
  union all
  select a.organization_id, 'edge', a.edge_id, 'block', a.source_id, a.pipeline_id, a.created_at from arrow a;
comment on view private.dependency_links is
  'Which block or edge depends on which: declared (pipeline_id is null), or fed by it in a pipeline.';

create view public.entity_dependencies with (security_invoker = true) as
  select d.id, d.organization_id, d.entity_type, d.entity_id, 'declared' as source, d.dependency_type,
    d.depends_on_type, d.depends_on_id, e.name as depends_on_name, '{}'::uuid[] as pipeline_ids,
    d.package_name, d.package_version, d.dependency_detail, d.created_at
  from public.dependencies d
  left join private.registry_entities e on e.entity_type = d.depends_on_type and e.entity_id = d.depends_on_id
  union all
  select
    -- The same for as long as the two are joined: a list goes on from it.
    overlay(overlay(md5(concat(l.entity_type, l.entity_id, l.depends_on_type, l.depends_on_id))
      placing '8' from 13) placing '8' from 17)::uuid,
    l.organization_id, l.entity_type, l.entity_id, 'pipeline', 'internal',
    l.depends_on_type, l.depends_on_id, e.name, array_agg(distinct l.pipeline_id), null, null, null, min(l.created_at)
  from private.dependency_links l
  join private.registry_entities e on e.entity_type = l.depends_on_type and e.entity_id = l.depends_on_id
  where l.pipeline_id is not null
  group by l.organization_id, l.entity_type, l.entity_id, l.depends_on_type, l.depends_on_id, e.name;
comment on view public.entity_dependencies is
  'What blocks and edges depend on: what they declare, and what pipelines feed them with.';
comment on column public.entity_dependencies.source is 'declared: a row of dependencies. pipeline: derived from the pipelines named.';

-- Functions -----------------------------------------------------------------------------------

create type private.impact_node as (
  entity_type public.registry_entity, entity_id uuid, depth integer, pipeline_id uuid,
  via_type public.registry_entity, via_id uuid, is_changed boolean
);
comment on type private.impact_node is
  'What a search for dependents has found: how far away, through what, and whether it hands the change on.';

create function private.find_dependents(entity_type public.registry_entity, entity_id uuid, max_depth integer, max_nodes integer)
returns private.impact_node[] language plpgsql stable set search_path = '' as $$
declare
  nodes private.impact_node[] := array[(entity_type, entity_id, 0, null, null, null, true)::private.impact_node];
  level private.impact_node[];
begin
  -- Breadth first, so that each is found by its shortest way; what was found is not looked for again, so
  -- that circles of declared dependencies end.
  for current_depth in 0..max_depth - 1 loop
    select array_agg(f.node) into level from (
      select distinct on (l.entity_type, l.entity_id, c.is_changed)
        (l.entity_type, l.entity_id, n.depth + 1, l.pipeline_id, n.entity_type, n.entity_id, c.is_changed)::private.impact_node as node
      from unnest(nodes) n
      join private.dependency_links l on l.depends_on_type = n.entity_type and l.depends_on_id = n.entity_id
      -- An edge that a changed block feeds is the same edge still: where else it is used, nothing changes.
      cross join lateral (select not (l.entity_type = 'edge' and l.pipeline_id is not null) as is_changed) c
      where n.depth = current_depth and n.is_changed
        and not exists (select from unnest(nodes) k
          where k.entity_type = l.entity_type and k.entity_id = l.entity_id and (k.is_changed or not c.is_changed))
      order by l.entity_type, l.entity_id, c.is_changed, n.entity_id, l.pipeline_id) f;
    exit when level is null;
    nodes := (nodes || level)[1:max_nodes + 1];
    exit when cardinality(nodes) > max_nodes;
  end loop;
  return nodes;
end $$;
comment on function private.find_dependents is
  'The blocks and edges that depend on one, itself first, nearest first; one more than max_nodes says that there are more.';

create function public.get_impact(entity_type public.registry_entity, entity_id uuid, max_depth integer default 100)
returns jsonb language plpgsql stable set search_path = '' as $$
#variable_conflict use_variable
declare
  max_nodes constant integer := 2000;
  subject private.registry_entities;
  nodes private.impact_node[];
  items jsonb;
begin
  select * into subject from private.registry_entities e where e.entity_type = entity_type and e.entity_id = entity_id;
  if subject.entity_id is null then
    perform private.raise_error(404, 'not_found', format('No %s with id %s', entity_type, entity_id));
  elsif max_depth not between 1 and 1000 then
    perform private.raise_error(422, 'validation_failed', 'The depth is 1 to 1000', 'query.depth');
  end if;
  nodes := private.find_dependents(entity_type, entity_id, max_depth, max_nodes);
  with node as materialized (
    select distinct on (n.entity_type, n.entity_id) n.* from unnest(nodes) n order by n.entity_type, n.entity_id, n.depth
  ), changed as (
    select * from unnest(nodes) n where n.is_changed
  ), pipeline as materialized (
    select distinct on (u.pipeline_id) u.pipeline_id, c.depth + 1 as depth, c.entity_type as via_type, c.entity_id as via_id
    from changed c
    cross join lateral (
      select b.pipeline_id from public.pipeline_blocks b where c.entity_type = 'block' and b.block_id = c.entity_id
      union all
      select a.pipeline_id from public.pipeline_edges a where c.entity_type = 'edge' and a.edge_id = c.entity_id) u
    where c.depth < max_depth
    order by u.pipeline_id, c.depth, c.entity_id
  ), item as (
    select n.entity_type::text as entity_type, n.entity_id, e.name, n.depth, n.via_type::text as via_type, n.via_id, n.pipeline_id,
      jsonb_strip_nulls(jsonb_build_object('block_type', e.block_type)) as details
    from node n join private.registry_entities e on e.entity_type = n.entity_type and e.entity_id = n.entity_id
    where n.depth > 0
    union all
    select 'pipeline', p.id, p.name, i.depth, i.via_type::text, i.via_id, null,
      jsonb_build_object('status', p.status, 'executor', p.executor)
    from pipeline i join public.pipelines p on p.id = i.pipeline_id
    union all
    select 'pipeline_trigger', t.id, null, i.depth + 1, 'pipeline', i.pipeline_id, i.pipeline_id,
      jsonb_build_object('type', t.type, 'is_active', t.is_active)
    from pipeline i join public.pipeline_triggers t on t.pipeline_id = i.pipeline_id
    where i.depth < max_depth
  )
  select jsonb_agg(jsonb_build_object('entity_type', i.entity_type, 'entity_id', i.entity_id, 'name', i.name, 'depth', i.depth,
      'via', jsonb_build_object('entity_type', i.via_type, 'entity_id', i.via_id, 'pipeline_id', i.pipeline_id), 'details', i.details)
    order by i.depth, i.entity_type, i.name, i.entity_id) into items
  from item i;
  return jsonb_build_object(
    'subject', jsonb_build_object('entity_type', entity_type, 'entity_id', entity_id, 'name', subject.name),
    'counts', (
      select jsonb_object_agg(k.entity_type || 's', (
        select count(*) from jsonb_array_elements(items) i where i ->> 'entity_type' = k.entity_type))
      from unnest(array['block', 'edge', 'pipeline', 'pipeline_trigger']) k (entity_type)),
    'data', coalesce(items, '[]'),
    'truncated', cardinality(nodes) > max_nodes);
end $$;
comment on function public.get_impact is
  'All that depends on a block or an edge, down the graph: blocks, edges, pipelines and their triggers, each with its distance and through what.';

-- Grants --------------------------------------------------------------------------------------

revoke all on private.dependency_links from anon, authenticated, service_role;
revoke all on public.entity_dependencies from anon, authenticated, service_role;
grant select on private.dependency_links, public.entity_dependencies to authenticated, service_role;
grant execute on function private.find_dependents, public.get_impact to authenticated, service_role;
