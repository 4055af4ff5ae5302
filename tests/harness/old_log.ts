import assert from "node:assert/strict";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Body } from "./answer.ts";
import { rest } from "./client.ts";
import { expect } from "./expect.ts";
import { startOwnStack } from "./own_stack.ts";
import { mintToken } from "./tokens.ts";

/** A log of months, in a database by itself: nobody else seals, and what is removed is nobody else's. */
export class OldLog {
  private constructor(readonly stack: Stack) {}

  static async with(test: (log: OldLog) => Promise<void>): Promise<void> {
    const stack = await startOwnStack({ scheduler: false });
    try {
      await test(new OldLog(stack));
    } finally {
      await stack.stop();
    }
  }

  async value(expression: string, ...params: unknown[]): Promise<Body> {
    const [row] = await this.stack.query(`select (select ${expression}) as value`, params);
    return row?.value;
  }

  /** A team that keeps its log for so long. */
  async team(days = 365): Promise<Team> {
    const { stack } = this;
    const userId = crypto.randomUUID();
    await stack.query("insert into auth.users (id, email) values ($1, $2)", [userId, userId]);
    const slug = `t-${userId.slice(0, 12)}`;
    const id = await this.value(
      "(private.create_organization('Team', $1, 'team', $2)).id",
      slug,
      userId,
    );
    await stack.query("update public.organizations set audit_retention_days = $1 where id = $2", [
      days,
      id,
    ]);
    return { id, token: await mintToken(userId, { secret: stack.jwtSecret }) };
  }

  /** Rows of some days ago. */
  async append(organizationId: string | null, daysAgo: number, count: number): Promise<void> {
    await this.stack.query(
      `insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, entity_name, occurred_at)
       select $1::uuid, 'system', 'CREATE', 'test', $2::text, now() - make_interval(days => $2::int) + make_interval(secs => n)
       from generate_series(1, $3::int) n`,
      [organizationId, daysAgo, count],
    );
  }

  /** A partition for the month of some days ago; returns its name. */
  async partition(daysAgo: number): Promise<string> {
    const month = `date_trunc('month', now() - make_interval(days => ${daysAgo}), 'UTC')`;
    const name = `audit_logs_${await this.value(
      `to_char(${month} at time zone 'UTC', 'YYYY_MM')`,
    )}`;
    const [from, to] = [
      await this.value(`${month}::text`),
      await this.value(`(${month} + interval '1 month')::text`),
    ];
    await this.stack.script(`
      create table private.${name} partition of public.audit_logs for values from ('${from}') to ('${to}');`);
    return name;
  }

  isThere(table: string): Promise<boolean> {
    return this.value(`to_regclass('private.${table}') is not null`);
  }

  /** Of how many days ago a team's rows are that are left, and how many of each. */
  async left({ id }: { id: string | null }): Promise<Record<string, number>> {
    const rows = await this.stack.query(
      `select entity_name as age, count(*)::int as count from public.audit_logs
       where organization_id is not distinct from $1 and entity_type = 'test' group by 1`,
      [id],
    );
    return Object.fromEntries(rows.map(({ age, count }) => [age, count]));
  }

  async verify({ id, token }: Team): Promise<Body> {
    const body = { organization_id: id };
    return expect(
      await rest("POST", "/rpc/verify_audit_seals", { on: this.stack, token, body }),
      200,
    );
  }

  async isWhole(team: Team, rowsExpired: number): Promise<void> {
    const found = await this.verify(team);
    assert.equal(found.first_broken, null, JSON.stringify(found));
    assert.equal(found.rows_expired, rowsExpired);
    const [row] = await this.stack.query(
      `select count(*)::int as count from public.audit_logs l where organization_id = $1
       and occurred_at < private.audit_sealed_until()`,
      [team.id],
    );
    assert.equal(found.rows_checked, row?.count, "what is left is checked");
  }

  /** What the log itself tells of its removals. */
  async removals({ id }: { id: string | null }): Promise<Body[]> {
    const rows = await this.stack.query(
      `select actor_type, details from public.audit_logs where organization_id is not distinct from $1
       and action_type = 'DELETE' and entity_type = 'audit_log' order by occurred_at, id`,
      [id],
    );
    return rows;
  }
}

/** An organization, and its owner's token. */
export type Team = { id: string; token: string };
