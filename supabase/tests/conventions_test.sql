-- What holds for every table and function of ours, whatever its domain. A new one that breaks a
-- convention fails here by name; an exception is listed with its reason.
begin;
create extension if not exists pgtap with schema extensions;
select plan(25);

create temporary view our_table as
  select c.oid, c.relname::text as name, c.relrowsecurity as has_rls
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p');
create temporary view our_function as
  select p.oid, p.oid::regprocedure::text as name, n.nspname as schema, p.prosecdef, p.proconfig
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private');
create temporary view our_column as
  select t.oid, t.name as table_name, a.attname::text as name, a.attnum, a.atttypid, a.attnotnull
  from our_table t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped;

-- Tables --------------------------------------------------------------------------------------

select is_empty(
  $$select name from our_table where not has_rls$$,
  'Every table has row level security');
select is_empty(
  $$select name from our_table t where not exists (select from pg_policy p where p.polrelid = t.oid)$$,
  'Every table has a policy');
select is_empty(
  $$select name from our_table where coalesce(obj_description(oid, 'pg_class'), '') = ''$$,
  'Every table has a comment');
select is_empty(
  $$select t.name from our_table t where not exists (
      select from our_column c join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
      where c.oid = t.oid and c.name = 'id' and c.atttypid = 'uuid'::regtype and k.conkey @> array[c.attnum])$$,
  'Every table has the primary key id uuid');
select is_empty(
  $$select t.name from our_table t where exists (
      select from our_column c join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
      where c.oid = t.oid and c.name <> 'id' and k.conkey @> array[c.attnum]
        -- A partitioned table's key has to hold what it is partitioned by.
        and (t.name, c.name) <> ('audit_logs', 'occurred_at'))$$,
  'No primary key has another column');
select is_empty(
  $$select t.name from our_table t
    where t.name <> all (array[
        'audit_logs', -- Append-only: it has occurred_at.
        'audit_seals']) -- Append-only: it has sealed_at.
      and (select count(*) from our_column c where c.oid = t.oid and c.attnotnull
        and c.name in ('created_at', 'updated_at') and c.atttypid = 'timestamptz'::regtype) <> 2$$,
  'Every table has created_at and updated_at');
select is_empty(
  $$select c.table_name from our_column c
    where c.name = 'updated_at' and not exists (
      select from pg_trigger g where g.tgrelid = c.oid and g.tgfoid = 'private.set_updated_at'::regproc
        and g.tgenabled = 'O')$$,
  'Every updated_at is kept by the trigger');
select is_empty(
  $$select k.conrelid::regclass || ': ' || k.conname from pg_constraint k
    where k.contype = 'f' and k.connamespace in ('public'::regnamespace, 'private'::regnamespace)
      and k.conparentid = 0 and not exists (
        select from pg_index i where i.indrelid = k.conrelid and i.indpred is null
          and (i.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey)$$,
  'Every foreign key has an index that begins with its columns');
select is_empty(
  $$select c.table_name from our_column c
    where c.name = 'organization_id' and not exists (
      select from pg_index i where i.indrelid = c.oid and i.indkey[0] = c.attnum and i.indpred is null)$$,
  'Every table of a tenant has an index that begins with organization_id');
select is_empty(
  $$select c.table_name from our_column c
    where c.name = 'organization_id'
      and (has_any_column_privilege('authenticated', c.oid, 'update')
        or has_any_column_privilege('service_role', c.oid, 'update'))
      and c.table_name not in (
        'run_steps', -- Only the engine's commands write it, several times a step.
        'run_events') -- Append-only.
      and not exists (
        select from pg_trigger g where g.tgrelid = c.oid and g.tgfoid = 'private.keep_columns'::regproc
          and encode(g.tgargs, 'escape') like '%organization_id\\000%')$$,
  'organization_id never changes after the insert');

-- Audit ---------------------------------------------------------------------------------------

select set_eq(
  $$select name from our_table t where not exists (
      select from pg_trigger g where g.tgrelid = t.oid and g.tgfoid = 'private.write_audit_log'::regproc
        and g.tgenabled = 'O')$$,
  array[
    'vector_representations', -- Derived from texts, whose changes are audited.
    'api_key_usage', -- Counters: calls in a rate limit's window.
    'audit_logs', -- The log itself.
    'audit_seals', -- The log's seals: chained, and what they cover is the log.
    'endpoint_attempts', -- A log of its own, as endpoint_deliveries is.
    'endpoint_deliveries', -- A queue and log of its own.
    'idempotency_keys', -- A cache of answers; what was done is audited where it was done.
    'conversation_turns', -- As idempotency_keys are.
    'messages', -- Private, and never changed; the conversation is audited, and each call is a usage event.
    'run_events', -- A log of its own, append-only.
    'run_steps', -- The queue: each transition is a run event.
    'trigger_firings', -- A log of its own; the run that it starts is audited.
    'step_effects', -- The engine's memory of what a step wrote; the rows written are audited.
    'rate_windows', -- Counters: calls and tokens in a rate limit's window.
    'usage_counters', -- Counters: sums of usage_events and usage_reservations.
    'usage_events', -- A log of its own.
    'usage_reservations', -- Calls under way, each of which becomes a usage event.
    'webhook_deliveries', -- A log of its own; the run that it starts is audited.
    'dagster_access', -- The deployment's setting, of no organization.
    'dagster_jobs', -- Derived from runs.
    'dagster_runs', -- How far a run is followed; the run is audited.
    'workers'], -- Heartbeats.
  'Every table is audited, but for these');
select set_eq(
  $$select c.relname::text from pg_class c
    where c.relnamespace = 'private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition$$,
  array[
    'search_documents', -- Derived from texts, as vector_representations are.
    'message_documents', -- As above.
    'audit_horizons', -- The sealer's memory of how far the log is whole.
    'audit_seal_rows', -- Hashes of the log's rows.
    'worker_access', -- The token that the database calls the worker with.
    'jobs'], -- The clock: when each job ran last.
  'These tables are in private, where nothing is audited, and no other');
select is_empty(
  $$select c.table_name, c.name from our_column c
    join pg_trigger g on g.tgrelid = c.oid and g.tgfoid = 'private.write_audit_log'::regproc
    where c.name ~ '(ciphertext|key_hash|secret|password|(^|_)token$)'
      and not c.name = any (split_part(encode(g.tgargs, 'escape'), '\000', 2)::text[])$$,
  'No secret column gets into the log');

-- Functions -----------------------------------------------------------------------------------

select is_empty(
  $$select name from our_function
    where not coalesce('search_path=""' = any (proconfig), false)$$,
  'Every function has an empty search_path');
select is_empty(
  $$select name from our_function where coalesce(obj_description(oid, 'pg_proc'), '') = ''$$,
  'Every function has a comment');
select set_eq(
  $$select distinct schema || '.' || p.proname from our_function f join pg_proc p on p.oid = f.oid
    where f.prosecdef$$,
  array[
    'private.assistant_stats', 'private.hold_named_tools', 'private.keep_used_tool', 'private.note_reopening', 'private.public_assistants',
    'private.reopen_users_of_tool', 'private.review_assistant', 'private.track_ratings', 'private.track_team_members',
    'private.announce_run', 'private.create_endpoint', 'private.hold_deliveries', 'private.ping_endpoint',
    'private.put_endpoint_secret', 'private.redeliver',
    'private.count_messages', 'private.discard_turn', 'private.index_message', 'private.read_messages', 'private.search_messages',
    'private.index_text', 'private.replace_hook_secret', 'private.search_registry',
    'private.create_organization', 'private.farewell_user', 'private.follow_user',
    'private.cancel_run', 'private.drop_events', 'private.relane_steps', 'private.retry_run',
    'private.carry_limits', 'private.forget_keys_of_member', 'private.hold_membership', 'private.is_banned', 'private.log_read', 'private.mark_active_version',
    'private.number_version', 'private.organization_ids', 'private.require_trigger_secret', 'private.retire_trigger_secrets', 'private.worker_token_is', 'private.search_audit_logs', 'private.start_run',
    'private.end_of_table', 'private.touch_project', 'private.track_memberships', 'private.verify_audit_seals', 'private.welcome_user',
    'private.write_audit_log'],
  'These functions are security definer, and no other; the migrations'' heads say why');
select is_empty(
  $$select polrelid::regclass || ': ' || polname from pg_policy
    where polrelid in (select oid from our_table) and polroles <> array['authenticated'::regrole::oid]$$,
  'Every policy is for authenticated alone');

-- Privileges ----------------------------------------------------------------------------------

select is_empty(
  $$select name from our_table t
    where has_table_privilege('anon', t.oid, 'select, insert, update, delete, truncate, references, trigger')
       or has_any_column_privilege('anon', t.oid, 'select, insert, update, references')$$,
  'anon may do nothing with any table');
select is_empty(
  $$select name from our_function where has_function_privilege('anon', oid, 'execute')$$,
  'anon may execute no function');
select is(has_schema_privilege('anon', 'private', 'usage'), false, 'anon may not enter private');
select is_empty(
  $$select r.role, c.relname from pg_class c cross join unnest(array['anon', 'authenticated', 'service_role']) r (role)
    where c.relnamespace = 'private'::regnamespace and c.relkind in ('r', 'p')
      and (has_table_privilege(r.role, c.oid, 'select, insert, update, delete, truncate, references, trigger')
        or has_any_column_privilege(r.role, c.oid, 'select, insert, update, references'))$$,
  'No role of the API may do anything with a table in private');
select set_eq(
  $$select distinct p.proname::text from our_function f join pg_proc p on p.oid = f.oid
    where f.schema = 'public' and has_function_privilege('authenticated', f.oid, 'execute')$$,
  array[
    'get_assistant', 'get_assistant_for_use', 'get_assistant_stats', 'list_assistants', 'list_public_assistants',
    'rate_assistant', 'review_assistant',
    'create_endpoint', 'redeliver', 'rotate_endpoint_secret', 'test_endpoint',
    'find_model_price', 'get_budget_statuses', 'usage_report',
    'cancel_run', 'retry_run', 'get_block_taxonomy', 'get_impact', 'list_taxonomy', 'search_registry', 'set_block_taxonomy',
    'activate_block_version', 'activate_edge_version', 'audit_stats', 'begin_idempotent_request',
    'begin_turn', 'discard_turn', 'finish_turn', 'list_messages', 'search_messages',
    'create_block', 'create_edge', 'create_organization', 'create_pipeline', 'create_webhook_trigger',
    'end_idempotent_request', 'get_project_schema', 'get_user_projects', 'validate_project_ownership', 'get_pipeline', 'get_run', 'list_dagster_jobs', 'list_run_events', 'log_audit_read',
    'log_provider_key_read', 'put_provider_key', 'rotate_api_key', 'search_audit_logs', 'start_run',
    'update_pipeline', 'verify_audit_seals', 'write_table_rows'],
  'authenticated may execute these commands, and no other');
select set_eq(
  $$select t.name || ': ' || p.privilege from our_table t
    cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p (privilege)
    where has_table_privilege('authenticated', t.oid, p.privilege)$$,
  array[
    'assistant_ratings: select', 'assistant_ratings: delete',
    'assistant_reviews: select',
    'assistants: select', 'assistants: delete',
    'team_members: select', 'team_members: delete',
    'teams: select', 'teams: delete',
    'tools: select', 'tools: delete',
    'block_taxonomies: select', 'block_taxonomies: delete',
    'code_repos: select', 'code_repos: delete',
    'conversation_turns: select',
    'conversations: select', 'conversations: delete',
    'messages: select',
    'dagster_jobs: select', 'dagster_runs: select',
    'dependencies: select', 'dependencies: delete',
    'docker_images: select', 'docker_images: delete',
    'taxonomy_categories: select', 'taxonomy_categories: delete',
    'vector_representations: select',
    'audit_logs: select',
    'audit_seals: select',
    'block_versions: select',
    'blocks: select', 'blocks: delete',
    'edge_verifications: select',
    'endpoint_attempts: select',
    'endpoint_deliveries: select',
    'pipeline_endpoints: select', 'pipeline_endpoints: delete',
    'edge_versions: select',
    'edges: select', 'edges: delete',
    'idempotency_keys: select', 'idempotency_keys: insert', 'idempotency_keys: update', 'idempotency_keys: delete',
    'memberships: select', 'memberships: delete',
    'organizations: select', 'organizations: delete',
    'pipeline_blocks: select', 'pipeline_blocks: delete',
    'pipeline_edges: select', 'pipeline_edges: delete',
    'pipeline_runs: select',
    'pipeline_triggers: select', 'pipeline_triggers: delete',
    'pipelines: select', 'pipelines: delete',
    'platform_admins: select',
    'column_metadata: select', 'column_metadata: delete',
    'projects: select', 'projects: delete',
    'relationships: select', 'relationships: delete',
    'table_metadata: select', 'table_metadata: delete',
    'budgets: select', 'budgets: delete',
    'model_prices: select', 'model_prices: delete',
    'rate_limits: select', 'rate_limits: delete',
    'usage_counters: select',
    'usage_events: select',
    'profiles: select',
    'provider_keys: delete',
    'run_events: select',
    'run_steps: select',
    'step_effects: select',
    'trigger_firings: select',
    'webhook_deliveries: select'],
  'authenticated has these privileges on whole tables, and no other');
select set_eq(
  $$select table_name || ': ' || privilege || ' ' || string_agg(name, ', ' order by name)
    from our_column cross join unnest(array['insert', 'update']) p (privilege)
    where has_column_privilege('authenticated', oid, attnum, privilege)
      and not has_table_privilege('authenticated', oid, privilege)
    group by table_name, privilege$$,
  array[
    'assistant_ratings: insert assistant_id, comment, rating, user_id',
    'assistant_ratings: update comment, rating',
    'assistants: insert access_level, category, description, is_public, max_tokens, model, name, organization_id, prompt, settings, status, tags, team_id, temperature, tools, web_access',
    'assistants: update access_level, category, description, is_public, max_tokens, model, name, prompt, risk_level, settings, status, tags, team_id, temperature, tools, web_access',
    'team_members: insert team_id, user_id',
    'teams: insert description, name, organization_id, settings',
    'teams: update description, name, settings',
    'tools: insert approval, code, description, is_active, name, organization_id, parameters',
    'tools: update approval, code, description, is_active, parameters',
    'block_taxonomies: insert block_id, category_id',
    'code_repos: insert branch, entity_id, entity_type, organization_id, repo_url',
    'code_repos: update branch, repo_url',
    'conversation_turns: insert base_id, began_conversation, conversation_id, idempotency_key, leaf_id, locked_until, organization_id, request_hash, shown_id, user_id',
    'conversation_turns: update answer_id, locked_until',
    'conversations: insert assistant_id, context, organization_id, project_id, settings, subject, title',
    'conversations: update assistant_id, context, current_message_id, project_id, settings, status, subject, title',
    'messages: insert cached_tokens, content, conversation_id, cost, id, input_tokens, metadata, model, output_tokens, parent_id, parts, provider, reasoning_tokens, response_time_ms, role, status, tool_call_id, tool_calls',
    'messages: update feedback',
    'dependencies: insert dependency_detail, dependency_type, depends_on_id, depends_on_type, entity_id, entity_type, package_name, package_version',
    'docker_images: insert entity_id, entity_type, image_tag, name, organization_id, registry_url',
    'docker_images: update image_tag, name, registry_url',
    'hook_secrets: insert ciphertext, code_repo_id, docker_image_id, id, key_version',
    'taxonomy_categories: insert description, name, organization_id, parent_id',
    'taxonomy_categories: update description, name, parent_id',
    'api_keys: insert expires_at, key_hash, last_four, name, organization_id, prefix, rate_limit, rate_window_seconds, scopes',
    'api_keys: update expires_at, is_active, name, rate_limit, rate_window_seconds, replaced_by, revoked_at, scopes',
    'block_versions: insert block_id, metadata, spec',
    'blocks: insert block_type, description, name, organization_id',
    'blocks: update current_version_id, description, is_archived, name',
    'edge_verifications: insert edge_version_id',
    'edge_versions: insert edge_id, metadata, spec',
    'edges: insert description, name, organization_id',
    'edges: update current_version_id, description, is_archived, name',
    'memberships: insert organization_id, role, user_id',
    'memberships: update role, status',
    'organizations: update audit_retention_days, name, settings, slug',
    'pipeline_blocks: insert block_id, cache, max_attempts, pipeline_id, priority, timeout_seconds',
    'pipeline_blocks: update cache, max_attempts, priority, timeout_seconds',
    'pipeline_edges: insert edge_id, pipeline_id, source_block_id, target_block_id',
    'pipeline_edges: update edge_id, source_block_id, target_block_id',
    'pipeline_endpoints: update description, events, is_active, url',
    'pipeline_triggers: insert catch_up, expression, id, input, overlap, pipeline_id, scheme, timezone, type',
    'pipeline_triggers: update catch_up, expression, input, is_active, overlap, timezone',
    'pipelines: insert dagster_pipeline_config, description, executor, max_concurrent_steps, name, organization_id, status',
    'pipelines: update dagster_pipeline_config, description, executor, max_concurrent_steps, name, status',
    'budgets: insert hard, limit_usd, organization_id, period, scope, subject_id',
    'budgets: update hard, limit_usd',
    'model_prices: insert above_input_tokens, as_of, cached_input_price, input_price, model, organization_id, output_price, provider, reasoning_price, source, variants',
    'model_prices: update as_of, cached_input_price, input_price, output_price, reasoning_price, source, variants',
    'rate_limits: insert organization_id, requests_per_minute, scope, subject_id, tokens_per_minute',
    'rate_limits: update requests_per_minute, tokens_per_minute',
    'profiles: update avatar_url, full_name, username',
    'column_metadata: insert business_rules, data_generation_rules, data_type, default_value, description, enhanced_description, is_nullable, is_primary_key, is_unique, max_length, name, pattern, position, sample_values, table_id, validation_rules',
    'column_metadata: update business_rules, data_generation_rules, data_type, default_value, description, enhanced_description, is_nullable, is_primary_key, is_unique, max_length, name, pattern, position, sample_values, validation_rules',
    'projects: insert description, name, organization_id',
    'projects: update description, name',
    'relationships: insert relationship_type, source_column_id, source_table_id, target_column_id, target_table_id',
    'relationships: update relationship_type',
    'table_metadata: insert business_rules, description, domain_context, enhanced_description, name, position_x, position_y, project_id',
    'table_metadata: update business_rules, description, domain_context, enhanced_description, name, position_x, position_y',
    'provider_keys: insert base_url, ciphertext, id, key_version, last_four, name, organization_id, provider, user_id',
    'provider_keys: update base_url, ciphertext, is_active, key_version, last_four, name',
    'step_effects: insert id, organization_id, result',
    'step_effects: update result',
    'trigger_secrets: insert ciphertext, grace_seconds, id, key_version, trigger_id'],
  'authenticated may write these columns, and no other');
select is_empty(
  $$select table_name, name from our_column
    where name ~ '(ciphertext|key_hash|secret|password|(^|_)token$)'
      and has_column_privilege('authenticated', oid, attnum, 'select')$$,
  'No client reads a secret column');

select * from finish();
rollback;
