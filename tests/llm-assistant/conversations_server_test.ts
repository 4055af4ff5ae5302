import assert from "node:assert/strict";
import type postgres from "postgres";
import { Server } from "../harness/server.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between real sessions, and what a search takes among many messages. */
const options = { ignore: !HAS_SERVER };

type Sql = postgres.TransactionSql;
type Team = { userId: string; organizationId: string };

function turnsOf(server: Server, { userId, organizationId }: Team) {
  const call = (name: string, request: Record<string, unknown>) =>
    server.as(userId, async (sql) => {
      const [row] = await sql`select ${sql.unsafe(`public.${name}`)}(${
        sql.json(
          JSON.parse(JSON.stringify(request)),
        )
      }) as answer`;
      return row?.answer;
    });
  return {
    begin: (content: string, request: Record<string, unknown> = {}) =>
      call("begin_turn", {
        organization_id: organizationId,
        messages: [{ role: "user", content }],
        ...request,
      }),
    finish: (turn_id: string, content: string) =>
      call("finish_turn", { turn_id, messages: [{ role: "assistant", content }] }),
  };
}

const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

Deno.test("turns on a PostgreSQL server", options, (t) =>
  Server.with(async (server) => {
    const team = await server.createTeam();
    const { begin, finish } = turnsOf(server, team);

    await t.step("of one key at once are one", async () => {
      for (let round = 0; round < 5; round++) {
        const idempotency_key = crypto.randomUUID();
        const turns = await times(10, () => begin("once", { idempotency_key }));
        assert.equal(new Set(turns.map(({ turn_id }) => turn_id)).size, 1);
        assert.equal(turns.filter(({ is_new }) => is_new).length, 1);
        assert.equal(turns.filter(({ in_flight }) => in_flight).length, 9);
        const [turn] = turns;
        const finished = await times(10, (i) => finish(turn.turn_id, `answer ${i}`));
        assert.equal(finished.filter(({ is_new }) => is_new).length, 1);
        assert.equal(new Set(finished.map(({ messages }) => messages[0].id)).size, 1);
        const [row] = await server.sql`
          select message_count from public.conversations where id = ${turn.conversation.id}`;
        assert.equal(row?.message_count, 2);
      }
    });

    await t.step(
      "of one conversation at once stand side by side, each with its answer",
      async () => {
        const { turn_id, conversation } = await begin("base");
        await finish(turn_id, "based");
        const turns = await times(10, (i) => begin(`q${i}`, { conversation_id: conversation.id }));
        for (const [i, { history }] of turns.entries()) {
          assert.deepEqual(history.map(({ content }: { content: string }) => content), [
            "base",
            "based",
            `q${i}`,
          ]);
        }
        const answers = await times(10, (i) => finish(turns[i].turn_id, `a${i}`));
        for (const [i, { messages }] of answers.entries()) {
          assert.equal(messages[0].parent_id, turns[i].leaf_id);
        }
        const [row] = await server.sql`
        select c.message_count, m.depth, m.role from public.conversations c
        join public.messages m on m.id = c.current_message_id where c.id = ${conversation.id}`;
        assert.deepEqual({ ...row }, { message_count: 22, depth: 3, role: "assistant" });
      },
    );

    await t.step("of other conversations wait for none", async () => {
      const { turn_id } = await begin("mine");
      const { conversation } = await begin("held");
      const holder = await server.open();
      try {
        await holder.sql`select from public.conversations where id = ${conversation.id} for update`;
        await finish(turn_id, "not held up");
        await begin("nor this");
      } finally {
        await holder.end("rollback");
      }
    });

    await t.step("of a worker that died before its commit leave nothing", async () => {
      const [before] = await server.sql`select count(*)::int as rows from public.messages`;
      const { sql, kill } = await server.open();
      const claims = JSON.stringify({ sub: team.userId, role: "authenticated" });
      await sql`select set_config('request.jwt.claims', ${claims}, true),
        set_config('role', 'authenticated', true)`;
      const key = crypto.randomUUID();
      const request = {
        organization_id: team.organizationId,
        idempotency_key: key,
        messages: [{ role: "user", content: "lost?" }],
      };
      await sql`select public.begin_turn(${sql.json(request)})`;
      await kill();
      const [after] = await server.sql`select count(*)::int as rows from public.messages`;
      assert.deepEqual(after, before);
      assert.equal((await begin("lost?", { idempotency_key: key })).is_new, true);
    });
  }));

/** 100,000 messages: a fifth of one user, the rest of 40 others. */
async function fill(sql: postgres.Sql, team: Team): Promise<void> {
  // Indexes of words are made in one go much faster than row by row.
  const indexes = await sql`select indexname as name, indexdef as definition from pg_indexes
    where tablename = 'message_documents' and indexdef like '%USING gin%'`;
  for (const { name } of indexes) await sql.unsafe(`drop index private.${name}`);
  await sql.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`
      insert into public.conversations (id, organization_id, user_id, title)
      select md5('c' || n)::uuid, ${team.organizationId},
        case when n % 5 = 0 then ${team.userId}::uuid else md5('u' || n % 41)::uuid end, 'Title ' || n
      from generate_series(1, 5000) n`;
    await sql`
      insert into public.messages (organization_id, user_id, conversation_id, role, content, created_at)
      select c.organization_id, c.user_id, c.id, case when i % 2 = 0 then 'user' else 'assistant' end::public.message_role,
        (select string_agg(substr(md5((power(random(), 3) * 4000)::int::text || w * 0), 1, 7), ' ')
          from generate_series(1, 15) w where c.id is not null) || case when i = 7 then ' invoices' else '' end,
        now() - i * interval '1 minute'
      from public.conversations c cross join generate_series(1, 20) i`;
    await sql`
      insert into private.message_documents
      select m.id, m.organization_id, m.user_id, m.conversation_id, m.role, m.created_at, left(m.content, 4000),
        array_to_tsvector(array[private.owner_word(m.user_id, m.organization_id)])
          || to_tsvector('pg_catalog.simple', m.content) || to_tsvector('pg_catalog.english', m.content)
      from public.messages m`;
  });
  for (const { definition } of indexes) await sql.unsafe(definition);
  for (const table of ["private.message_documents", "public.messages", "public.conversations"]) {
    await sql.unsafe(`vacuum analyze ${table}`);
  }
}

Deno.test("a search among 100,000 messages", options, (t) =>
  Server.with(async (server) => {
    const { sql } = server;
    const team = await server.createTeam();
    await fill(sql, team);
    const scansOf = async (sql: Sql): Promise<number> => {
      const [row] = await sql`
        select sum(s.seq_scan)::int as scans from pg_stat_xact_user_tables s
        where s.relname in ('message_documents', 'messages', 'conversations')`;
      return row?.scans;
    };
    const search = (q: string) =>
      server.as(team.userId, async (sql) => {
        const before = await scansOf(sql);
        const started = performance.now();
        const rows = await sql`select * from public.search_messages(${q}, ${team.organizationId})`;
        const ms = performance.now() - started;
        return { rows, ms, scans: await scansOf(sql) - before };
      });
    const [common] = await sql`
      select word from ts_stat('select document from private.message_documents limit 2000')
      where word not like '/%' order by ndoc desc limit 1`;

    for (
      const [name, q] of [
        ["a rare word", "invoices"],
        ["a word that is nearly everywhere", String(common?.word)],
        ["a word that is nearly right", "invoicse"],
        ["a word that there isn't", "xylophone"],
        ["several words", "which invoices have the wrong totals"],
      ] as const
    ) {
      await t.step(`for ${name} reads no table from end to end`, async () => {
        await search(q);
        const { rows, ms, scans } = await search(q);
        assert.equal(scans, 0);
        assert.ok(ms < 1_000, `took ${ms} ms`);
        for (const { conversation_id } of rows) {
          const [row] = await sql`
            select user_id from public.conversations where id = ${conversation_id}`;
          assert.equal(row?.user_id, team.userId);
        }
      });
    }
    await t.step("finds the words of one's own by the index of words alone", async () => {
      const statement = `explain (format json) select d.message_id from private.message_documents d
        where d.user_id = '${team.userId}' and d.organization_id = '${team.organizationId}'
          and d.document @@ (quote_literal(private.owner_word('${team.userId}', '${team.organizationId}'))::tsquery
            && to_tsquery('simple', 'invoices'))`;
      const [row] = await sql.unsafe(statement);
      const plan = JSON.stringify(row?.["QUERY PLAN"]);
      assert.ok(plan.includes("message_documents_document_idx"), plan);
    });
  }));
