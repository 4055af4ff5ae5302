import postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import { type FunctionProcess, startFunction } from "../harness/function_process.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { cpuMs, peakBytes, residentBytes } from "./process_usage.ts";
import { decimals, type Figure } from "./report.ts";
import { type Member, signUp } from "./seed.ts";

const ROWS = [10_000, 100_000, 1_000_000];
const FORMATS = ["ndjson", "csv", "ocsf"];
const MB = 1024 * 1024;

/**
 * Exports of logs short and long: how fast, and what they cost the function. It runs alone in a
 * process; the local API that it reads from runs in the benchmark's own.
 */
export async function measureExport(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const stack = await startStack({ db: server.url, scheduler: false });
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  try {
    const figures: Figure[] = [];
    for (const rows of ROWS) {
      const member = await signUp(stack);
      await fill(sql, member, rows);
      for (const format of FORMATS) {
        // A new process each time: what an earlier export left behind would hide this one's peak.
        const audit = await startFunction("audit", stack);
        try {
          // The first request loads the routes, which is no part of an export.
          await download(audit, member, `format=${format}&entity_id=${member.userId}`);
          const usage = await measure(audit, member, format);
          figures.push(toFigure(`${server.version}, ${rows} rows, ${format}`, rows, usage));
        } finally {
          await audit.stop();
        }
      }
    }
    return figures;
  } finally {
    await sql.end();
    await stack.stop();
  }
}

/** Changes of blocks, as the trigger logs them, over the last half year. */
async function fill(sql: postgres.Sql, { userId, organizationId }: Member, rows: number) {
  await sql`select private.ensure_audit_partitions()`;
  await sql`
    insert into public.audit_logs (organization_id, actor_id, actor_type, action_type, entity_type,
      entity_id, entity_name, occurred_at, details, ip_address, user_agent, request_id)
    select ${organizationId}, ${userId}, 'user', 'UPDATE', 'block', id, name,
      now() - interval '180 days' * (1 - n / ${rows}::float8),
      jsonb_build_object('changed', array['description'], 'old', block,
        'new', block || jsonb_build_object('description', 'Rain and snow of ' || n)),
      '203.0.113.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101', gen_random_uuid()
    from generate_series(1, ${rows}::int) n
    cross join lateral (select gen_random_uuid() as id, 'Seattle weather ' || n as name) b
    cross join lateral (
      select jsonb_build_object('id', id, 'organization_id', ${organizationId}::uuid, 'name', name,
        'block_type', 'dataset', 'description', null, 'current_version_id', id, 'revision', n,
        'created_by', ${userId}::uuid, 'created_at', now(), 'updated_at', now()) as block) d`;
  await sql`vacuum analyze public.audit_logs`;
}

type Usage = { ms: number; bytes: number; cpu: number; before: number; peak: number };

async function measure(audit: FunctionProcess, member: Member, format: string): Promise<Usage> {
  const before = await residentBytes(audit.pid);
  const cpuBefore = await cpuMs(audit.pid);
  const started = performance.now();
  let bytes = 0;
  const peak = await peakBytes(audit.pid, async () => {
    bytes = await download(audit, member, `format=${format}&entity_type=block`);
  });
  const ms = performance.now() - started;
  return { ms, bytes, cpu: await cpuMs(audit.pid) - cpuBefore, before, peak };
}

/** Takes an export as it comes, keeps nothing of it, and returns its length in bytes. */
async function download(audit: FunctionProcess, { token }: Member, query: string) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${audit.url}/audit/export?${query}`, { headers });
  if (!answer.ok) throw new Error(`The export answered ${answer.status}: ${await answer.text()}`);
  let bytes = 0;
  for await (const chunk of answer.body ?? []) bytes += chunk.length;
  return bytes;
}

function toFigure(name: string, rows: number, usage: Usage): Figure {
  const parts = [
    `peak ${decimals(usage.peak / MB, 0)} MB`,
    `+${decimals((usage.peak - usage.before) / MB, 0)} MB`,
    `${decimals(rows / (usage.ms / 1000), 0)} rows/s`,
    `${decimals(usage.cpu / rows * 100, 2)} s CPU per 100k rows`,
    `${decimals(usage.bytes / MB, 0)} MB sent`,
  ];
  return {
    name: `export, ${name}`,
    base: `${decimals(usage.before / MB, 0)} MB idle`,
    measured: parts.join(", "),
  };
}
