import assert from "node:assert/strict";
import { expect, refused } from "../harness/expect.ts";
import { OldLog, type Team } from "../harness/old_log.ts";
import { Server } from "../harness/server.ts";
import { createTenant } from "../harness/tenant.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

for (const older_than of ["now() - interval '60 days'", "interval '60 days'"]) {
  Deno.test(`private.drop_audit_partitions(${older_than}) keeps the seals`, () =>
    OldLog.with(async (log) => {
      const team = await log.team();
      const partition = await log.partition(120);
      await log.append(team.id, 200, 3);
      await log.append(team.id, 120, 4);
      await log.append(team.id, 5, 5);
      await log.append(null, 200, 2);
      const where = await log.value(
        "array_agg(distinct tableoid::regclass::text) from public.audit_logs where entity_type = 'test'",
      );
      assert.ok(where.includes("private.audit_logs_default") && where.length === 3, `${where}`);
      // Nothing of it is sealed before: dropping sees to it.
      assert.equal(await log.value(`private.drop_audit_partitions(${older_than})`), 1);
      assert.equal(await log.isThere(partition), false);
      assert.deepEqual(await log.left(team), { 5: 5 });
      assert.deepEqual(await log.left({ id: null }), {});
      await log.isWhole(team, 7);
      const [removal, ...more] = await log.removals(team);
      assert.equal(removal.actor_type, "system");
      assert.deepEqual(removal.details, { through_sequence: 2, row_count: 7 });
      assert.deepEqual(more, []);
      assert.equal((await log.removals({ id: null })).length, 1);

      await log.value("private.seal_audit_logs()");
      await log.isWhole(team, 7);
      assert.equal(await log.value(`private.drop_audit_partitions(${older_than})`), 0);
      assert.equal((await log.removals(team)).length, 1, "where nothing goes nothing is told");
      await log.stack.query("delete from public.audit_logs where entity_type = 'test'");
      assert.equal((await log.verify(team)).first_broken.reason, "removed");
    }));
}

Deno.test("private.drop_audit_partitions drops nothing that is not past", () =>
  OldLog.with(async (log) => {
    const team = await log.team();
    await log.append(team.id, 5, 5);
    await assert.rejects(
      log.value("private.drop_audit_partitions(now() + interval '2 months')"),
      /sealed until/,
    );
    assert.equal(await log.value("private.drop_audit_partitions(now() - interval '40 days')"), 0);
    assert.deepEqual(await log.left(team), { 5: 5 });
    await log.value("private.seal_audit_logs()");
    await log.isWhole(team, 0);
  }));

Deno.test("private.expire_audit_logs keeps what each organization keeps", () =>
  OldLog.with(async (log) => {
    const [month, quarter, year] = [await log.team(30), await log.team(90), await log.team()];
    const [emptied, kept] = [await log.partition(400), await log.partition(120)];
    for (const daysAgo of [400, 120, 45, 5]) {
      for (const id of [month.id, quarter.id, year.id, null]) await log.append(id, daysAgo, 3);
    }
    assert.equal(await log.value("private.expire_audit_logs()"), 0, "unsealed rows are kept");
    await log.value("private.seal_audit_logs()");
    assert.equal(await log.value("private.expire_audit_logs()"), 9 + 6 + 3 + 3);
    assert.deepEqual(await log.left(month), { 5: 3 });
    assert.deepEqual(await log.left(quarter), { 45: 3, 5: 3 });
    assert.deepEqual(await log.left(year), { 120: 3, 45: 3, 5: 3 });
    assert.deepEqual(await log.left({ id: null }), { 120: 3, 45: 3, 5: 3 });
    const expired = [[month, 9], [quarter, 6], [year, 3]] as const;
    for (const [team, rows] of expired) {
      await log.isWhole(team, rows);
      const [removal] = await log.removals(team);
      assert.equal(removal.details.row_count, rows);
    }
    assert.equal(await log.isThere(emptied), false, "a month of which nothing is kept is dropped");
    assert.equal(await log.isThere(kept), true);
    assert.equal(await log.value("private.expire_audit_logs()"), 0);
    assert.equal((await log.removals(month)).length, 1);

    await log.stack.query(
      "update public.organizations set audit_retention_days = 30 where id = $1",
      [
        quarter.id,
      ],
    );
    await log.value("private.seal_audit_logs()");
    assert.equal(await log.value("private.expire_audit_logs()"), 3);
    await log.isWhole(quarter, 9);
  }));

Deno.test("what expired leaves no room for pretexts", async (t) => {
  const withExpired = (test: (log: OldLog, team: Team) => Promise<void>) =>
    OldLog.with(async (log) => {
      const team = await log.team(30);
      for (const daysAgo of [120, 45, 5]) await log.append(team.id, daysAgo, 3);
      await log.value("private.seal_audit_logs()");
      await log.value("private.expire_audit_logs()");
      await log.value("private.seal_audit_logs()");
      await log.isWhole(team, 6);
      await test(log, team);
    });
  await t.step(
    "a row slipped in where rows have gone is found",
    () =>
      withExpired(async (log, team) => {
        await log.append(team.id, 60, 1);
        const { first_broken } = await log.verify(team);
        assert.equal(first_broken.reason, "inserted");
      }),
  );
  await t.step("also where all have gone", () =>
    OldLog.with(async (log) => {
      const team = await log.team(30);
      await log.stack.query("delete from public.audit_logs where organization_id = $1", [team.id]);
      await log.append(team.id, 120, 3);
      await log.value("private.seal_audit_logs()");
      await log.value("private.expire_audit_logs()");
      const { first_broken, rows_expired } = await log.verify(team);
      assert.deepEqual([first_broken, rows_expired], [null, 3]);
      await log.append(team.id, 200, 1);
      assert.equal((await log.verify(team)).first_broken.reason, "inserted");
    }));
  await t.step(
    "rows that go by another hand are missed, as the log tells of no such removal",
    () =>
      withExpired(async (log, team) => {
        await log.stack.query(
          "update public.audit_seals set expired_at = now() where organization_id = $1 and sequence = 3",
          [team.id],
        );
        await log.stack.query("delete from public.audit_logs where entity_type = 'test'");
        assert.deepEqual((await log.verify(team)).first_broken, {
          sequence: 3,
          audit_log_id: null,
          reason: "seal_edited",
        });
      }),
  );
});

Deno.test("private.ensure_audit_partitions moves the rows that came before their partition", () =>
  OldLog.with(async (log) => {
    const team = await log.team();
    const next = `audit_logs_${await log.value(
      "to_char((now() + interval '1 month') at time zone 'UTC', 'YYYY_MM')",
    )}`;
    const partitions = () =>
      log.value(
        "array_agg(inhrelid::regclass::text order by inhrelid::regclass::text) from pg_inherits where inhparent = 'public.audit_logs'::regclass",
      );
    const all = await partitions();
    await log.stack.script(`drop table private.${next}`);
    await log.stack.query(
      `insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, occurred_at)
       select $1, 'system', 'CREATE', 'test', date_trunc('month', now() + interval '1 month') + make_interval(hours => n)
       from generate_series(1, 3) n`,
      [team.id],
    );
    const place = () =>
      log.value(
        "jsonb_agg(jsonb_build_array(tableoid::regclass, id, private.audit_row_digest(l)) order by id) from public.audit_logs l where entity_type = 'test'",
      );
    const before = await place();
    assert.ok(before.every(([table]: string[]) => table === "private.audit_logs_default"));
    await log.value("private.ensure_audit_partitions()");
    const expected = before.map(([, ...row]: string[]) => [`private.${next}`, ...row]);
    assert.deepEqual(await place(), expected);
    assert.deepEqual(await partitions(), all);
    await log.value("private.ensure_audit_partitions()");
    assert.deepEqual([await place(), await partitions()], [expected, all]);
    await log.value("private.ensure_audit_partitions(5)");
    assert.equal((await partitions()).length, all.length + 2);
    const [policies] = await log.stack.query(
      "select bool_and(relrowsecurity) as on from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'public.audit_logs'::regclass",
    );
    assert.equal(policies?.on, true);
  }));

Deno.test(
  "removing what is old, between real sessions",
  { ignore: !HAS_SERVER },
  (t) =>
    Server.with(async (server) => {
      const { sql } = server;
      const { organizationId } = await server.createTeam();
      await sql`create table private.audit_logs_2020_01 partition of public.audit_logs
      for values from ('2020-01-01') to ('2020-02-01')`;
      await sql`insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, occurred_at)
      values (${organizationId}, 'system', 'CREATE', 'test', '2020-01-05')`;
      const isThere = async () =>
        (await sql`select to_regclass('private.audit_logs_2020_01') is not null as yes`)[0]?.yes;

      await t.step("nothing goes unsealed because a transaction is open", async () => {
        const writer = await server.open();
        await writer.sql`select pg_current_xact_id()`;
        await assert.rejects(
          async () => await sql`select private.drop_audit_partitions(interval '60 days')`,
          /sealed until -infinity only/,
        );
        await writer.end("commit");
        assert.equal(await isThere(), true);
      });
      await t.step(
        "a month stays another day where someone reads it, rather than that all wait",
        async () => {
          await sql`select private.seal_audit_logs()`;
          const reader = await server.open();
          await reader.sql`select count(*) from public.audit_logs`;
          const [row] = await sql`select private.expire_audit_logs() as rows`;
          assert.equal(row?.rows, "1");
          assert.equal(await isThere(), true);
          await reader.end("commit");
          await sql`select private.expire_audit_logs()`;
          assert.equal(await isThere(), false);
        },
      );
    }),
);

Deno.test("how long an organization keeps its log", async (t) => {
  const tenant = await createTenant();
  const path = `/organizations/${tenant.organizationId}`;
  const { owner } = tenant;
  const admin = await tenant.user("admin");
  await t.step("is a year unless told", async () => {
    assert.equal(expect(await owner.get(path), 200).audit_retention_days, 365);
  });
  await t.step("is for admins to say", async () => {
    const changed = expect(await admin.patch(path, { audit_retention_days: 30 }), 200);
    assert.equal(changed.audit_retention_days, 30);
    const member = await tenant.user("member");
    refused(await member.patch(path, { audit_retention_days: 90 }), 403, "forbidden");
    assert.equal(expect(await owner.get(path), 200).audit_retention_days, 30);
  });
  await t.step("is never under 30 days, nor over ten years", async () => {
    for (const audit_retention_days of [29, 0, -1, 3651, 30.5, "90", null]) {
      const answer = await admin.patch(path, { audit_retention_days });
      refused(answer, 422, "validation_failed", ["audit_retention_days"]);
    }
    for (const audit_retention_days of [29, 3651]) {
      const row = `/organizations?id=eq.${tenant.organizationId}`;
      assert.ok((await owner.rest("PATCH", row, { audit_retention_days })).status >= 400);
    }
    assert.equal(expect(await owner.get(path), 200).audit_retention_days, 30);
  });
});
