import assert from "node:assert/strict";
import postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import { HAS_SERVER, startPostgres } from "../local/postgres_server.ts";

/**
 * What parallel clients do to each other, on a real server: the local database has one session, in
 * which nothing is ever truly at once. Without a PostgreSQL server on the machine there is no such test.
 */
const options = { ignore: !HAS_SERVER };

type Sql = postgres.Sql;

/** The migrated database of a server, and a user in it with a team. */
async function withServer(test: (sql: Sql, userId: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_concurrency_" });
  const server = await startPostgres(folder);
  try {
    const stack = await startStack({ db: server.url, scheduler: false });
    await stack.stop();
    const sql = postgres(server.url, { max: 16, onnotice: () => {} });
    const userId = crypto.randomUUID();
    await sql`insert into auth.users (id, email) values (${userId}, 'a@example.com')`;
    await test(sql, userId).finally(() => sql.end());
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Work as a signed-in user, in a transaction of its own. */
const as = <T>(sql: Sql, userId: string, work: (sql: postgres.TransactionSql) => Promise<T>) =>
  sql.begin(async (transaction) => {
    const claims = JSON.stringify({ sub: userId, role: "authenticated" });
    await transaction`select set_config('request.jwt.claims', ${claims}, true),
      set_config('role', 'authenticated', true)`;
    return await work(transaction);
  });

const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** Pipelines of four sources, each joined to each of four targets. */
async function createPipelines(sql: Sql, userId: string, count: number): Promise<void> {
  await as(sql, userId, async (sql) => {
    await sql`select public.create_edge('as it is', '{"kind": "identity"}')`;
    for (let number = 1; number <= count; number++) {
      await sql`
        with block as (
          select i, (public.create_block(${`p${number} b`} || i, 'model',
            '{"kind": "jsonata", "expression": "input"}') ->> 'id')::uuid as id
          from generate_series(1, 8) i
        )
        select public.create_pipeline(${`p${number}`},
          blocks => (select jsonb_agg(jsonb_build_object('block_id', id)) from block),
          edges => (select jsonb_agg(jsonb_build_object('edge_id', (select id from public.edges limit 1),
            'source_block_id', s.id, 'target_block_id', t.id))
            from block s, block t where s.i <= 4 and t.i > 4))`;
    }
  });
  await sql`insert into public.edge_verifications (edge_version_id)
    select current_version_id from public.edges where current_version_id is not null`;
  await sql`update public.edge_verifications set verification_status = 'passed', verified_at = now()`;
}

Deno.test(
  "workers side by side end every run, and no step twice",
  options,
  () =>
    withServer(async (sql, userId) => {
      await createPipelines(sql, userId, 4);
      await Promise.all(Array.from({ length: 40 }, (_, index) =>
        as(sql, userId, (sql) =>
          sql`select public.start_run((select id from public.pipelines where name = ${`p${
            index % 4 + 1
          }`}))`)));

      const accepted: string[] = [];
      const work = async () => {
        const worker = crypto.randomUUID();
        for (;;) {
          const [row] = await sql`select public.claim_steps(${worker}, 7) as claim`;
          const steps: { step_id: string; attempt: number; name: string }[] = row?.claim.steps;
          if (steps.length === 0) {
            const [left] =
              await sql`select count(*)::int as open from public.pipeline_runs where finished_at is null`;
            if (left?.open === 0) {
              return;
            }
            continue;
          }
          const results = steps.map(({ step_id, attempt, name }, index) =>
            name.endsWith("b2") && index % 3 === 0
              ? {
                step_id,
                attempt,
                succeeded: false,
                retryable: false,
                error: { code: "x", message: "x" },
              }
              : { step_id, attempt, succeeded: true, output: 1 }
          );
          const [answer] = await sql`select public.finish_steps(${worker}, ${
            sql.json(results)
          }) as answer`;
          accepted.push(...answer?.answer.accepted);
        }
      };
      await Promise.all(Array.from({ length: 8 }, work));

      assert.equal(new Set(accepted).size, accepted.length);
      const [runs] = await sql`
      select count(*)::int as all, count(*) filter (where status = 'failed' and exists (
        select 1 from public.run_steps s where s.run_id = r.id and s.status = 'failed'))::int as failed,
        count(*) filter (where status = 'succeeded' and not exists (
          select 1 from public.run_steps s where s.run_id = r.id and s.status <> 'succeeded'))::int as succeeded
      from public.pipeline_runs r`;
      assert.equal(runs?.all, 40);
      assert.equal(runs?.failed + runs?.succeeded, 40);
    }),
);

Deno.test(
  "of two halves of a cycle drawn at once one is refused",
  options,
  () =>
    withServer(async (sql, userId) => {
      await createPipelines(sql, userId, 1);
      const ids = await sql`select pb.block_id from public.pipeline_blocks pb
      join public.pipelines p on p.id = pb.pipeline_id where p.name = 'p1' limit 2`;
      const [a, b] = ids.map(({ block_id }) => block_id);
      await sql`delete from public.pipeline_edges`;
      const draw = (source: string, target: string) =>
        as(
          sql,
          userId,
          (sql) =>
            sql`insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
          select p.id, e.id, ${source}, ${target} from public.pipelines p, public.edges e limit 1`,
        );
      for (let round = 0; round < 5; round++) {
        const drawn = await Promise.allSettled([draw(a, b), draw(b, a)]);
        assert.deepEqual(drawn.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
        await sql`delete from public.pipeline_edges`;
      }
    }),
);

Deno.test(
  "of two owners who leave at once one stays, and the members are counted right",
  options,
  () =>
    withServer(async (sql, userId) => {
      const other = uuid(2);
      await sql`insert into auth.users (id, email) values (${other}, 'b@example.com')`;
      for (let round = 0; round < 5; round++) {
        const slug = `team-${round}`;
        const [team] = await as(
          sql,
          userId,
          (sql) => sql`select * from public.create_organization('Team', ${slug})`,
        );
        await sql`insert into public.memberships (organization_id, user_id, role, status)
        values (${team?.id}, ${other}, 'owner', 'active')`;
        const leave = (user: string) =>
          as(sql, user, (sql) =>
            sql`delete from public.memberships
          where organization_id = ${team?.id} and user_id = ${user}`);
        const left = await Promise.allSettled([leave(userId), leave(other)]);
        assert.deepEqual(left.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
        const [row] = await sql`select member_count, (select count(*)::int from public.memberships m
        where m.organization_id = o.id) as real from public.organizations o where o.id = ${team?.id}`;
        assert.deepEqual([row?.member_count, row?.real], [1, 1]);
      }
    }),
);
