import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { logs } from "../harness/audit.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createBlock } from "../harness/pipelines.ts";
import { sql, withSql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const pathOf = (id: string, query = "") => `/audit/entities/block/${id}/history?${query}`;
const at = (time: string) => `at=${encodeURIComponent(time)}`;

async function history(user: User, id: string, query = ""): Promise<Body> {
  return expect(await user.get(pathOf(id, query)), 200);
}

/** The times of an entity's changes, oldest first, as text that loses nothing. */
async function timesOf(id: string): Promise<string[]> {
  const rows = await sql`
    select to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
    from public.audit_logs where entity_id = ${id} and action_type <> 'READ' order by occurred_at, id`;
  return rows.map(({ time }) => time);
}

/** A moment as long before or after, in microseconds. */
const shift = (time: string, micros: number) => {
  const [seconds = "", fraction = ""] = time.slice(0, -1).split(".");
  const total = BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction) + BigInt(micros);
  const date = new Date(Number(total / 1_000_000n) * 1000).toISOString().slice(0, 19);
  return `${date}.${String(total % 1_000_000n).padStart(6, "0")}Z`;
};

Deno.test("get_entity_history", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const block = await createBlock(owner);
  const path = `/pipelines/blocks/${block.id}`;
  expect(await member.patch(path, { description: "Rain" }), 200);
  expect(await owner.patch(path, { description: "Snow", name: `${block.name} 2` }), 200);
  expect(await owner.delete(path), 204);

  await t.step("tells each change, field by field, newest first", async () => {
    const { data, next_cursor, state } = await history(owner, block.id);
    assert.equal(next_cursor, null);
    assert.equal(state, undefined, "without `at` there is none");
    assert.deepEqual(data.map((row: Body) => row.action_type), [
      "DELETE",
      "UPDATE",
      "UPDATE",
      "UPDATE",
      "CREATE",
    ]);
    const [removed, renamed, described, pointed, created] = data;
    assert.deepEqual(described.changes, [{ field: "description", old: null, new: "Rain" }]);
    assert.equal(described.actor_id, member.id);
    assert.deepEqual(renamed.changes, [
      { field: "description", old: "Rain", new: "Snow" },
      { field: "name", old: block.name, new: `${block.name} 2` },
    ]);
    assert.deepEqual(pointed.changes.map(({ field }: Body) => field), ["current_version_id"]);
    const value = (row: Body, name: string) =>
      row.changes.find(({ field }: Body) => field === name);
    assert.deepEqual(value(created, "name"), { field: "name", old: null, new: block.name });
    assert.deepEqual(value(removed, "description"), {
      field: "description",
      old: "Snow",
      new: null,
    });
    assert.equal(created.details, undefined);
  });

  await t.step("in pages", async () => {
    const whole = (await history(owner, block.id)).data.map(({ id }: Body) => id);
    const pages = await collectPages(owner, pathOf(block.id, "limit=2"));
    assert.deepEqual(pages.map(({ length }) => length), [2, 2, 1]);
    assert.deepEqual(pages.flat().map(({ id }) => id), whole);
  });

  await t.step("and the state at a time", async () => {
    const [created = "", , described = "", , removed = ""] = await timesOf(block.id);
    const stateAt = async (time: string) => (await history(owner, block.id, at(time))).state;
    assert.equal(await stateAt(shift(created, -1)), null, "before its creation");
    assert.equal(await stateAt("2001-01-01"), null);
    const rain = await stateAt(described);
    assert.equal(rain.description, "Rain");
    assert.equal(rain.name, block.name);
    assert.ok(rain.current_version_id);
    assert.equal((await stateAt(shift(described, -1))).description, null);
    assert.equal((await stateAt(shift(removed, -1))).description, "Snow");
    assert.equal(await stateAt(removed), null, "once it is deleted");
    assert.equal(await stateAt("2101-01-01T00:00:00+02:00"), null);
  });

  await t.step("with the changes up to then, in pages that know the same state", async () => {
    const [, , described = ""] = await timesOf(block.id);
    const first = await history(owner, block.id, `limit=2&${at(described)}`);
    assert.equal(first.data[0].actor_id, member.id);
    const query = `limit=2&${at(described)}&cursor=${first.next_cursor}`;
    const second = await history(owner, block.id, query);
    assert.deepEqual(second.data.map((row: Body) => row.action_type), ["CREATE"]);
    assert.equal(second.state.description, "Rain");
  });

  await t.step("a member sees their own changes, and no state", async () => {
    const { data } = await history(member, block.id);
    assert.deepEqual(data.map(({ actor_id }: Body) => actor_id), [member.id]);
    const [time = ""] = await timesOf(block.id);
    refused(await member.get(pathOf(block.id, at(time))), 403, "forbidden");
    const admin = await tenant.user("admin");
    assert.equal((await history(admin, block.id, at("2101-01-01"))).state, null);
  });

  await t.step("reading it is logged", async () => {
    const entity_id = block.id;
    const [read] = await logs(owner, `action_type=READ&actor_id=${member.id}`);
    assert.equal(read.entity_type, "audit_log");
    assert.deepEqual(read.details.filters, { entity_type: "block", entity_id });
    await history(owner, block.id, at("2101-01-01"));
    const [second] = await logs(owner, `action_type=READ&actor_id=${owner.id}`);
    assert.deepEqual(second.details.filters, { entity_type: "block", entity_id, at: "2101-01-01" });
  });

  await t.step("where the log begins later, what the first change found is the state", async () => {
    const other = await createBlock(owner);
    const change = (description: string) =>
      owner.patch(`/pipelines/blocks/${other.id}`, { description });
    expect(await change("one"), 200);
    expect(await change("two"), 200);
    const times = await timesOf(other.id);
    const [created = "", , one = "", two = ""] = times;
    await sql`delete from public.audit_logs where entity_id = ${other.id}
      and occurred_at < ${two}::text::timestamptz`;
    const stateAt = async (time: string) => (await history(owner, other.id, at(time))).state;
    assert.equal((await stateAt(one)).description, "one");
    assert.equal((await stateAt(two)).description, "two");
    assert.equal(
      await stateAt(shift(created, -5_000_000)),
      null,
      "nor was it there before it was made",
    );
    await sql`delete from public.audit_logs where entity_id = ${other.id}`;
    refused(await owner.get(pathOf(other.id)), 404, "not_found");
  });

  await t.step("refuses what it has nothing of, and what is no time", async () => {
    refused(await owner.get(pathOf(crypto.randomUUID())), 404, "not_found");
    refused(await owner.get(`/audit/entities/edge/${block.id}/history`), 404, "not_found");
    refused(await owner.get(`/audit/entities/Block!/${block.id}/history`), 404, "not_found");
    refused(await owner.get("/audit/entities/block/1/history"), 404, "not_found");
    for (const time of ["yesterday", "2026-13-01", "infinity", ""]) {
      refused(await owner.get(pathOf(block.id, at(time))), 422, "validation_failed", ["query.at"]);
    }
    refused(await owner.get(pathOf(block.id, "limit=0")), 422, "validation_failed", [
      "query.limit",
    ]);
    refused(await owner.get(pathOf(block.id, "cursor=x")), 400, "invalid_cursor");
  });

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: `/audit/entities/block/${block.id}/history` }),
  );
});

type Change = { id: string; time: string; row: Body };

/**
 * So many random changes of a dozen blocks (made, changed, removed, made again), each with the time
 * that the log has of it and the row as it was stored then.
 */
async function changeAtRandom(organizationId: string, count: number): Promise<Change[]> {
  return await withSql(async (sql) => {
    const name = `private.test_changes_${crypto.randomUUID().replaceAll("-", "")}`;
    const table = sql(name);
    await sql`create table ${table} (number serial, id uuid, time timestamptz, "row" jsonb)`;
    try {
      await sql.unsafe(`
      do $$
      declare
        ids constant uuid[] := array(select gen_random_uuid() from generate_series(1, 12));
        target uuid;
      begin
        for n in 1..${count} loop
          target := ids[1 + floor(random() * 12)];
          if not exists (select from public.blocks where id = target) then
            insert into public.blocks (id, organization_id, name, block_type, description)
            values (target, '${organizationId}', gen_random_uuid(),
              (enum_range(null::public.block_type))[1 + floor(random() * 2)], null);
          elsif random() < 0.2 then
            delete from public.blocks where id = target;
          else
            update public.blocks set description = coalesce(description, '') || n,
              name = case when random() < 0.5 then name else n || ' ' || gen_random_uuid() end where id = target;
          end if;
          insert into ${name} (id, time, "row")
          select target, (select max(l.occurred_at) from public.audit_logs l
            where l.organization_id = '${organizationId}' and l.entity_id = target),
            (select to_jsonb(b) from public.blocks b where b.id = target);
        end loop;
      end $$`);
      const rows = await sql`
        select id, "row", to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
        from ${table} order by number`;
      return rows.map(({ id, time, row }) => ({ id, time, row }));
    } finally {
      await sql`drop table ${table}`;
    }
  });
}

Deno.test("history?at= is what was stored, over 1,000 random changes", async (t) => {
  const { owner, organizationId } = await createTenant();
  const changes = await changeAtRandom(organizationId, 1000);
  assert.equal(changes.length, 1000);
  /** The last row stored up to a time; several changes may share one. */
  const storedAt = (id: string, time: string) =>
    changes.findLast((change) => change.id === id && change.time <= time)?.row ?? null;

  await t.step("at the time of each change, by the log's rows", async () => {
    const rows = await sql`
      select entity_id as id, details -> 'new' as state,
        to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
      from public.audit_logs l
      where organization_id = ${organizationId} and entity_type = 'block'
      order by l.occurred_at, l.id`;
    assert.equal(rows.length, 1000);
    for (const { id, time } of changes) {
      const last = rows.findLast((row) => row.id === id && row.time <= time);
      assert.deepEqual(last?.state ?? null, storedAt(id, time));
    }
  });

  await t.step("at, between and before them, by the route", async () => {
    const ids = [...new Set(changes.map(({ id }) => id))];
    for (let sample = 0; sample < 100; sample++) {
      const { time } = changes[Math.floor(Math.random() * changes.length)] ?? assert.fail();
      const id = ids[sample % ids.length] ?? assert.fail();
      const moment = shift(time, [0, -1, 1][sample % 3] ?? 0);
      const { state } = await history(owner, id, `limit=1&${at(moment)}`);
      assert.deepEqual(state, storedAt(id, moment), `${id} at ${moment}`);
    }
  });
});
