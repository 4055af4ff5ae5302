import assert from "node:assert/strict";
import postgres from "postgres";
import type { Stack } from "../../supabase/local/stack.ts";
import { signUp, withStack } from "./support.ts";

async function withClients(
  stack: Stack,
  count: number,
  test: (clients: postgres.Sql[]) => Promise<void>,
): Promise<void> {
  const clients = Array.from({ length: count }, () => postgres(stack.dbUrl, { max: 1 }));
  try {
    await test(clients);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

function pair([a, b]: postgres.Sql[]): [postgres.Sql, postgres.Sql] {
  return [a ?? assert.fail(), b ?? assert.fail()];
}

Deno.test("parallel transactions of several clients do not mix, and a failed one leaves nothing", () =>
  withStack((stack) =>
    withClients(stack, 4, async (clients) => {
      await stack.script("create table public.counter (n int); insert into counter values (0)");
      await Promise.all(clients.flatMap((sql, who) =>
        Array.from({ length: 10 }, (_, round) => {
          const work = sql.begin(async (transaction) => {
            const [row] = await transaction`select n from counter`;
            await transaction`update counter set n = ${Number(row?.n) + 1}`;
            if (round % 5 === 0) await transaction`select 1 / ${0}::int as ${sql(`by_${who}`)}`;
          });
          return round % 5 === 0 ? assert.rejects(work, /division by zero/) : work;
        })
      ));
      assert.deepEqual(await stack.query("select n from counter"), [{ n: 32 }]);
    })
  ));

Deno.test("an idle client holds nobody up; one in a transaction lets the API wait its turn", () =>
  withStack((stack) =>
    withClients(stack, 2, async (clients) => {
      const [idle, busy] = pair(clients);
      await idle`select 1`;
      const { client } = await signUp(stack);
      assert.equal((await client.from("notes").select()).error, null);
      let listed: Promise<unknown[] | null> | undefined;
      await busy.begin(async (sql) => {
        const [{ id } = { id: "" }] = await sql`select id from auth.users`;
        listed = Promise.resolve(client.from("notes").select()).then(({ data }) => data);
        await sql`insert into notes (owner, body) values (${String(id)}, 'first')`;
        await sql`select pg_sleep(0.05)`;
      });
      assert.equal((await listed)?.length, 1);
    })
  ));

Deno.test("a client's settings are its own: role, search_path, prepared statements, temp tables", () =>
  withStack((stack) =>
    withClients(stack, 2, async (clients) => {
      const [one, two] = pair(clients);
      await one.unsafe("set role authenticated");
      await one.unsafe("set search_path to extensions");
      await one.unsafe("set statement_timeout to '5s'");
      const state = "select current_user as role, current_setting('search_path') as path, " +
        "current_setting('statement_timeout') as timeout";
      const plain = { role: "postgres", path: '"$user", public, extensions', timeout: "0" };
      const own = { role: "authenticated", path: "extensions", timeout: "5s" };
      assert.deepEqual({ ...(await two.unsafe(state))[0] }, plain);
      assert.deepEqual({ ...(await one.unsafe(state))[0] }, own);
      assert.deepEqual((await stack.query(state))[0], plain);
      assert.deepEqual({ ...(await one.unsafe(state))[0] }, own);
      await one.unsafe("reset all; reset role; create temp table mine (id int)");
      await one`select 1 from notes where body = ${"x"}`;
      await Promise.all([one.end(), two.end()]);
      const prepared = `select name from pg_prepared_statements where name like 'wire_%'`;
      while ((await stack.query(prepared)).length > 0) {
        // A turn of the event loop: the stack learns of the goodbye in it.
        await new Promise((resolve) => setTimeout(resolve));
      }
      assert.deepEqual(await stack.query("select to_regclass('pg_temp.mine') as left"), [{
        left: null,
      }]);
    })
  ));

Deno.test("a client that goes away in the middle of a transaction has not been there", () =>
  withStack(async (stack) => {
    await stack.query("create table public.open (id int)");
    const sql = postgres(stack.dbUrl, { max: 1, onclose: () => {} });
    const begun = Promise.withResolvers<void>();
    const lost = sql.begin(async (transaction) => {
      await transaction`insert into open values (1)`;
      begun.resolve();
      await new Promise(() => {});
    });
    await begun.promise;
    await sql.end({ timeout: 0 });
    await assert.rejects(lost);
    assert.deepEqual(await stack.query("select * from open"), []);
  }));

Deno.test("COPY goes in and out", () =>
  withStack((stack) =>
    withClients(stack, 1, async ([sql]) => {
      await stack.query("create table public.copied (id int, name text)");
      const sink = await sql?.unsafe("copy copied from stdin").writable() ?? assert.fail();
      const finished = Promise.withResolvers<void>();
      sink.on("finish", () => finished.resolve()).on("error", finished.reject);
      sink.write("1\tone\n");
      sink.end("2\ttwo\n");
      await finished.promise;
      assert.deepEqual(await stack.query("select * from copied order by 1"), [
        { id: 1, name: "one" },
        { id: 2, name: "two" },
      ]);
      const source = await sql?.unsafe("copy copied to stdout").readable() ?? assert.fail();
      assert.equal((await Array.fromAsync(source)).join(""), "1\tone\n2\ttwo\n");
    })
  ));

Deno.test("what a client creates is at once in the API", () =>
  withStack((stack) =>
    withClients(stack, 1, async ([sql]) => {
      const { client } = await signUp(stack);
      assert.equal((await client.from("fresh").select()).error?.code, "PGRST205");
      await sql?.unsafe("create table fresh (id int); grant select on fresh to authenticated");
      assert.deepEqual((await client.from("fresh").select()).data, []);
    })
  ));
