-- Tools (domain llm-assistant): what a model may call. An organization's own are JavaScript in the sandbox.
--
-- A result is data that goes back to the model; whatever a tool does it does as the caller, under RLS.
-- Security definer functions: none.

-- Tables --------------------------------------------------------------------------------------

create type public.tool_approval as enum ('never', 'always');

create table public.tools (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (name ~ '^[a-zA-Z0-9_-]{1,64}$'
    and name <> all (array['search_documents', 'run_pipeline', 'get_run'])),
  description text not null check (char_length(description) between 1 and 4096),
  parameters jsonb not null default '{"type": "object", "properties": {}}'
    check (jsonb_typeof(parameters) = 'object' and coalesce(parameters ->> 'type' = 'object', false)
      and octet_length(parameters::text) <= 32768),
  code text not null check (char_length(code) between 1 and 65536),
  approval public.tool_approval not null default 'never',
  is_active boolean not null default true,
  revision integer not null default 1,
  created_by uuid default private.current_user_id() references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, name)
);
comment on table public.tools is 'What an assistant may call, beside the built-in ones.';
comment on column public.tools.name is 'What the model calls it. Assistants name their tools, so it never changes.';
comment on column public.tools.description is 'For the model: what it does and when to use it.';
comment on column public.tools.parameters is 'A JSON Schema of an object, which the arguments satisfy before the code runs.';
comment on column public.tools.code is 'The body of a JavaScript function that reads `input`, the arguments, and returns a JSON value.';
comment on column public.tools.approval is 'always: a person says yes to each call.';
comment on column public.tools.revision is 'Counts changes; the ETag.';
create index tools_list_idx on public.tools (organization_id, created_at desc, id desc);
create index tools_created_by_idx on public.tools (created_by);

-- Functions -----------------------------------------------------------------------------------

create function private.built_in_tools()
returns table (name text, description text, parameters jsonb)
language sql immutable set search_path = '' as $$
  values
    ('search_documents', 'Searches the organization''s documents and returns the passages nearest in meaning.',
      '{"type": "object", "required": ["query"], "additionalProperties": false, "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "What to look for."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 20, "description": "Passages at most; 5 unless told."}}}'::jsonb),
    ('run_pipeline', 'Starts a run of a pipeline and returns its id and status at once; get_run tells how it goes on.',
      '{"type": "object", "required": ["pipeline_id"], "additionalProperties": false, "properties": {
        "pipeline_id": {"type": "string", "format": "uuid", "description": "Which pipeline."},
        "input": {"description": "What the run gets as its input: any JSON value."}}}'::jsonb),
    ('get_run', 'Returns the status, the output and the steps of a run.',
      '{"type": "object", "required": ["run_id"], "additionalProperties": false, "properties": {
        "run_id": {"type": "string", "format": "uuid", "description": "Which run."}}}'::jsonb)
$$;
comment on function private.built_in_tools is 'The tools that the platform brings along: what a model is told of them.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('tools', '{organization_id,name}');
create trigger bump_revision before update of description, parameters, code, approval, is_active on public.tools
  for each row execute function private.bump_revision();
select private.audit('tools', 'tool');

-- RLS -----------------------------------------------------------------------------------------

select private.tenant_policies('tools', 'member', 'member');
create policy "A tool's author or an admin changes it" on public.tools
  for update to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (created_by = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[])))
  with check (organization_id = any ((select private.organization_ids('member'))::uuid[]));
create policy "A tool's author or an admin removes it" on public.tools
  for delete to authenticated
  using (
    organization_id = any ((select private.organization_ids('admin'))::uuid[])
    or (created_by = (select private.acting_user_id())
      and organization_id = any ((select private.organization_ids('member'))::uuid[])));

-- Grants --------------------------------------------------------------------------------------

grant select, delete on public.tools to authenticated;
grant insert (organization_id, name, description, parameters, code, approval, is_active) on public.tools to authenticated;
grant update (description, parameters, code, approval, is_active) on public.tools to authenticated;
grant execute on function private.built_in_tools to authenticated, service_role;
