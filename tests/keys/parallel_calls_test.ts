import { createKey } from "@shared/key_format.ts";
import assert from "node:assert/strict";
import type postgres from "postgres";
import { HAS_SERVER } from "../local/postgres_server.ts";
import { Server } from "../harness/server.ts";
import { waitFor } from "../harness/wait.ts";

const CONNECTIONS = 16;

type Key = { id: string; hash: string };
type Team = { userId: string; organizationId: string };

/** A key as the function would issue it. */
async function insertKey(
  server: Server,
  team: Team,
  rate_limit: number | null = null,
): Promise<Key> {
  const { record } = await createKey("test");
  const [row] = await server.as(team.userId, (sql) =>
    sql`insert into public.api_keys ${
      sql({
        ...record,
        organization_id: team.organizationId,
        name: "Test",
        scopes: ["keys:write"],
        rate_limit,
        rate_window_seconds: 86_400,
      })
    } returning id`);
  return { id: row?.id, hash: record.key_hash };
}

/** Calls all at once, over all connections of the pool, as the functions do: as the service. */
const verify = (sql: postgres.Sql, { hash }: Key, cost = 1): Promise<string> =>
  sql.begin(async (transaction) => {
    await transaction`select set_config('role', 'service_role', true)`;
    const [row] = await transaction`select public.verify_api_key(${hash}, ${cost}) as verdict`;
    return row?.verdict.code;
  });

/** Every connection is there and idle, so that what comes next begins at once. */
const warmUp = (sql: postgres.Sql) =>
  Promise.all(Array.from({ length: CONNECTIONS }, () => sql`select pg_sleep(0.05)`));

const countValid = (codes: string[]) => codes.filter((code) => code === "VALID").length;

/** Limits, with how many calls of which cost are made at once. */
const LIMITS = [[7, 50, 1], [1, 50, 1], [20, 50, 3], [100, 400, 1], [50, 50, 1]] as const;

const cases: Record<string, (server: Server, team: Team) => Promise<void>> = {
  "a limit is exact under parallel calls on many connections": async (server, team) => {
    const { sql } = server;
    for (const [limit, calls, cost] of LIMITS) {
      // The very first calls: they also race to insert the key's row.
      const key = await insertKey(server, team, limit);
      const all = await Promise.all(Array.from({ length: calls }, () => verify(sql, key, cost)));
      assert.equal(countValid(all), Math.min(calls, Math.floor(limit / cost)), `limit ${limit}`);
      const others = all.filter((code) => code !== "VALID" && code !== "RATE_LIMITED");
      assert.deepEqual(others, []);
      const [usage] =
        await sql`select current_count, previous_count from public.api_key_usage where id = ${key.id}`;
      assert.deepEqual([usage?.current_count, usage?.previous_count], [
        countValid(all) * cost,
        0,
      ]);
    }
  },

  "a window that begins anew under parallel calls begins once": async (server, team) => {
    const { sql } = server;
    const key = await insertKey(server, team, 20);
    await verify(sql, key, 0);
    for (const [passed, room] of [[1.2501, 5], [1.5001, 10], [1.0001, 0], [2.5, 20]] as const) {
      await sql`update public.api_key_usage set current_count = 20, previous_count = 20,
        window_started_at = clock_timestamp() - make_interval(secs => ${
        passed * 86_400
      }::float8) where id = ${key.id}`;
      const all = await Promise.all(Array.from({ length: 50 }, () => verify(sql, key)));
      assert.equal(countValid(all), room, `${passed} of the window`);
    }
  },

  "keys don't wait for each other, nor a call for a key that is being changed": async (
    server,
    team,
  ) => {
    const { sql } = server;
    const [one, two] = [await insertKey(server, team, 5), await insertKey(server, team, 5)];
    await verify(sql, one);
    await verify(sql, two);
    await sql.begin(async (transaction) => {
      await transaction`select 1 from public.api_key_usage where id = ${one.id} for update`;
      await transaction`update public.api_keys set name = 'Changing' where id = ${two.id}`;
      assert.equal(await verify(sql, two), "VALID");
    });
  },

  "of parallel first calls one notes the use": async (server, team) => {
    const { sql } = server;
    await sql`create table public.uses (id uuid)`;
    await sql`grant insert on public.uses to service_role`;
    await sql.unsafe(`
      create function public.note_use() returns trigger language plpgsql as $$
      begin insert into public.uses values (new.id); return null; end $$;
      create trigger note_use after update of last_used_at on public.api_keys
        for each row execute function public.note_use();
      grant execute on function public.note_use to service_role;`);
    for (const limit of [null, 1000]) {
      const key = await insertKey(server, team, limit);
      const all = await Promise.all(Array.from({ length: 50 }, () => verify(sql, key)));
      assert.equal(countValid(all), 50);
      const [row] = await sql`select count(*)::int as uses from public.uses where id = ${key.id}`;
      assert.equal(row?.uses, 1);
    }
  },

  "of rotations at once one makes a key": async (server, team) => {
    const { sql } = server;
    for (let round = 0; round < 5; round++) {
      const key = await insertKey(server, team);
      const [before] = await sql`select count(*)::int as keys from public.api_keys`;
      const rotated = await Promise.allSettled(Array.from({ length: 6 }, async () => {
        const { record } = await createKey("test");
        return await server.as(
          team.userId,
          (sql) => sql`select public.rotate_api_key(${key.id}, ${sql.json(record)}, 60)`,
        );
      }));
      const failed = rotated.filter((result) => result.status === "rejected");
      assert.equal(failed.length, 5);
      for (const { reason } of failed) assert.equal(reason.code, "PT409");
      const [after] = await sql`select count(*)::int as keys from public.api_keys`;
      assert.equal(after?.keys, before?.keys + 1);
    }
  },

  "a rotation locks the membership before the key, as a removal does": async (server, team) => {
    const { sql } = server;
    const key = await insertKey(server, team);
    const removal = await server.open();
    await removal.sql`select 1 from public.memberships
      where user_id = ${team.userId} and organization_id = ${team.organizationId} for update`;
    const { record } = await createKey("test");
    const rotation = server.as(
      team.userId,
      (sql) => sql`select public.rotate_api_key(${key.id}, ${sql.json(record)}, 60)`,
    );
    await waitFor(async () => {
      const waiting = await sql`select 1 from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%rotate_api_key%'`;
      return waiting.length > 0;
    }, { what: "the rotation's waiting" });
    // Else the removal would wait for the key, and the rotation for the membership.
    await sql`select 1 from public.api_keys where id = ${key.id} for update nowait`;
    await removal.end("rollback");
    await rotation;
  },

  "a key that is issued while its user leaves does not outlive them": async (server, team) => {
    const { sql } = server;
    for (let round = 0; round < 10; round++) {
      const userId = crypto.randomUUID();
      await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
      await sql`insert into public.memberships (organization_id, user_id, role, status)
        values (${team.organizationId}, ${userId}, 'member', 'active')`;
      const [issued] = await Promise.allSettled([
        insertKey(server, { userId, organizationId: team.organizationId }),
        sql`delete from public.memberships
          where user_id = ${userId} and organization_id = ${team.organizationId}`,
      ]);
      // Whichever came first: without the membership the key is worth nothing …
      if (issued.status === "rejected") continue;
      assert.equal(await verify(sql, issued.value), "REVOKED");
      // … also once its user is back.
      await sql`insert into public.memberships (organization_id, user_id, role, status)
        values (${team.organizationId}, ${userId}, 'member', 'active')`;
      assert.equal(await verify(sql, issued.value), "REVOKED");
    }
  },
};

/**
 * What parallel calls of one key do to each other, on a real server: the local database has one
 * session, in which nothing is ever truly at once.
 */
Deno.test("parallel calls of a key", { ignore: !HAS_SERVER }, (t) =>
  Server.with(async (server) => {
    const team = await server.createTeam();
    await warmUp(server.sql);
    for (const [name, test] of Object.entries(cases)) {
      await t.step(name, () => test(server, team));
    }
  }));
