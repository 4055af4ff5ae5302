import assert from "node:assert/strict";
import type postgres from "postgres";
import { Server } from "../harness/server.ts";
import { driftOf } from "../harness/usage.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

type Team = { userId: string; organizationId: string };
type Fields = Record<string, string | number | null>;

/** A statement as the functions' service, on a connection of the pool. */
const asService = <T>(
  { sql }: Server,
  work: (sql: postgres.TransactionSql) => Promise<T>,
) =>
  sql.begin(async (transaction) => {
    await transaction`select set_config('role', 'service_role', true)`;
    return await work(transaction);
  });

/** Reserves a call that may cost 1 USD; the SQLSTATE where that is refused. */
async function reserve(server: Server, team: Team, fields: Fields = {}): Promise<string> {
  const request = {
    organization_id: team.organizationId,
    user_id: team.userId,
    operation: "chat",
    provider: "test",
    model: "model",
    input_tokens: 1_000_000,
    max_output_tokens: 0,
    ...fields,
  };
  try {
    const [row] = await asService(
      server,
      (sql) => sql`select public.reserve_usage(${sql.json(request)}) as reservation`,
    );
    return row?.reservation.reservation_id;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

const settle = (server: Server, id: string, input_tokens: number) =>
  asService(server, (sql) =>
    sql`select public.settle_usage(${id},
      ${sql.json({ status: "succeeded", input_tokens, output_tokens: 0 })})`);

const isReservation = (answer: string) => answer.length === 36;

async function createTeam(server: Server): Promise<Team> {
  const team = await server.createTeam();
  await server
    .sql`insert into public.model_prices (organization_id, provider, model, input_price, output_price)
    values (${team.organizationId}, 'test', 'model', 1, 1)`;
  return team;
}

const setBudget = (
  server: Server,
  { organizationId }: Team,
  limit: number,
  user: string | null = null,
) =>
  server.sql`insert into public.budgets (organization_id, scope, subject_id, period, limit_usd)
    values (${organizationId}, ${user ? "user" : "organization"}, ${user}, 'day', ${limit})`;

const parallel = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

const cases: Record<string, (server: Server) => Promise<void>> = {
  "50 parallel calls against a budget with room for 3 start exactly 3": async (server) => {
    for (const room of [3, 1, 49]) {
      const team = await createTeam(server);
      await setBudget(server, team, room);
      // The very first calls: they also race to insert the counters.
      const answers = await parallel(50, () => reserve(server, team));
      assert.equal(answers.filter(isReservation).length, room);
      assert.ok(
        answers.every((answer) => isReservation(answer) || answer === "PT402"),
        `${answers}`,
      );
    }
  },

  "of two budgets the tighter one holds, whoever calls": async (server) => {
    const [team, other] = [await createTeam(server), await server.createTeam()];
    await setBudget(server, team, 10);
    await server
      .sql`insert into public.memberships (organization_id, user_id, role, status, accepted_at)
      values (${team.organizationId}, ${other.userId}, 'member', 'active', now())`;
    await setBudget(server, team, 4, other.userId);
    const answers = await parallel(
      60,
      (index) => reserve(server, team, index % 2 ? { user_id: other.userId } : {}),
    );
    const isOther = (_: string, index: number) => index % 2 === 1;
    assert.equal(answers.filter(isReservation).length, 10);
    assert.ok(answers.filter(isOther).filter(isReservation).length <= 4);
  },

  "a limit of requests and one of tokens are exact": async (server) => {
    for (const [column, limit, passes] of [["requests", 7, 7], ["tokens", 5_000_000, 5]] as const) {
      const team = await createTeam(server);
      await server.sql`insert into public.rate_limits ${
        server.sql({
          organization_id: team.organizationId,
          scope: "user",
          [`${column}_per_minute`]: limit,
        })
      }`;
      const answers = await parallel(50, () => reserve(server, team));
      assert.equal(answers.filter(isReservation).length, passes);
      assert.ok(
        answers.every((answer) => isReservation(answer) || answer === "PT429"),
        `${answers}`,
      );
    }
  },

  "a storm of calls, ends and expiries neither locks up nor drifts": async (server) => {
    const teams = await parallel(2, () => createTeam(server));
    for (const team of teams) {
      await setBudget(server, team, 80);
      await setBudget(server, team, 60, team.userId);
      await server
        .sql`insert into public.rate_limits (organization_id, scope, requests_per_minute, tokens_per_minute)
        values (${team.organizationId}, 'user', 1000, 1000000000), (${team.organizationId}, 'key', 1000, 1000000000)`;
    }
    const keys = [crypto.randomUUID(), crypto.randomUUID()];
    let settled = 0;
    const answers = await parallel(300, async (index) => {
      const team = teams[index % 2];
      assert.ok(team);
      const fields: Fields = index % 3 ? {} : { api_key_id: keys[index % 2] ?? null };
      const answer = await reserve(server, team, fields);
      if (!isReservation(answer)) return answer;
      if (index % 7 === 0) {
        // A killed function's; the sweep takes it, maybe while others are settled.
        await server.sql.begin(async (sql) => {
          await sql`set local session_replication_role = 'replica'`;
          await sql`update public.usage_reservations set created_at = created_at - interval '11 minutes'
            where id = ${answer} and date_trunc('day', created_at - interval '11 minutes', 'UTC') = date_trunc('day', created_at, 'UTC')`;
        });
        await server.sql`select private.expire_reservations()`;
      } else if (index % 5) {
        await parallel(2, () => settle(server, answer, 300_000));
        settled++;
      }
      return answer;
    });
    assert.ok(settled > 60, `${settled} were settled`);
    assert.ok(answers.every((answer) => isReservation(answer) || answer === "PT402"), `${answers}`);
    for (const { organizationId } of teams) {
      assert.deepEqual(await driftOf(server.sql, organizationId), []);
    }
  },

  "a budget that is made amid calls counts them": async (server) => {
    const team = await createTeam(server);
    const held = await server.open();
    await held.sql`select set_config('role', 'service_role', true)`;
    const request = {
      organization_id: team.organizationId,
      user_id: team.userId,
      operation: "chat",
      provider: "test",
      model: "model",
      input_tokens: 1_000_000,
      max_output_tokens: 0,
    };
    await held.sql`select public.reserve_usage(${held.sql.json(request)})`;
    await setBudget(server, team, 2);
    const waiting = parallel(3, () => reserve(server, team));
    await held.end("commit");
    assert.equal((await waiting).filter(isReservation).length, 1);
  },
};

Deno.test({
  name: "usage on a server: parallel calls",
  ignore: !HAS_SERVER,
  fn: (t) =>
    Server.with(async (server) => {
      for (const [name, run] of Object.entries(cases)) await t.step(name, () => run(server));
    }),
});
