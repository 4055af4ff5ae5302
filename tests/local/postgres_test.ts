import assert from "node:assert/strict";
import { type Stack, startStack } from "../../supabase/local/stack.ts";
import { HAS_SERVER, startPostgres } from "./postgres_server.ts";
import { FIXTURE_OPTIONS, FIXTURES, signUp, withFolder } from "./support.ts";

Deno.test("a PostgreSQL server serves as well, twice, with the same grants and policies", {
  ignore: !HAS_SERVER,
}, () =>
  withFolder(async (folder) => {
    const migrationsDir = `${folder}/migrations`;
    await Deno.mkdir(migrationsDir);
    const [notes] = [...Deno.readDirSync(`${FIXTURES}/migrations`)].map(({ name }) => name).sort();
    await Deno.copyFile(`${FIXTURES}/migrations/${notes}`, `${migrationsDir}/${notes}`);
    const server = await startPostgres(folder);
    try {
      const options = { ...FIXTURE_OPTIONS, migrationsDir, db: server.url, data: `${folder}/data` };
      for (let start = 1; start <= 2; start++) {
        const stack = await startStack(options);
        try {
          assert.equal(stack.dbUrl, server.url);
          await useInParallel(stack);
        } finally {
          await stack.stop();
        }
      }
      await Deno.writeTextFile(
        `${migrationsDir}/20260102000000_bad.sql`,
        "create table x (); oops",
      );
      await assert.rejects(
        startStack(options),
        /Migration 20260102000000_bad.sql failed at line 1/,
      );
      await Deno.remove(`${migrationsDir}/20260102000000_bad.sql`);
      const stack = await startStack(options);
      assert.deepEqual(await stack.query("select to_regclass('public.x') as x"), [{ x: null }]);
      const results = await stack.script(
        "select 1 as a; set search_path to nowhere; select 2 as b",
      );
      assert.deepEqual(results.flat(), [{ a: 1 }, { b: 2 }]);
      await stack.stop();
    } finally {
      await server.stop();
    }
  }));

Deno.test("a server that can't be reached is one sentence", async () => {
  const db = "postgresql://postgres@127.0.0.1:1/postgres";
  await assert.rejects(startStack({ ...FIXTURE_OPTIONS, db }), {
    name: "StackError",
    message: /^The database of --db can't be used: .*ECONNREFUSED/,
  });
});

async function useInParallel(stack: Stack): Promise<void> {
  const users = await Promise.all([signUp(stack), signUp(stack)]);
  await Promise.all(Array.from({ length: 40 }, async (_, n) => {
    const { client, id } = users[n % 2] ?? assert.fail();
    assert.equal((await client.from("notes").insert({ body: String(n) })).error, null);
    const { data } = await client.from("notes").select("owner");
    assert.ok(data && data.length > 0 && data.every(({ owner }) => owner === id));
    assert.equal((await client.rpc("fail")).status, 409);
    assert.equal((await client.from("hidden").select()).error?.code, "42501");
  }));
}
