import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { appendLogs, seal, verifyLog } from "../harness/seals.ts";
import { sql, withSql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("counts are by UTC, whatever the session's time zone", async () => {
  const { owner, organizationId } = await createTenant();
  await createBlock(owner);
  const [row] = await withSql(async (sql) => {
    // Across the end of summer time there.
    await sql`set timezone = 'Europe/Berlin'`;
    return await sql`select public.audit_stats(${organizationId}, 'day', '2026-10-01T00:00:00Z',
      now() + interval '1 minute') as stats`;
  });
  type Bucket = { start: string; CREATE: number; READ: number; UPDATE: number; DELETE: number };
  const { total, buckets }: { total: number; buckets: Bucket[] } = row?.stats;
  assert.ok(total > 0);
  const counted = buckets.flatMap((
    { CREATE, READ, UPDATE, DELETE },
  ) => [CREATE, READ, UPDATE, DELETE]);
  assert.equal(counted.reduce((sum, count) => sum + count, 0), total);
  assert.ok(buckets.every(({ start }) => new Date(start).getUTCHours() === 0));
});

Deno.test("the owner verifies the chain of rows that belong to no organization", async () => {
  const userId = crypto.randomUUID();
  await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
  await sql`insert into public.platform_admins (user_id, role) values (${userId}, 'developer')`;
  await seal();
  const nil = "00000000-0000-0000-0000-000000000000";
  const brokenIds = async () => {
    const found: (string | null)[] = [];
    for (let after = 0;;) {
      const [row] = await sql`select private.verify_audit_seals(${nil}, ${after}, 100000) as part`;
      if (row?.part.first_broken) found.push(row.part.first_broken.audit_log_id);
      if (row?.part.first_broken || row?.part.is_complete) return found;
      after = row?.part.last_sequence;
    }
  };
  const [log] = await sql`select id from public.audit_logs
    where entity_type = 'platform_admin' and details -> 'new' ->> 'user_id' = ${userId}`;
  assert.deepEqual(await brokenIds(), []);
  await sql`update public.audit_logs set user_agent = 'forged' where id = ${log?.id}`;
  assert.deepEqual(await brokenIds(), [log?.id]);
  await sql`update public.audit_logs set user_agent = null where id = ${log?.id}`;
  assert.deepEqual(await brokenIds(), []);
});

Deno.test("a verification goes on from where one ran out of time", async () => {
  const { owner, organizationId } = await createTenant();
  await seal();
  await appendLogs(organizationId, 3);
  await seal();
  const whole = await verifyLog(owner);
  assert.ok(whole.valid && whole.is_complete && whole.next_sequence === null);
  assert.ok(whole.seals_checked >= 2);
  const rest = expect(await owner.post("/audit/verify", { after_sequence: 1 }), 200);
  assert.ok(rest.valid && rest.seals_checked >= whole.seals_checked - 1);
  assert.ok(rest.rows_checked < whole.rows_checked + 3);
});
