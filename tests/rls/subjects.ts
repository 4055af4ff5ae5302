import type postgres from "postgres";
import type { Tenant } from "../harness/tenant.ts";
import { assistantSubjects } from "./assistant_subjects.ts";
import { conversationSubjects } from "./conversation_subjects.ts";
import { dagsterSubjects } from "./dagster_subjects.ts";
import { endpointSubjects } from "./endpoint_subjects.ts";
import { projectSubjects } from "./project_subjects.ts";
import { usageSubjects } from "./usage_subjects.ts";
import type { Subject } from "./subject.ts";

const unique = () => crypto.randomUUID();
const DIGEST = "0".repeat(64);
const LONG_AGO = "2026-01-01T00:00:00+00:00";

/** A subject for each table, made with the database owner's connection. */
export function subjectsOf(sql: postgres.Sql, tenant: Tenant): Record<string, Subject> {
  const { organizationId: organization_id, owner } = tenant;
  const insert = async (table: string, values: Record<string, unknown>): Promise<string> => {
    const columns = Object.keys(values);
    const [row] = await sql`
      insert into ${sql(table)} (${sql(columns)})
      select ${sql(columns)} from jsonb_populate_record(null::${sql(table)}, ${
      sql.json(JSON.parse(JSON.stringify(values)))
    })
      returning id`;
    return row?.id;
  };
  const user = async () => {
    const id = unique();
    await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
    return id;
  };
  const organization = async () => {
    const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];
    const slug = `t-${unique().slice(0, 12)}`;
    const [row] =
      await sql`select * from private.create_organization('T', ${slug}, 'team', ${owner.id})`;
    await sql`insert into memberships (organization_id, user_id, role, status) values
      (${row?.id}, ${admin.id}, 'admin', 'active'), (${row?.id}, ${member.id}, 'member', 'active')`;
    return row?.id;
  };
  const named = () => ({ organization_id, name: unique() });
  const block = () => insert("blocks", { ...named(), block_type: "dataset" });
  const edge = () => insert("edges", named());
  const category = () => insert("taxonomy_categories", named());
  const ofBlock = async () => ({ entity_type: "block", entity_id: await block() });
  const repoValues = async () => ({ ...await ofBlock(), repo_url: `https://git.test/${unique()}` });
  const repo = async () => insert("code_repos", await repoValues());
  const dependencyValues = async () => ({
    ...await ofBlock(),
    dependency_type: "external",
    package_name: unique(),
  });
  const dependency = async () => insert("dependencies", await dependencyValues());
  const pipeline = () => insert("pipelines", named());
  const version = { spec: { kind: "identity" }, metadata: {} };
  const edgeVersion = async () => insert("edge_versions", { edge_id: await edge(), ...version });
  const arrow = async () => {
    const [pipeline_id, source_block_id, target_block_id, edge_id] = await Promise.all([
      pipeline(),
      block(),
      block(),
      edge(),
    ]);
    await insert("pipeline_blocks", { pipeline_id, block_id: source_block_id });
    await insert("pipeline_blocks", { pipeline_id, block_id: target_block_id });
    return { pipeline_id, source_block_id, target_block_id, edge_id };
  };
  const runValues = async () => ({
    organization_id,
    pipeline_id: await pipeline(),
    definition: {},
    status: "canceled",
    finished_at: LONG_AGO,
  });
  const run = async () => insert("pipeline_runs", await runValues());
  // Never `ready`: the stack's worker would take it.
  const stepValues = async () => ({
    organization_id,
    run_id: await run(),
    block_id: unique(),
    block_version_id: unique(),
    name: unique(),
    status: "canceled",
  });
  const step = async () => insert("run_steps", await stepValues());
  const triggerValues = async () => ({
    id: unique(),
    pipeline_id: await pipeline(),
    type: "webhook",
    scheme: "none",
  });
  const trigger = async () =>
    insert("pipeline_triggers", { ...await triggerValues(), created_by: owner.id });
  const secret = async () => {
    const { pipeline_id } = await triggerValues();
    const trigger_id = unique();
    // A webhook with a signature is not stored without a secret.
    await sql.begin(async (sql) => {
      await sql`insert into pipeline_triggers (id, pipeline_id, type, scheme, created_by)
        values (${trigger_id}, ${pipeline_id}, 'webhook', 'github', ${owner.id})`;
      await sql`insert into trigger_secrets (trigger_id, ciphertext, key_version)
        values (${trigger_id}, 'first', 1)`;
    });
    return { trigger_id, ciphertext: unique(), key_version: 1 };
  };
  const idempotency = () => ({
    user_id: owner.id,
    operation: "POST /test",
    key: unique(),
    request_hash: DIGEST,
    locked_until: LONG_AGO,
  });
  const log = () => ({
    organization_id,
    actor_id: owner.id,
    actor_type: "user",
    action_type: "CREATE",
    entity_type: "test",
    request_id: unique(),
  });
  const seal = () => ({
    organization_id,
    sequence: crypto.getRandomValues(new Uint32Array(1))[0],
    first_id: unique(),
    last_id: unique(),
    first_at: LONG_AGO,
    last_at: LONG_AGO,
    row_count: 1,
    rows_digest: DIGEST,
    digest: DIGEST,
  });
  const issuedKey = () => ({
    ...named(),
    prefix: `el_test_${unique().slice(0, 8)}`,
    last_four: "0000",
    key_hash: DIGEST.replace("0".repeat(32), unique().replaceAll("-", "")),
    scopes: ["pipelines:read"],
  });
  const usage = async () => ({
    id: await insert("api_keys", { ...issuedKey(), user_id: owner.id }),
    organization_id,
    window_started_at: LONG_AGO,
    current_count: 1,
    previous_count: 1,
  });
  const providerKey = () => ({
    ...named(),
    provider: `p-${unique()}`,
    ciphertext: unique(),
    key_version: 1,
    last_four: "0000",
  });
  const effect = async () => ({ id: await step(), organization_id, result: {} });

  const plain = (
    table: string,
    values: () => Record<string, unknown> | Promise<Record<string, unknown>>,
    change: Record<string, unknown>,
  ): Subject => ({
    row: async () => insert(table, await values()),
    values: async () => await values(),
    change: () => Promise.resolve(change),
  });

  return {
    organizations: {
      row: organization,
      values: () =>
        Promise.resolve({ name: "T", slug: `t-${unique().slice(0, 12)}`, kind: "team" }),
      change: () => Promise.resolve({ name: unique() }),
    },
    profiles: {
      row: () => Promise.resolve(owner.id),
      values: async () => {
        const id = await user();
        await sql`delete from profiles where id = ${id}`;
        return { id, username: unique() };
      },
      change: () => Promise.resolve({ full_name: unique() }),
    },
    memberships: {
      row: async () =>
        insert("memberships", { organization_id, user_id: await user(), status: "active" }),
      values: async () => ({ organization_id, user_id: await user(), role: "member" }),
      change: () => Promise.resolve({ role: "admin" }),
    },
    platform_admins: plain(
      "platform_admins",
      async () => ({ user_id: await user(), role: "developer" }),
      { role: "super_admin" },
    ),
    idempotency_keys: plain("idempotency_keys", idempotency, { status_code: 202 }),
    audit_logs: plain("audit_logs", log, { user_agent: "forged" }),
    audit_seals: plain("audit_seals", seal, { digest: "forged" }),
    api_keys: {
      row: () => insert("api_keys", { ...issuedKey(), user_id: owner.id }),
      values: () => Promise.resolve(issuedKey()),
      change: () => Promise.resolve({ is_active: false }),
      columns: "id,name,scopes",
    },
    api_key_usage: plain("api_key_usage", usage, { current_count: 0 }),
    provider_keys: {
      ...plain("provider_keys", providerKey, { name: "changed" }),
      columns: "id,name,provider",
    },
    blocks: plain("blocks", () => ({ ...named(), block_type: "dataset" }), { description: "c" }),
    block_versions: plain(
      "block_versions",
      async () => ({ block_id: await block(), spec: { kind: "inline", rows: [] } }),
      { is_active: false },
    ),
    edges: plain("edges", named, { description: "changed" }),
    edge_versions: plain(
      "edge_versions",
      async () => ({ edge_id: await edge(), spec: version.spec }),
      { is_active: false },
    ),
    edge_verifications: plain(
      "edge_verifications",
      async () => ({ edge_version_id: await edgeVersion() }),
      { verification_logs: "forged" },
    ),
    pipelines: plain("pipelines", named, { description: "changed" }),
    pipeline_blocks: plain(
      "pipeline_blocks",
      async () => ({ pipeline_id: await pipeline(), block_id: await block() }),
      { priority: 1 },
    ),
    pipeline_edges: {
      ...plain("pipeline_edges", arrow, {}),
      change: async () => ({ edge_id: await edge() }),
    },
    pipeline_runs: plain("pipeline_runs", runValues, { external_id: "forged" }),
    run_steps: plain("run_steps", stepValues, { priority: 9 }),
    run_events: plain(
      "run_events",
      async () => ({ organization_id, run_id: await run(), event_type: "run.forged" }),
      { message: "forged" },
    ),
    workers: plain("workers", () => ({ id: unique(), heartbeat_at: LONG_AGO }), {
      lease_seconds: 600,
    }),
    pipeline_triggers: {
      row: trigger,
      values: triggerValues,
      change: () => Promise.resolve({ is_active: false }),
    },
    trigger_secrets: plain("trigger_secrets", secret, { key_version: 2 }),
    trigger_firings: plain(
      "trigger_firings",
      async () => ({ trigger_id: await trigger(), scheduled_at: LONG_AGO, status: "started" }),
      { passed_over: 9 },
    ),
    webhook_deliveries: plain(
      "webhook_deliveries",
      async () => ({ trigger_id: await trigger(), delivery_id: unique() }),
      { created_at: LONG_AGO },
    ),
    taxonomy_categories: plain("taxonomy_categories", named, { description: "changed" }),
    block_taxonomies: plain(
      "block_taxonomies",
      async () => ({ block_id: await block(), category_id: await category() }),
      { updated_at: LONG_AGO },
    ),
    code_repos: plain("code_repos", repoValues, { branch: "changed" }),
    docker_images: plain(
      "docker_images",
      async () => ({ ...await ofBlock(), name: unique() }),
      { image_tag: "changed" },
    ),
    hook_secrets: plain(
      "hook_secrets",
      async () => ({ code_repo_id: await repo(), ciphertext: unique(), key_version: 1 }),
      { key_version: 2 },
    ),
    dependencies: plain("dependencies", dependencyValues, { dependency_detail: "changed" }),
    entity_dependencies: {
      row: dependency,
      values: dependencyValues,
      change: () => Promise.resolve({ dependency_detail: "changed" }),
    },
    vector_representations: plain(
      "vector_representations",
      async () => ({ ...await ofBlock(), vector_db: "pinecone", vector_key: unique() }),
      { vector_key: "forged" },
    ),
    ...dagsterSubjects(organization_id, insert, plain),
    ...endpointSubjects(organization_id, insert, plain),
    ...assistantSubjects(tenant, insert, plain),
    ...conversationSubjects({ organization_id, user_id: owner.id }, insert, plain),
    ...projectSubjects(organization_id, insert, plain),
    ...usageSubjects({ organization_id, user_id: owner.id }, insert, plain),
    step_effects: plain("step_effects", effect, { result: { rows_written: 9 } }),
  };
}
