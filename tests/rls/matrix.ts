import type { Role } from "../harness/tenant.ts";

/** The least role that may; "-" is nobody. */
export type Minimum = Role | "-";

/**
 * Who may do what past the functions, straight at `/rest/v1`: each table with the least role of the
 * row's organization for select, insert, update, delete. Anonymous callers, other tenants and keys
 * for other organizations may nothing anywhere; a key for this one may what its user may. Where a
 * row is a user's own, it is the owner's.
 */
export const MATRIX: Record<string, readonly [Minimum, Minimum, Minimum, Minimum]> = {
  // table: select, insert, update, delete
  organizations: ["member", "-", "admin", "owner"],
  profiles: ["member", "-", "owner", "-"],
  memberships: ["member", "admin", "admin", "admin"],
  platform_admins: ["-", "-", "-", "-"],
  idempotency_keys: ["owner", "owner", "owner", "owner"],
  audit_logs: ["admin", "-", "-", "-"],
  audit_seals: ["admin", "-", "-", "-"],
  api_keys: ["admin", "member", "admin", "-"],
  api_key_usage: ["-", "-", "-", "-"],
  provider_keys: ["member", "admin", "admin", "admin"],
  blocks: ["member", "member", "member", "admin"],
  block_versions: ["member", "member", "-", "-"],
  edges: ["member", "member", "member", "admin"],
  edge_versions: ["member", "member", "-", "-"],
  edge_verifications: ["member", "member", "-", "-"],
  pipelines: ["member", "member", "member", "admin"],
  pipeline_blocks: ["member", "member", "member", "member"],
  pipeline_edges: ["member", "member", "member", "member"],
  pipeline_runs: ["member", "-", "-", "-"],
  run_steps: ["member", "-", "-", "-"],
  run_events: ["member", "-", "-", "-"],
  workers: ["-", "-", "-", "-"],
  dagster_access: ["-", "-", "-", "-"],
  dagster_jobs: ["member", "-", "-", "-"],
  dagster_runs: ["member", "-", "-", "-"],
  pipeline_triggers: ["member", "admin", "admin", "admin"],
  trigger_secrets: ["-", "admin", "-", "-"],
  trigger_firings: ["member", "-", "-", "-"],
  webhook_deliveries: ["member", "-", "-", "-"],
  taxonomy_categories: ["member", "member", "member", "admin"],
  block_taxonomies: ["member", "member", "-", "member"],
  code_repos: ["member", "member", "member", "admin"],
  docker_images: ["member", "member", "member", "admin"],
  hook_secrets: ["-", "admin", "-", "-"],
  dependencies: ["member", "member", "-", "member"],
  vector_representations: ["member", "-", "-", "-"],
  entity_dependencies: ["member", "-", "-", "-"],
  step_effects: ["member", "-", "-", "-"],
  pipeline_endpoints: ["member", "-", "admin", "admin"],
  endpoint_secrets: ["-", "-", "-", "-"],
  endpoint_deliveries: ["member", "-", "-", "-"],
  endpoint_attempts: ["member", "-", "-", "-"],
  teams: ["member", "admin", "admin", "admin"],
  team_members: ["member", "admin", "-", "admin"],
  tools: ["member", "member", "admin", "admin"],
  assistants: ["member", "member", "admin", "admin"],
  assistant_ratings: ["member", "member", "owner", "owner"],
  assistant_reviews: ["admin", "-", "-", "-"],
  // Of the organization or its owner: a member sees their own.
  usage_events: ["admin", "-", "-", "-"],
  usage_reservations: ["-", "-", "-", "-"],
  usage_counters: ["admin", "-", "-", "-"],
  budgets: ["admin", "admin", "admin", "admin"],
  rate_limits: ["member", "admin", "admin", "admin"],
  rate_windows: ["-", "-", "-", "-"],
  model_prices: ["member", "admin", "admin", "admin"],
  projects: ["member", "member", "member", "admin"],
  table_metadata: ["member", "member", "member", "member"],
  column_metadata: ["member", "member", "member", "member"],
  relationships: ["member", "member", "member", "member"],
  // What was said is its user's alone at /rest/v1: admins read it through list_messages, which logs it.
  conversations: ["admin", "member", "owner", "admin"],
  messages: ["owner", "owner", "owner", "-"],
  conversation_turns: ["owner", "owner", "owner", "-"],
};
