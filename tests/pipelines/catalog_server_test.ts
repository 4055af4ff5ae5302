import assert from "node:assert/strict";
import type postgres from "postgres";
import { Server } from "../harness/server.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between real sessions, and on a server that may lack pgvector. */
const options = { ignore: !HAS_SERVER };

type Sql = postgres.TransactionSql;

const outcomes = (settled: PromiseSettledResult<unknown>[]) =>
  settled.map(({ status }) => status).toSorted();

Deno.test("the catalog on a PostgreSQL server", options, (t) =>
  Server.with(async (server) => {
    const { userId, organizationId } = await server.createTeam();
    const as = <T>(work: (sql: Sql) => Promise<T>) => server.as(userId, work);
    const category = async (name: string): Promise<string> => {
      const [row] = await as((sql) =>
        sql`insert into public.taxonomy_categories (organization_id, name)
          values (${organizationId}, ${name}) returning id`
      );
      return row?.id;
    };
    const block = async (name: string): Promise<string> => {
      const [row] = await as((sql) =>
        sql`select public.create_block(${name}, 'dataset', '{"kind": "trigger"}',
          organization_id => ${organizationId}) ->> 'id' as id`
      );
      return row?.id;
    };

    await t.step("of two moves that would make a circle one is refused", async () => {
      const [a, b] = [await category("a"), await category("b")];
      const move = (id: string, parent: string) =>
        as((sql) =>
          sql`update public.taxonomy_categories set parent_id = ${parent} where id = ${id}`
        );
      for (let round = 0; round < 10; round++) {
        const moved = await Promise.allSettled([move(a, b), move(b, a)]);
        assert.deepEqual(outcomes(moved), ["fulfilled", "rejected"]);
        const refusal = moved.find(({ status }) => status === "rejected");
        assert.ok(refusal?.status === "rejected");
        assert.match(String(refusal.reason.message), /can't be moved below itself/);
        await server.sql`update public.taxonomy_categories set parent_id = null where true`;
      }
    });

    await t.step("nor do three moves close a larger one", async () => {
      const [x, y, z] = [await category("x"), await category("y"), await category("z")];
      const move = (id: string, parent: string) =>
        as((sql) =>
          sql`update public.taxonomy_categories set parent_id = ${parent} where id = ${id}`
        );
      for (let round = 0; round < 5; round++) {
        const moved = await Promise.allSettled([move(x, y), move(y, z), move(z, x)]);
        assert.deepEqual(outcomes(moved), ["fulfilled", "fulfilled", "rejected"]);
        await server.sql`update public.taxonomy_categories set parent_id = null where true`;
      }
    });

    await t.step("sets of one block at once leave one of them whole", async () => {
      const id = await block("sorted at once");
      const [a, b] = [[await category("1"), await category("2")], [await category("3")]];
      const put = (ids: string[]) =>
        as((sql) => sql`select public.set_block_taxonomy(${id}, ${ids}::uuid[])`);
      for (let round = 0; round < 5; round++) {
        assert.deepEqual(outcomes(await Promise.allSettled([put(a), put(b)])), [
          "fulfilled",
          "fulfilled",
        ]);
        const rows = await server.sql`
          select category_id from public.block_taxonomies where block_id = ${id}`;
        const found = rows.map(({ category_id }) => category_id).toSorted();
        assert.ok([a.toSorted().join(), b.join()].includes(found.join()), found.join());
      }
    });

    await t.step("secrets set at once leave one", async () => {
      const id = await block("hooked at once");
      const [repo] = await as((sql) =>
        sql`insert into public.code_repos (entity_type, entity_id, repo_url)
          values ('block', ${id}, 'https://github.com/acme/weather') returning id`
      );
      const set = () =>
        as((sql) =>
          sql`insert into public.hook_secrets (code_repo_id, ciphertext, key_version)
            values (${repo?.id}, 'x', 1)`
        );
      const settled = await Promise.allSettled([set(), set(), set(), set()]);
      assert.ok(settled.some(({ status }) => status === "fulfilled"));
      const [row] = await server.sql`select count(*)::int as secrets from public.hook_secrets`;
      assert.equal(row?.secrets, 1);
    });

    await t.step("the search finds words and names, with pgvector or without", async () => {
      await block("Seattle weather");
      const find = async (q: string) => {
        const rows = await as((sql) =>
          sql`select name from public.search_registry(${q}, ${organizationId},
            embedding => array[1, 0, 0], model => 'm')`
        );
        return rows.map(({ name }) => name);
      };
      assert.equal((await find("weather"))[0], "Seattle weather");
      assert.equal((await find("wheather seatle"))[0], "Seattle weather");
      const [state] = await server.sql`select private.has_vectors() as has,
        exists (select from pg_available_extensions where name = 'vector') as available`;
      assert.equal(state?.has, state?.available);
      const [work] = await server.sql`
        select count(*)::int as rows from public.stale_representations('m', 10)`;
      assert.equal(work?.rows, state?.available ? 3 : 0);
    });

    await t.step("a large registry is searched well within a second", async () => {
      await server.sql`insert into public.blocks (organization_id, name, block_type)
        select ${organizationId}, 'numbers ' || md5(n::text), 'dataset' from generate_series(1, 5000) n`;
      await server.sql`analyze private.search_documents`;
      const started = performance.now();
      const rows = await as((sql) =>
        sql`select name from public.search_registry('seattle', ${organizationId})`
      );
      assert.equal(rows[0]?.name, "Seattle weather");
      assert.ok(performance.now() - started < 1000, "it took a second");
    });
  }));
