import assert from "node:assert/strict";
import type postgres from "postgres";
import type { Body } from "../harness/answer.ts";
import { Server } from "../harness/server.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** A team on a server: what it writes, and what its chain looks like. */
class Log {
  private constructor(
    readonly server: Server,
    readonly userId: string,
    readonly organizationId: string,
  ) {}

  static async open(server: Server): Promise<Log> {
    const { userId, organizationId } = await server.createTeam();
    return new Log(server, userId, organizationId);
  }

  /** A change that the log tells of. */
  async write(sql: postgres.Sql = this.server.sql): Promise<void> {
    await sql`insert into public.blocks (organization_id, name, block_type)
      values (${this.organizationId}, ${crypto.randomUUID()}, 'dataset')`;
  }

  async seal(sql: postgres.Sql = this.server.sql, maxRows = 500_000): Promise<number> {
    const [row] = await sql`select private.seal_audit_logs(${maxRows}) as sealed`;
    return row?.sealed;
  }

  /** Rows of the log at once; those given a time share it. */
  async append(rows: number, at: string | null = null): Promise<void> {
    await this.server.sql`
      insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, occurred_at, details)
      select ${this.organizationId}, 'system', 'CREATE', 'test', coalesce(${at}::timestamptz, clock_timestamp()),
        jsonb_build_object('new', jsonb_build_object('n', n))
      from generate_series(1, ${rows}) n`;
  }

  verify(afterSequence = 0, maxRows = 50_000): Promise<Body> {
    return this.server.as(this.userId, async (sql) => {
      const [row] = await sql`
        select public.verify_audit_seals(${this.organizationId}, ${afterSequence}, ${maxRows}) as found`;
      return row?.found;
    });
  }

  /** The whole chain, part by part. */
  async verifyParts(maxRows: number): Promise<Body[]> {
    const parts = [await this.verify(0, maxRows)];
    while (!parts.at(-1).is_complete) {
      parts.push(await this.verify(parts.at(-1).last_sequence, maxRows));
    }
    return parts;
  }

  /** How many rows there are, how many of them are in a seal, and the seals' numbers. */
  async state(): Promise<{ rows: number; sealed: number; sequences: number[] }> {
    const { sql } = this.server;
    const [logs] = await sql`select count(*)::int as count from public.audit_logs
      where organization_id = ${this.organizationId}`;
    const seals = await sql`select s.sequence::int, s.row_count, r.row_ids
      from public.audit_seals s join private.audit_seal_rows r on r.seal_id = s.id
      where s.organization_id = ${this.organizationId} order by s.sequence`;
    const ids = seals.flatMap(({ row_ids }) => row_ids);
    assert.equal(new Set(ids).size, ids.length, "a row is sealed once");
    return {
      rows: logs?.count,
      sealed: ids.length,
      sequences: seals.map(({ sequence }) => sequence),
    };
  }

  /** Every row is in the chain, once, and the chain is whole. */
  async isWhole(): Promise<void> {
    const { rows, sealed, sequences } = await this.state();
    assert.equal(sealed, rows);
    assert.deepEqual(sequences, sequences.map((_, index) => index + 1));
    const found = await this.verify();
    assert.equal(found.first_broken, null, JSON.stringify(found));
    assert.equal(found.rows_checked, rows);
  }
}

Deno.test(
  "sealing between real sessions",
  { ignore: !HAS_SERVER },
  (t) =>
    Server.with(async (server) => {
      await t.step("nothing is sealed past the row of an open transaction", async () => {
        const log = await Log.open(server);
        await log.seal();
        const writer = await server.open();
        await log.write(writer.sql);
        await log.seal();
        await log.write();
        await log.seal();
        assert.equal((await log.verify()).first_broken, null);
        await writer.end("commit");
        assert.equal(
          (await log.verify()).first_broken,
          null,
          "what commits late is not slipped in",
        );
        await log.seal();
        await log.isWhole();
      });

      await t.step("nor past a transaction that is yet to write", async () => {
        const log = await Log.open(server);
        await log.seal();
        const writer = await server.open();
        await writer.sql`select pg_current_xact_id()`;
        await log.seal();
        await log.write(writer.sql);
        await log.write();
        await log.seal();
        await writer.end("commit");
        assert.equal((await log.verify()).first_broken, null);
        await log.seal();
        await log.isWhole();
      });

      await t.step("nor where the sealer itself has written before", async () => {
        const log = await Log.open(server);
        const [sealer, writer] = [await server.open(), await server.open()];
        await log.write(sealer.sql);
        await log.write(writer.sql);
        await log.seal(sealer.sql);
        await sealer.end("commit");
        await writer.end("commit");
        assert.equal((await log.verify()).first_broken, null);
        await log.seal();
        await log.isWhole();
      });

      await t.step("sealers and writers side by side: each row once, no gap", async () => {
        const log = await Log.open(server);
        const writing = Array.from({ length: 4 }, async () => {
          for (let row = 0; row < 50; row++) await log.write();
        });
        let isWriting = true;
        const sealing = Array.from({ length: 8 }, async () => {
          while (isWriting) await log.seal(undefined, 20);
        });
        await Promise.all(writing);
        isWriting = false;
        await Promise.all(sealing);
        while (await log.seal(undefined, 20) > 0);
        await log.isWhole();
        assert.ok((await log.state()).sequences.length > 1);
      });

      await t.step("without news there is no seal", async () => {
        const log = await Log.open(server);
        assert.ok(await log.seal() > 0);
        const before = await log.state();
        assert.equal(await log.seal(), 0);
        assert.deepEqual(await log.state(), before);
      });

      await t.step("a sealer that is killed leaves nothing half done", async () => {
        const log = await Log.open(server);
        await log.write();
        const sealer = await server.open();
        assert.ok(await log.seal(sealer.sql) > 0);
        const next = log.seal();
        await sealer.kill();
        assert.ok(await next > 0, "who waited goes on from where the last whole one left off");
        await log.isWhole();
      });

      await t.step("a writer waits for no sealer, and a reader neither", async () => {
        const log = await Log.open(server);
        const sealer = await server.open();
        assert.ok(await log.seal(sealer.sql) > 0);
        const writer = await server.open();
        await writer.sql`set local lock_timeout = '1s'`;
        await log.write(writer.sql);
        await writer.end("commit");
        assert.equal((await log.verify()).first_broken, null);
        await sealer.end("commit");
        await log.seal();
        await log.isWhole();
      });

      await t.step(
        "a backlog is sealed in several calls, rows of one moment together",
        async () => {
          const log = await Log.open(server);
          await log.seal();
          await log.append(30, new Date().toISOString());
          await log.append(20);
          const sealed = [];
          do sealed.push(await log.seal(undefined, 10)); while (sealed.at(-1) !== 0);
          assert.ok(sealed.length > 2 && (sealed[0] ?? 0) >= 30, JSON.stringify(sealed));
          await log.isWhole();
        },
      );

      await t.step("a large log has several seals, verified in parts", async () => {
        const log = await Log.open(server);
        await log.append(25_003);
        await log.seal();
        const { rows, sequences } = await log.state();
        assert.deepEqual(sequences, [1, 2, 3], "of at most 10,000 rows each");
        const parts = await log.verifyParts(1);
        assert.deepEqual(parts.map(({ seals_checked }) => seals_checked), [1, 1, 1]);
        assert.deepEqual(parts.map(({ is_complete }) => is_complete), [false, false, true]);
        assert.equal(parts.reduce((sum, part) => sum + part.rows_checked, 0), rows);
        assert.deepEqual(parts.map(({ first_broken }) => first_broken), [null, null, null]);
        const { sql } = server;
        const [last] = await sql`select last_id from public.audit_seals
          where organization_id = ${log.organizationId} and sequence = 3`;
        await sql`update public.audit_logs set details = '{}' where id = ${last?.last_id}`;
        const [a, b, c] = await log.verifyParts(1);
        assert.deepEqual([a.first_broken, b.first_broken], [null, null]);
        assert.deepEqual(c.first_broken, {
          sequence: 3,
          audit_log_id: last?.last_id,
          reason: "edited",
        });
        const beyond = await log.verify(7);
        assert.deepEqual(beyond.first_broken, {
          sequence: 7,
          audit_log_id: null,
          reason: "seal_removed",
        });
      });
    }),
);
