import assert from "node:assert/strict";
import type { TransactionSql } from "postgres";
import { Server } from "../harness/server.ts";
import { waitFor } from "../harness/wait.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What happens to an assistant at the same time. Without a PostgreSQL server there is no such test. */
const options = { ignore: !HAS_SERVER };

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A team's assistant, submitted; and a member of the team who has made it, unlike its owner. */
async function createSubmitted(server: Server) {
  const { userId: owner, organizationId } = await server.createTeam();
  const [creator = ""] = await addMembers(server, organizationId, 1);
  const [tool] = await server.as(
    creator,
    (sql) =>
      sql`insert into public.tools (organization_id, name, description, code)
      values (${organizationId}, 'own', 'A test', 'return 1;') returning id`,
  );
  const [made] = await server.as(
    creator,
    (sql) =>
      sql`insert into public.assistants (organization_id, name, access_level, tools)
      values (${organizationId}, 'A', 'organization', '{own}') returning id`,
  );
  const id: string = made?.id;
  await server.as(creator, (sql) => sql`select public.review_assistant(${id}, 'submit')`);
  const state = async () => {
    const [row] = await server.sql`select * from public.assistants where id = ${id}`;
    return row;
  };
  const approve = (revision: number) =>
    server.as(
      owner,
      (sql) => sql`select public.review_assistant(${id}, 'approve', null, ${revision})`,
    );
  const edit = (prompt: string) =>
    server.as(
      creator,
      (sql) => sql`update public.assistants set prompt = ${prompt} where id = ${id}`,
    );
  return { owner, creator, organizationId, id, toolId: tool?.id, state, approve, edit };
}

async function addMembers(server: Server, organizationId: string, count: number) {
  const ids = range(count).map(() => crypto.randomUUID());
  await server.sql`insert into auth.users (id, email)
    select id, id || '@example.com' from unnest(${ids}::uuid[]) u (id)`;
  await server.sql`insert into public.memberships (organization_id, user_id, role, status)
    select ${organizationId}, id, 'member', 'active' from unnest(${ids}::uuid[]) u (id)`;
  return ids;
}

Deno.test("an assistant under parallel hands", options, (t) =>
  Server.with(async (server) => {
    await t.step("counts each of 50 calls, while it is changed", async () => {
      const { id, organizationId, creator, edit, state } = await createSubmitted(server);
      const call = () =>
        server
          .sql`insert into public.usage_events (organization_id, user_id, assistant_id, operation,
            provider, model, status, cost, is_priced)
          values (${organizationId}, ${creator}, ${id}, 'chat', 'p', 'm', 'succeeded', 0.01, true)`;
      const edits = range(5).map((index) => edit(`${index}`));
      await Promise.all([...range(50).map(call), ...edits]);
      const { usage_count, monthly_cost } = await state() ?? {};
      assert.deepEqual([usage_count, monthly_cost], ["50", "0.50"]);
    });
    await t.step("keeps the average of 40 ratings, given and changed at once", async () => {
      const { id, organizationId, approve, state } = await createSubmitted(server);
      await approve((await state())?.revision);
      const raters = await addMembers(server, organizationId, 40);
      const rate = (userId: string, rating: number) =>
        server.as(userId, (sql) => sql`select public.rate_assistant(${id}, ${rating})`);
      await Promise.all(raters.flatMap((userId, index) => [
        rate(userId, index % 5 + 1),
        ...(index % 2 ? [] : [rate(userId, index % 5 + 1)]),
      ]));
      await Promise.all(raters.map((userId, index) =>
        index < 20 ? rate(userId, 5) : server.as(
          userId,
          (sql) =>
            sql`delete from public.assistant_ratings where assistant_id = ${id} and user_id = ${userId}`,
        )
      ));
      const { rating, rating_count } = await state() ?? {};
      assert.deepEqual([rating, rating_count], [5, 20]);
    });
    await t.step(
      "approved and changed at once, it is never approved as nobody saw it",
      async () => {
        for (const index of range(10)) {
          const { approve, edit, state } = await createSubmitted(server);
          const before = await state();
          const answers = await Promise.allSettled([
            approve(before?.revision),
            edit(`new ${index}`),
          ]);
          assert.equal(answers[1]?.status, "fulfilled");
          assert.equal((await state())?.approval_status, "pending");
        }
      },
    );
    await t.step("nor with a tool that nobody saw", async () => {
      for (const _ of range(10)) {
        const { approve, creator, toolId, state } = await createSubmitted(server);
        const before = await state();
        await Promise.allSettled([
          approve(before?.revision),
          server.as(
            creator,
            (sql) => sql`update public.tools set code = 'return 2;' where id = ${toolId}`,
          ),
        ]);
        assert.equal((await state())?.approval_status, "pending");
      }
    });
    await t.step("nor without one, for another of its name to come later", async () => {
      for (const first of ["name", "delete"]) {
        const { approve, creator, id, organizationId, toolId, state } = await createSubmitted(
          server,
        );
        await server.as(
          creator,
          (sql) => sql`update public.assistants set tools = '{}' where id = ${id}`,
        );
        // Each sees the other's work not done yet.
        const name = (sql: TransactionSql) =>
          sql`update public.assistants set tools = '{own}' where id = ${id}`;
        const remove = (sql: TransactionSql) => sql`delete from public.tools where id = ${toolId}`;
        const [one, other] = first === "name" ? [name, remove] : [remove, name];
        let second: Promise<unknown> = Promise.resolve();
        await server.as(creator, async (sql) => {
          await one(sql);
          second = server.as(creator, other).catch((error: unknown) => error);
          await waitFor(async () => {
            const [row] = await server
              .sql`select exists (select 1 from pg_locks where not granted)`;
            return row?.exists === true;
          });
        });
        assert.ok(await second instanceof Error, `${first} first: both were done`);
        const [tool] = await server.sql`select id from public.tools where id = ${toolId}`;
        assert.deepEqual((await state())?.tools, tool ? ["own"] : []);
        if (!tool) continue;
        // Whatever deleted it otherwise: what is missing is not approved, what is new is judged anew.
        await server.sql`alter table public.tools disable trigger keep_used_tool`;
        await server.sql`delete from public.tools where id = ${toolId}`;
        await server.sql`alter table public.tools enable trigger keep_used_tool`;
        await assert.rejects(approve((await state())?.revision), /not there: own/);
        const insert = () =>
          server.as(
            creator,
            (sql) =>
              sql`insert into public.tools (organization_id, name, description, code)
            values (${organizationId}, 'own', 'Another', 'return 2;')`,
          );
        const { revision } = await state() ?? {};
        await insert();
        await assert.rejects(approve(revision), /has changed/);
      }
    });
    await t.step("approved twice at once, it is approved once", async () => {
      const { approve, id, state } = await createSubmitted(server);
      const { revision } = await state() ?? {};
      const answers = await Promise.allSettled([approve(revision), approve(revision)]);
      const refused = answers.filter(({ status }) => status === "rejected");
      assert.equal(refused.length, 1);
      const [row] = await server.sql`select count(*)::int as approvals
        from public.assistant_reviews where assistant_id = ${id} and action = 'approve'`;
      assert.equal(row?.approvals, 1);
    });
  }));
