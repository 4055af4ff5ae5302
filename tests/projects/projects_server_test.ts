import assert from "node:assert/strict";
import { Server } from "../harness/server.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between real sessions, and at a size that projects may have. */
const options = { ignore: !HAS_SERVER };

Deno.test("projects on a PostgreSQL server", options, (t) =>
  Server.with(async (server) => {
    const { userId, organizationId } = await server.createTeam();
    const project = async (name: string): Promise<string> => {
      const [row] = await server.as(userId, (sql) =>
        sql`insert into public.projects (organization_id, name)
          values (${organizationId}, ${name}) returning id`);
      return row?.id;
    };

    await t.step("writers at once lose no count and no revision", async () => {
      const id = await project("counted");
      const add = (name: string) =>
        server.as(userId, async (sql) => {
          const [table] = await sql`insert into public.table_metadata (project_id, name)
            values (${id}, ${name}) returning id`;
          await sql`insert into public.column_metadata (table_id, name, data_type)
            select ${table?.id}, 'c' || n, 'text' from generate_series(1, 3) n`;
        });
      await Promise.all(Array.from({ length: 12 }, (_, index) =>
        add(`t${index}`)));
      const [row] = await server.sql`
        select table_count, column_count, revision from public.projects where id = ${id}`;
      assert.deepEqual({ ...row }, { table_count: 12, column_count: 36, revision: 25 });
    });

    await t.step("a large schema is read in time before anything was analyzed", async () => {
      const id = await project("large");
      await server.sql.begin(async (sql) => {
        // Nothing but the rows: what each insert sets off is not what is read here.
        await sql`set local session_replication_role = replica`;
        await sql`insert into public.table_metadata (organization_id, project_id, name)
          select ${organizationId}, ${id}, 'table_' || n from generate_series(1, 500) n`;
        await sql`insert into public.column_metadata
            (organization_id, project_id, table_id, name, data_type, position)
          select t.organization_id, t.project_id, t.id, 'column_' || n, 'text', n
          from public.table_metadata t, generate_series(1, 40) n where t.project_id = ${id}`;
        await sql`insert into public.relationships (organization_id, project_id,
            source_table_id, source_column_id, target_table_id, target_column_id)
          select c.organization_id, c.project_id, c.table_id, c.id, o.table_id, o.id
          from public.column_metadata c, (select * from public.column_metadata
            where project_id = ${id} and position = 2 limit 1) o
          where c.project_id = ${id} and c.position = 1`;
      });
      const started = performance.now();
      const [row] = await server.as(userId, (sql) =>
        sql`select json_array_length(s -> 'tables') as tables,
            json_array_length(s -> 'relationships') as relationships
          from public.get_project_schema(${id}) s`);
      const took = performance.now() - started;
      assert.deepEqual({ ...row }, { tables: 500, relationships: 500 });
      // About a second on a busy machine; joins of whole sets took over a minute.
      assert.ok(took < 10_000, `it took ${Math.round(took)} ms`);
    });
  }));
