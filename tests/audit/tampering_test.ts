import assert from "node:assert/strict";
import { editColumn, forgeLog, SealedLog } from "../harness/seals.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

type Broken = { batch?: number; audit_log_id?: string | null; reason: string };

/** What someone with the database's owner's rights does, and what must then be named first. */
const TAMPERING: Record<string, (log: SealedLog) => Promise<Broken>> = {
  "an edited row": async (log) => {
    const id = log.id(1, 2);
    await sql`update public.audit_logs set details = '{"new": {"n": 99}}' where id = ${id}`;
    return { batch: 1, audit_log_id: id, reason: "edited" };
  },
  "a removed row": async (log) => {
    const id = log.id(1, 2);
    await sql`delete from public.audit_logs where id = ${id}`;
    return { batch: 1, audit_log_id: id, reason: "removed" };
  },
  "the last sealed row, removed": async (log) => {
    const id = log.id(2, 3);
    await sql`delete from public.audit_logs where id = ${id}`;
    return { batch: 2, audit_log_id: id, reason: "removed" };
  },
  "a row slipped in among sealed ones": async (log) => {
    const id = await forgeLog(log.organizationId, `${await log.timeOf(log.id(1, 1))}`);
    return { batch: 1, audit_log_id: id, reason: "inserted" };
  },
  "a row slipped in before the first": async (log) => {
    const id = await forgeLog(log.organizationId, "2001-01-01T00:00:00Z");
    return { audit_log_id: id, reason: "inserted" };
  },
  "a row slipped in before all time": async (log) => {
    const id = await forgeLog(log.organizationId, "-infinity");
    return { audit_log_id: id, reason: "inserted" };
  },
  "a row slipped in after the last seal, in time that is sealed": async (log) => {
    const [row] = await sql`
      select (private.audit_sealed_until() - interval '1 microsecond')::text as time`;
    const id = await forgeLog(log.organizationId, row?.time);
    return { audit_log_id: id, reason: "inserted" };
  },
  "a row moved to another time": async (log) => {
    const id = log.id(1, 2);
    await sql`update public.audit_logs set occurred_at = occurred_at + interval '9 years' where id = ${id}`;
    return { batch: 1, audit_log_id: id, reason: "edited" };
  },
  "a row given to another organization": async (log) => {
    const id = log.id(1, 2);
    const { organizationId } = await createTenant();
    await sql`update public.audit_logs set organization_id = ${organizationId} where id = ${id}`;
    return { batch: 1, audit_log_id: id, reason: "edited" };
  },
  "of several, the first: an edited row before a removed one": async (log) => {
    await sql`delete from public.audit_logs where id in (${log.id(1, 3)}, ${log.id(2, 0)})`;
    await sql`update public.audit_logs set user_agent = 'x' where id = ${log.id(1, 1)}`;
    await forgeLog(log.organizationId, await log.timeOf(log.id(2, 1)));
    return { batch: 1, audit_log_id: log.id(1, 1), reason: "edited" };
  },
  "of several, the first: a removed row before an edited one": async (log) => {
    await sql`delete from public.audit_logs where id = ${log.id(1, 0)}`;
    await sql`update public.audit_logs set user_agent = 'x' where id = ${log.id(1, 1)}`;
    return { batch: 1, audit_log_id: log.id(1, 0), reason: "removed" };
  },
  "of several, the first: a row slipped in before an edited one": async (log) => {
    await sql`update public.audit_logs set user_agent = 'x' where id = ${log.id(1, 3)}`;
    await sql`delete from public.audit_logs where id = ${log.id(1, 2)}`;
    const id = await forgeLog(log.organizationId, await log.timeOf(log.id(1, 1)));
    return { batch: 1, audit_log_id: id, reason: "inserted" };
  },
  "an edited seal of the rows as they are": async (log) => {
    const { id } = log.seals[1];
    await sql`update public.audit_logs set user_agent = 'x' where id = ${log.id(1, 1)}`;
    await sql`update private.audit_seal_rows r set row_digests = (
      select array_agg(private.audit_row_digest(l) order by l.occurred_at, l.id)
      from public.audit_logs l where l.id = any (r.row_ids)) where seal_id = ${id}`;
    await sql`update public.audit_seals s set rows_digest = (
      select private.audit_rows_digest(r.row_ids, r.row_digests) from private.audit_seal_rows r
      where r.seal_id = s.id) where id = ${id}`;
    await sql`update public.audit_seals s set digest = private.audit_seal_digest(s) where id = ${id}`;
    return { batch: 2, audit_log_id: null, reason: "seal_edited" };
  },
  "a removed seal": async (log) => {
    const { id, sequence } = log.seals[1];
    await sql`delete from public.audit_seals where id = ${id}`;
    const [next] = await sql`select sequence::int from public.audit_seals
      where organization_id = ${log.organizationId} and sequence = ${sequence + 1}`;
    assert.equal(next?.sequence, sequence + 1);
    return { audit_log_id: null, reason: "seal_removed" };
  },
  "the first seal removed": async (log) => {
    await sql`delete from public.audit_seals where sequence = 1 and organization_id = ${log.organizationId}`;
    return { audit_log_id: null, reason: "seal_removed" };
  },
  "the last seal removed": async (log) => {
    await sql`delete from public.audit_seals where id = ${log.seals[2].id}`;
    return { audit_log_id: log.id(2, 0), reason: "inserted" };
  },
  "all seals removed": async (log) => {
    await sql`delete from public.audit_seals where organization_id = ${log.organizationId}`;
    return { reason: "inserted" };
  },
  "a seal said to be expired, its rows removed": async (log) => {
    const { id } = log.seals[1];
    await sql`update public.audit_seals set expired_at = now() where id = ${id}`;
    await sql`delete from private.audit_seal_rows where seal_id = ${id}`;
    for (const row of log.batches[1] ?? []) {
      await sql`delete from public.audit_logs where id = ${row}`;
    }
    return { batch: 1, audit_log_id: null, reason: "seal_edited" };
  },
  "all seals up to one said to be expired": async (log) => {
    const { sequence } = log.seals[1];
    await sql`update public.audit_seals set expired_at = now()
      where organization_id = ${log.organizationId} and sequence <= ${sequence}`;
    return { audit_log_id: null, reason: "seal_edited" };
  },
  "an edited hash of a row": async (log) => {
    await sql`update private.audit_seal_rows set row_digests[2] = '\\x00' where seal_id = ${
      log.seals[1].id
    }`;
    return { batch: 1, audit_log_id: null, reason: "seal_edited" };
  },
  "an edited id beside a hash": async (log) => {
    await sql`update private.audit_seal_rows set row_ids[2] = gen_random_uuid() where seal_id = ${
      log.seals[1].id
    }`;
    return { batch: 1, audit_log_id: null, reason: "seal_edited" };
  },
  "hashes removed": async (log) => {
    await sql`delete from private.audit_seal_rows where seal_id = ${log.seals[1].id}`;
    return { batch: 1, audit_log_id: null, reason: "seal_edited" };
  },
};

for (const [name, tamper] of Object.entries(TAMPERING)) {
  Deno.test(`verifying finds ${name}`, async () => {
    const log = await SealedLog.make();
    assert.equal((await log.verify()).valid, true);
    const { batch, ...expected } = await tamper(log);
    const { valid, first_broken } = await log.verify();
    assert.equal(valid, false);
    const named = JSON.stringify(first_broken);
    if (batch !== undefined) {
      assert.equal(first_broken.sequence, log.seals[batch].sequence, named);
    }
    const { reason, audit_log_id = first_broken.audit_log_id } = expected;
    assert.deepEqual({ ...first_broken, reason, audit_log_id }, first_broken, named);
  });
}

Deno.test("verifying finds an edit of any column of a row, and is content once it is undone", async () => {
  const log = await SealedLog.make();
  const id = log.id(1, 1);
  const edits = {
    actor_id: "gen_random_uuid()",
    actor_type: "'user'",
    api_key_id: "gen_random_uuid()",
    action_type: "'DELETE'",
    entity_type: "'other'",
    entity_id: "gen_random_uuid()",
    entity_name: "'other'",
    details: "details || '{\"more\": null}'",
    ip_address: "'203.0.113.7'",
    user_agent: "''",
    request_id: "'r'",
    occurred_at: "occurred_at + interval '1 microsecond'",
  };
  const [columns] = await sql`
    select array_agg(attname::text) as names from pg_attribute
    where attrelid = 'public.audit_logs'::regclass and attnum > 0 and not attisdropped`;
  const others = ["id", "organization_id"];
  assert.deepEqual(new Set(columns?.names), new Set([...Object.keys(edits), ...others]));
  for (const [column, value] of Object.entries(edits)) {
    const undo = await editColumn("audit_logs", id, column, value);
    const { first_broken } = await log.verify();
    assert.equal(first_broken?.audit_log_id, id, column);
    assert.equal(first_broken.reason, "edited", column);
    await undo();
    assert.equal((await log.verify()).valid, true, column);
  }
});

Deno.test("verifying finds an edit of any column of a seal", async () => {
  const log = await SealedLog.make();
  const { id, sequence } = log.seals[1];
  const edits = {
    first_id: "gen_random_uuid()",
    last_id: "gen_random_uuid()",
    first_at: "first_at + interval '1 microsecond'",
    last_at: "last_at + interval '1 microsecond'",
    row_count: "row_count + 1",
    rows_digest: "repeat('0', 64)",
    digest: "repeat('0', 64)",
    previous_digest: "null",
    sealed_at: "sealed_at + interval '1 microsecond'",
    expired_at: "now()",
  };
  for (const [column, value] of Object.entries(edits)) {
    const undo = await editColumn("audit_seals", id, column, value);
    const { first_broken } = await log.verify();
    assert.deepEqual(first_broken, { sequence, audit_log_id: null, reason: "seal_edited" }, column);
    await undo();
    assert.equal((await log.verify()).valid, true, column);
  }
});
